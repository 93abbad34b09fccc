"""The newest MQTT that a broker has, and what it keeps; encrypted, with certificates, and nobody else believed."""

import asyncio
import getpass
import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import aiomqtt
import nats
import pytest
from aiomqtt import ProtocolVersion
from msgspec.structs import replace

from siloscope_contract import streams
from siloscope_contract.topics import Kind, Topic
from siloscope_deploy.servers.nats import NatsServer
from siloscope_deploy.servers.ports import free_port
from siloscope_edge import link
from siloscope_edge.config import Mqtt
from siloscope_edge.errors import LinkLost, SubscriptionRefused
from siloscope_edge.link import WATERMARKS_QOS, LastWill, connector
from siloscope_edge.tls import Tls, context
from siloscope_gateway.principals import Principal
from siloscope_ingest.session_store import SessionStore
from tests.brokers import FOREIGN_NODE, NODE, OTHER_NODE, TestBroker

STATUS = Topic(NODE, Kind.STATUS).text()
NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")
WILL = LastWill(STATUS, b"{}")


@pytest.fixture
def versions(monkeypatch: pytest.MonkeyPatch) -> list[ProtocolVersion]:
    """The versions that were tried, in order."""
    tried: list[ProtocolVersion] = []
    make = link._client

    def noted(*arguments: object) -> object:
        assert isinstance(arguments[-1], ProtocolVersion)
        tried.append(arguments[-1])
        return make(*arguments)  # type: ignore[arg-type]  # as they came

    monkeypatch.setattr(link, "_client", noted)
    return tried


async def test_the_newest_mqtt_that_the_broker_has_is_used(broker: TestBroker, versions: list[ProtocolVersion]) -> None:
    credential = broker.credential(Principal.of_node(NODE))
    mqtt = Mqtt("127.0.0.1", broker.port, credential.username)
    connect = connector(mqtt, credential.password, "silo-test")
    for _ in range(2):
        async with connect(WILL) as connected:
            await connected.publish(STATUS, b"{}", qos=1)
    if broker.server.__class__.__name__ == "NatsServer":  # it has 3.1.1 only, and is not asked for 5 again
        assert versions == [ProtocolVersion.V5, ProtocolVersion.V311, ProtocolVersion.V311]
    else:
        assert versions == [ProtocolVersion.V5, ProtocolVersion.V5]


@pytest.mark.mosquitto
async def test_an_older_mqtt_can_be_asked_for(mosquitto_broker: TestBroker, versions: list[ProtocolVersion]) -> None:
    credential = mosquitto_broker.credential(Principal.of_node(NODE))
    mqtt = Mqtt("127.0.0.1", mosquitto_broker.port, credential.username, version="v311")
    async with connector(mqtt, credential.password, "silo-test")(WILL) as connected:
        await connected.publish(STATUS, b"{}", qos=1)
    assert versions == [ProtocolVersion.V311]


@pytest.mark.mosquitto
async def test_a_wrong_password_is_not_tried_twice(
    mosquitto_broker: TestBroker, versions: list[ProtocolVersion]
) -> None:
    credential = mosquitto_broker.credential(Principal.of_node(NODE))
    mqtt = Mqtt("127.0.0.1", mosquitto_broker.port, credential.username)
    with pytest.raises(LinkLost, match=r"[Nn]ot authori[sz]ed"):
        async with connector(mqtt, "wrong", "silo-test")(WILL):
            pass
    assert versions == [ProtocolVersion.V5]


async def test_whoever_subscribes_again_is_told_again_what_is_kept(broker: TestBroker) -> None:
    credential = broker.credential(Principal.of_node(NODE))
    mqtt = Mqtt("127.0.0.1", broker.port, credential.username)
    topic = Topic(NODE, Kind.COMMITTED).text()
    ingest = broker.credential(Principal.ingest())
    async with aiomqtt.Client(
        "127.0.0.1", broker.port, username=ingest.username, password=ingest.password
    ) as publisher:
        await publisher.publish(topic, b"newest", qos=1, retain=True)
    async with connector(mqtt, credential.password, "silo-test")(WILL) as connected:
        await connected.subscribe(topic, qos=WATERMARKS_QOS)
        assert await asyncio.wait_for(connected.received(), 20) == (topic, b"newest")
        await connected.subscribe(topic, qos=WATERMARKS_QOS)
        assert await asyncio.wait_for(connected.received(), 20) == (topic, b"newest")


@pytest.mark.nats
async def test_a_subscription_that_the_broker_refuses_is_none(nats_broker: TestBroker) -> None:
    credential = nats_broker.credential(Principal.of_node(NODE))
    mqtt = Mqtt("127.0.0.1", nats_broker.port, credential.username)
    async with connector(mqtt, credential.password, "silo-test")(WILL) as connected:
        for topic in (Topic(OTHER_NODE, Kind.COMMITTED).text(), Topic(FOREIGN_NODE, Kind.COMMITTED).text()):
            with pytest.raises(SubscriptionRefused, match=topic):
                await connected.subscribe(topic, qos=WATERMARKS_QOS)
        await connected.publish(STATUS, b"{}", qos=1)


