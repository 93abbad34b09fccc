"""The real agent and a real broker: nothing leaves before the clock is known, and then all of it has the right date."""

import signal
import time
from pathlib import Path

import pytest
import yaml

from siloscope_contract.births import ClockState
from siloscope_contract.packs import decode
from tests.brokers import TestBroker
from tests.edge.drivers.modbus.fake_host import FakeModbusHost, holding
from tests.edge.test_agent_killed import UNITS, Yard


@pytest.mark.nats
async def test_nothing_leaves_before_the_clock_is_known(nats_broker: TestBroker, tmp_path: Path) -> None:
    host = FakeModbusHost({unit: holding({at: 100 * unit + at for at in range(8)}) for unit in UNITS})
    await host.start()
    yard = Yard(tmp_path, nats_broker, host)
    yard.configure(reading=True)
    document = yaml.safe_load(yard.config.read_text())
    document["clock"] = {"source": "file", "file": "synchronized"}
    yard.config.write_text(yaml.safe_dump(document))
    yard.start_ingest()
    started_ms = time.time_ns() // 1_000_000
    await yard.start_agent()
    try:
        await host.until_asked(len(UNITS))
        await yard.ingest.until(lambda: len(yard.spooled()) >= 5)
        await yard.stop_agent(signal.SIGKILL)  # what waits for its date survives that, too
        await yard.start_agent()
        await yard.ingest.until(lambda: len(yard.spooled()) >= 10 and len(yard.ingest.heartbeats) > 2)
        undated = {pair for pair, payload in yard.spooled().items() if payload.startswith(b"\0")}
        assert len(undated) >= 10
        assert yard.database.held == {}
        assert yard.ingest.heartbeats[-1].clock is ClockState.UNSYNCHRONISED
        (tmp_path / "synchronized").touch()
        await yard.ingest.until(lambda: undated <= yard.database.held.keys())
        await yard.ingest.until(lambda: yard.ingest.heartbeats[-1].clock is ClockState.SYNCHRONISED)
        ended_ms = time.time_ns() // 1_000_000
        samples = [each for pair in undated for each in decode(yard.database.held[pair], received_ms=0).samples]
        assert len(samples) > 10
        for sample in samples:
            assert started_ms - 100 <= sample.time_ms <= ended_ms
            assert set(sample.quality) == {0}
    finally:
        await yard.stop_agent(signal.SIGKILL)
        await yard.kill_ingest()
        await host.stop()
