"""Mosquitto as a server of ours: what it keeps over a restart, and what it says when it is missing."""

from urllib.parse import urlsplit

import aiomqtt
import pytest

from siloscope_contract.topics import Kind, Topic
from siloscope_deploy.servers import mosquitto
from siloscope_process.errors import Unavailable
from tests.brokers import NODE, TestBroker

pytestmark = pytest.mark.mosquitto


async def test_a_clean_restart_keeps_retained_messages(mosquitto_broker: TestBroker) -> None:
    birth = Topic(NODE, Kind.BIRTH).text()
    async with client(mosquitto_broker.node_url()) as node:
        await node.publish(birth, b"kept", qos=1, retain=True)
    mosquitto_broker.stop()
    mosquitto_broker.start()
    async with client(mosquitto_broker.ingest_url) as ingest:
        await ingest.subscribe(birth, qos=1)
        message = await anext(aiter(ingest.messages))
    assert message.payload == b"kept"


def test_its_files_are_closed_to_others(mosquitto_broker: TestBroker) -> None:
    folder = mosquitto_broker.server.directory
    assert folder.stat().st_mode & 0o077 == 0
    assert (folder / "passwords").stat().st_mode & 0o077 == 0


def test_a_machine_without_it_is_told_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)
    with pytest.raises(Unavailable, match="apt-get install mosquitto"):
        mosquitto.program()


def client(url: str) -> aiomqtt.Client:
    parts = urlsplit(url)
    return aiomqtt.Client(parts.hostname or "", parts.port or 0, username=parts.username, password=parts.password)
