"""The real agent, a real broker, and everything killed in turn: at the end the database holds what was spooled."""

import asyncio
import json
import random
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiomqtt
import pytest
import yaml

from siloscope_contract.births import State
from siloscope_contract.packs import decode
from siloscope_edge.epochs import ordinal_of, seq_of
from siloscope_edge.spool_file import FILE_NAME, SQL, connect
from siloscope_edge.spool_reading import read_epochs
from siloscope_gateway.principals import Principal
from tests.brokers import NODE, TestBroker
from tests.edge.drivers.modbus.fake_host import FakeModbusHost, holding
from tests.edge.fake_ingest import FakeDatabase, FakeIngest

UNITS = range(1, 5)


class Yard:
    """A yard on this machine: instruments, an agent in a process of its own, a broker, an ingest."""

    def __init__(self, directory: Path, broker: TestBroker, host: FakeModbusHost) -> None:
        self.directory = directory
        self.broker = broker
        self.host = host
        self.database = FakeDatabase()
        self.ingest = FakeIngest(broker.ingest_url, NODE, self.database)
        self.agent: asyncio.subprocess.Process | None = None
        self._ingesting: asyncio.Task[None] | None = None

    @property
    def config(self) -> Path:
        return self.directory / "edge.yaml"

    def configure(self, *, reading: bool) -> None:
        """Write the agent's configuration; one that reads nothing only drains its spool."""
        credential = self.broker.credential(Principal.of_node(NODE))
        (self.directory / "password").write_text(credential.password)
        devices = [{"name": f"head-{unit}", "profile": "r4dcb08", "unit_id": unit, "period_s": 0.2} for unit in UNITS]
        bus = {"name": "heads", "modbus_tcp": {"host": "127.0.0.1", "port": self.host.port}, "devices": devices}
        mqtt = {
            "host": "127.0.0.1",
            "port": self.broker.port,
            "username": credential.username,
            "password_file": "password",
            "resend_after_s": 0.5,
            "probe_after_s": 1.0,
            "heartbeat_s": 0.5,
            "unacknowledged_packs": 8,
            "uncommitted_packs": 40,
        }
        document = {
            "organisation": NODE.org,
            "site": NODE.site,
            "node": NODE.node,
            "mqtt": mqtt,
            "data_directory": "data",
            "spool": {"commit_interval_s": 0.1},
            "operations_port": 0,
            "clock": {"source": "system"},
            "vitals_period_s": None,
            "buses": [bus] if reading else [],
        }
        self.config.write_text(yaml.safe_dump(document))

    async def start_agent(self) -> None:
        command = "from siloscope_process.command_line import main; raise SystemExit(main())"
        with (self.directory / "agent.log").open("ab") as log:
            self.agent = await asyncio.create_subprocess_exec(
                sys.executable, "-c", command, "edge", "run", "--config", str(self.config), stderr=log
            )

    async def stop_agent(self, how: signal.Signals) -> int:
        assert self.agent is not None
        self.agent.send_signal(how)
        async with asyncio.timeout(5):
            return await self.agent.wait()

    def start_ingest(self) -> None:
        self._ingesting = asyncio.create_task(self._ingest_for_ever())

    async def kill_ingest(self) -> None:
        assert self._ingesting is not None
        await ended(self._ingesting)

    async def _ingest_for_ever(self) -> None:
        while True:
            try:
                await self.ingest.run()
            except aiomqtt.MqttError:
                await asyncio.sleep(0.1)

    def states(self) -> list[State]:
        return [status.state for status in self.ingest.statuses]

    def spooled(self) -> dict[tuple[str, int], bytes]:
        connection = connect(self.directory / "data" / FILE_NAME, read_only=True)
        names = {state.ordinal: str(state.epoch) for state in read_epochs(connection)}
        rows = connection.execute(SQL["packs"]).fetchall()
        connection.close()
        return {(names[ordinal_of(number)], seq_of(number)): bytes(payload) for number, payload in rows}

    async def all_is_committed(self) -> None:
        await self.ingest.until(lambda: not self.spooled().items() - self.database.held.items())


