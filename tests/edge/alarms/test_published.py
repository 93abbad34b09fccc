"""The real agent and a real broker: what the siren did is announced, numbered and committed like any reading."""

import signal
from pathlib import Path

import pytest
import yaml

from siloscope_contract.packs import decode
from tests.brokers import TestBroker
from tests.edge.alarms.test_offline import SIREN, SOUNDING, Relays
from tests.edge.test_agent_killed import Yard


def committed(yard: Yard, channel: str) -> list[float | None]:
    """Return the values of a channel of the alarms in the database, in the order of their times."""
    found: dict[int, float | None] = {}
    for payload in yard.database.held.values():
        for sample in decode(payload, received_ms=0).samples:
            if sample.device == "alarms" and channel in sample.names:
                found[sample.time_ms] = sample.values[sample.names.index(channel)]
    return [found[at] for at in sorted(found)]


@pytest.mark.nats
async def test_what_the_siren_did_reaches_the_database(nats_broker: TestBroker, tmp_path: Path) -> None:
    relays = Relays()
    relays.start()
    relays.heat(200)
    yard = Yard(tmp_path, nats_broker, relays)
    yard.configure(reading=True)
    document = yaml.safe_load(yard.config.read_text())
    document["outputs"] = [{"name": "siren", "device": "head-1", "coil": SIREN, "minimum_interval_s": 1}]
    rule = {"name": "hot", "device": "head-1", "channels": ["t1"], "above": 35, "switches": ["siren"]}
    document["alarms"] = [rule]
    yard.config.write_text(yaml.safe_dump(document))
    yard.start_ingest()
    await yard.start_agent()
    try:
        await yard.ingest.until(lambda: committed(yard, "output_siren") != [])
        relays.heat(360)
        await relays.until(SOUNDING)
        await yard.ingest.until(lambda: committed(yard, "output_siren")[-1] == 1)
        assert 2 in committed(yard, "alarm_hot")
        (announced,) = [each for each in yard.ingest.births[-1].devices if each.name == "alarms"]
        assert [channel.key for channel in announced.groups[0].channels] == [
            "alarm_hot",
            "output_siren",
            "changes_siren",
        ]
    finally:
        await yard.stop_agent(signal.SIGKILL)
        await yard.kill_ingest()
        relays.stop()