@pytest.mark.nats
async def test_nats_keeps_nothing_that_could_get_stuck_for_who_listens_to_watermarks(nats_broker: TestBroker) -> None:
    credential = nats_broker.credential(Principal.of_node(NODE))
    mqtt = Mqtt("127.0.0.1", nats_broker.port, credential.username)
    topic = Topic(NODE, Kind.COMMITTED).text()
    found = []
    for client_id, qos in (("silo-test", WATERMARKS_QOS), ("silo-careful", 1)):
        async with connector(mqtt, credential.password, client_id)(WILL) as connected:
            await connected.subscribe(topic, qos=qos)
            found.append(await kept_by_nats(nats_broker, client_id, topic))
    assert found[0] is None
    assert found[1] is not None, "or it is not asked as it should be"


async def kept_by_nats(broker: TestBroker, client_id: str, topic: str) -> str | None:
    """Return the name of the consumer that NATS keeps for a subscription."""
    assert isinstance(broker.server, NatsServer)
    login = broker.credential(Principal.ingest())
    client = await nats.connect(
        f"nats://127.0.0.1:{broker.server.client_port}",
        user=login.username,
        password=login.password,
        inbox_prefix=streams.INBOX,
    )

    async def ask(subject: str, request: Mapping[str, object]) -> dict[str, Any] | None:
        answer: dict[str, Any] = json.loads((await client.request(subject, json.dumps(request).encode())).data)
        return None if "error" in answer else answer

    try:
        return await SessionStore(ask, client_id).subscription(topic)
    finally:
        await client.close()


def openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


def made_certificate(directory: Path, name: str, common_name: str, authority: str | None = None) -> None:
    """Make a key and a certificate: an authority's own, or one that an authority signed."""
    key, request, certificate = (str(directory / f"{name}.{kind}") for kind in ("key", "csr", "crt"))
    openssl("req", *NEW_KEY, "-nodes", "-keyout", key, "-out", request, "-subj", f"/CN={common_name}")
    extensions = directory / f"{name}.ext"
    lines = "basicConstraints=critical,CA:true" if authority is None else "subjectAltName=DNS:localhost"
    extensions.write_text(lines)
    signer = ["-signkey", key]
    if authority is not None:
        signed_by = directory / authority
        signer = ["-CA", f"{signed_by}.crt", "-CAkey", f"{signed_by}.key", "-CAcreateserial"]
    openssl("x509", "-req", "-in", request, *signer, "-days", "2", "-out", certificate, "-extfile", str(extensions))


class Guarded:
    """A broker that speaks TLS only, and only with who shows a certificate of its authority."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port = free_port()
        for name, common_name, authority in (
            ("authority", "farm", None),
            ("stranger", "stranger", None),
            ("broker", "localhost", "authority"),
            ("node", "yard-pi", "authority"),
            ("impostor", "yard-pi", "stranger"),
        ):
            made_certificate(directory, name, common_name, authority)
        directory.chmod(0o755)
        for file in directory.iterdir():
            file.chmod(0o644)
        settings = {
            "user": getpass.getuser(),
            "listener": f"{self.port} 127.0.0.1",
            "cafile": directory / "authority.crt",
            "certfile": directory / "broker.crt",
            "keyfile": directory / "broker.key",
            "require_certificate": "true",
            "use_identity_as_username": "true",
            "allow_anonymous": "false",
        }
        (directory / "broker.conf").write_text("".join(f"{name} {value}\n" for name, value in settings.items()))

    def settings(self, name: str | None, *, authority: str = "authority", host: str = "localhost") -> Mqtt:
        tls = Tls(f"{authority}.crt", f"{name}.crt" if name else None, f"{name}.key" if name else None)
        return Mqtt(host, self.port, tls=tls.based(str(self.directory)))


@pytest.fixture
def guarded(tmp_path_factory: pytest.TempPathFactory, mosquitto_broker: TestBroker) -> Iterator[Guarded]:
    made = Guarded(tmp_path_factory.mktemp("guarded"))
    with subprocess.Popen(
        ["mosquitto", "-c", str(made.directory / "broker.conf")], stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if " running" in line:
                break
        yield made
        process.terminate()


@pytest.mark.mosquitto
async def test_certificates_on_both_sides_make_a_connection_without_a_password(guarded: Guarded) -> None:
    async with connector(guarded.settings("node"), None, "silo-test")(WILL) as connected:
        await connected.publish(STATUS, b"{}", qos=1)


@pytest.mark.mosquitto
async def test_whoever_lacks_a_certificate_or_shows_a_strangers_is_kept_out(
    guarded: Guarded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "_CONNECT_TIMEOUT_S", 1.0)  # aiomqtt does not say that the broker hung up
    for mqtt in (guarded.settings(None), guarded.settings("impostor")):
        with pytest.raises(LinkLost):
            async with connector(mqtt, None, "silo-test")(WILL):
                pass


@pytest.mark.mosquitto
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # paho drops a socket that it refused
async def test_a_broker_that_nobody_vouches_for_is_not_believed(guarded: Guarded) -> None:
    with pytest.raises(LinkLost, match="CERTIFICATE_VERIFY_FAILED"):
        async with connector(guarded.settings("node", authority="stranger"), None, "silo-test")(WILL):
            pass
    with pytest.raises(LinkLost, match="mismatch"):
        async with connector(guarded.settings("node", host="127.0.0.1"), None, "silo-test")(WILL):
            pass


def test_files_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(LinkLost, match=r"nowhere\.crt"):
        context(Tls(ca_file=str(tmp_path / "nowhere.crt")))
    assert replace(Tls(), ca_file="a").based("/etc").ca_file == "/etc/a"