async def ended(task: asyncio.Task[None]) -> None:
    """Cancel a task, until it has ended.

    A cancellation is lost where what `asyncio.wait_for` waits for comes at the same moment, and where leaving a client
    fails in its turn, which then connects again.
    """
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=1)
    await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def yard(directory: Path, broker: TestBroker) -> AsyncIterator[Yard]:
    host = FakeModbusHost({unit: holding({at: 100 * unit + at for at in range(8)}) for unit in UNITS})
    await host.start()
    made = Yard(directory, broker, host)
    made.configure(reading=True)
    made.start_ingest()
    await made.start_agent()
    try:
        yield made
    finally:
        if made.agent is not None and made.agent.returncode is None:
            await made.stop_agent(signal.SIGKILL)
        await made.kill_ingest()
        await host.stop()


async def test_whatever_is_killed_the_database_ends_with_what_was_spooled(broker: TestBroker, tmp_path: Path) -> None:
    chance = random.Random(11)
    async with yard(tmp_path, broker) as made:
        await made.ingest.until_held(3)
        for victim in ("agent", "ingest", "broker", "agent", "ingest"):
            await made.host.until_asked(chance.randint(1, 8))
            if victim == "agent":
                await made.stop_agent(signal.SIGKILL)
                await made.start_agent()
            elif victim == "ingest":
                await made.kill_ingest()
                await made.host.until_asked(chance.randint(1, 12))
                made.start_ingest()
            else:
                await asyncio.to_thread(broker.kill)
                await asyncio.to_thread(broker.start)
            await made.ingest.until_held(3)
        assert await made.stop_agent(signal.SIGTERM) == 0
        made.configure(reading=False)
        await made.start_agent()
        await made.all_is_committed()
        samples = [sample for payload in made.spooled().values() for sample in decode(payload, received_ms=0).samples]
        assert len({(sample.device, sample.time_ms) for sample in samples}) == len(samples) > 20
        for sample in samples:
            unit = int(sample.device.removeprefix("head-"))
            if sample.values[0] is not None:
                assert sample.values == [(100 * unit + at) / 10 for at in range(8)]


@pytest.mark.nats
async def test_a_clean_stop_says_goodbye_and_commits_its_last_samples(nats_broker: TestBroker, tmp_path: Path) -> None:
    async with yard(tmp_path, nats_broker) as made:
        await made.ingest.until(lambda: len(made.database.held) >= 2 and bool(made.ingest.heartbeats))
        assert made.states()[-1] == State.ONLINE
        assert await made.stop_agent(signal.SIGTERM) == 0
        await made.ingest.until(lambda: made.states()[-1] == State.OFFLINE)
        birth, heartbeat = made.ingest.births[-1], made.ingest.heartbeats[-1]
        assert [device.name for device in birth.devices] == [f"head-{unit}" for unit in UNITS]
        assert heartbeat.session == birth.session
        log = [json.loads(line) for line in (tmp_path / "agent.log").read_text().splitlines()]
        assert log[-1]["event"] == "agent_stopped"
        password = (tmp_path / "password").read_text()
        assert password not in (tmp_path / "agent.log").read_text()


@pytest.mark.nats
async def test_a_restored_database_is_given_everything_again(nats_broker: TestBroker, tmp_path: Path) -> None:
    async with yard(tmp_path, nats_broker) as made:
        await made.ingest.until_held(6)
        made.ingest.database = made.database = FakeDatabase(generation="second")  # restored from before all of it
        await made.ingest.until_held(8)
        await made.stop_agent(signal.SIGTERM)
        made.configure(reading=False)
        await made.start_agent()
        await made.all_is_committed()
        assert min(seq for _, seq in made.database.held) == 1


@pytest.mark.nats
async def test_a_stop_takes_less_than_five_seconds_with_the_broker_away(
    nats_broker: TestBroker, tmp_path: Path
) -> None:
    async with yard(tmp_path, nats_broker) as made:
        await made.ingest.until_held(1)
        await asyncio.to_thread(nats_broker.kill)
        await made.host.until_asked(8)
        assert await made.stop_agent(signal.SIGTERM) == 0
        await asyncio.to_thread(nats_broker.start)
