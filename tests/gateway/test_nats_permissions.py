"""The rendered permissions against a real NATS server. Every refusal comes first."""

from collections.abc import Iterator

import pytest

from siloscope_contract.topics import Kind, NodeName, Topic, node_subscribes, subscription
from siloscope_deploy.servers.accounts import temporary_home
from siloscope_deploy.servers.nats import NatsServer
from siloscope_gateway.credentials import Credential, Recognition, issue
from siloscope_gateway.principals import Principal
from tests.gateway.broker_client import BrokerClient

pytestmark = pytest.mark.nats

YARD = NodeName.of("demo", "north", "yard")
SHED = NodeName.of("demo", "north", "shed")
PRINCIPALS = {
    "yard": Principal.of_node(YARD),
    "shed": Principal.of_node(SHED),
    "site": Principal.of_site("demo", "north"),
    "ingest": Principal.ingest(),
}
ISSUED = {name: issue(principal) for name, principal in PRINCIPALS.items()}
RECOGNITIONS = [recognition for _, recognition in ISSUED.values()]


def credential(name: str) -> Credential:
    return ISSUED[name][0]


@pytest.fixture(scope="module")
def broker() -> Iterator[NatsServer]:
    with temporary_home() as home:
        server = NatsServer(home / "nats", RECOGNITIONS)
        server.start()
        yield server
        server.stop()


@pytest.fixture
def ingest(broker: NatsServer) -> Iterator[BrokerClient]:
    with BrokerClient(broker.port, credential("ingest"), "ingest-test") as client:
        filters = [subscription(kind) for kind in (Kind.SAMPLES, Kind.BIRTH, Kind.HEARTBEAT, Kind.STATUS)]
        assert client.subscribe(*filters) == [True] * 4
        client.seen()
        yield client


def test_nobody_anonymous_and_no_wrong_password_gets_in(broker: NatsServer) -> None:
    wrong = Credential(credential("yard").username, credential("shed").password)
    for given in (None, wrong, Credential("nobody", "x")):
        with BrokerClient(broker.port, given, "stranger") as client:
            assert not client.accepted


@pytest.mark.parametrize(
    "wanted",
    [
        "#",
        "silo/#",
        "silo/v1/+/+/+/samples",
        "silo/v1/demo/north/yard/committed",
        "silo/v1/demo/north/shed/samples",
        "$MQTT/sub/#",
        "$MQTT/#",
        "$JS/#",
        "$SYS/#",
    ],
)
def test_a_node_reads_nothing_beyond_its_own_prefix(broker: NatsServer, wanted: str) -> None:
    with BrokerClient(broker.port, credential("shed"), "shed-reading") as shed:
        assert shed.subscribe(wanted) == [False]


@pytest.mark.parametrize(
    "topic",
    [
        Topic(YARD, Kind.SAMPLES).text(),
        Topic(YARD, Kind.BIRTH).text(),
        Topic(SHED, Kind.COMMITTED).text(),
        Topic(YARD, Kind.COMMITTED).text(),
    ],
)
def test_what_a_node_publishes_beyond_its_rights_reaches_nobody(
    broker: NatsServer, ingest: BrokerClient, topic: str
) -> None:
    with (
        BrokerClient(broker.port, credential("shed"), "shed-writing") as shed,
        BrokerClient(broker.port, credential("yard"), "yard-reading") as yard,
    ):
        yard.subscribe(*node_subscribes(YARD))
        yard.seen()
        shed.publish(topic, b"forged")
        shed.publish(Topic(SHED, Kind.SAMPLES).text(), b"barrier")
        assert ingest.next_message() == (Topic(SHED, Kind.SAMPLES).text(), b"barrier", False)
        ingest.publish(Topic(YARD, Kind.COMMITTED).text(), b"mark")
        assert yard.next_message()[1] == b"mark"


def test_a_site_credential_writes_samples_of_its_site_alone(broker: NatsServer, ingest: BrokerClient) -> None:
    with BrokerClient(broker.port, credential("site"), "plain") as plain:
        assert plain.subscribe("silo/v1/demo/north/probe/committed") == [False]
        plain.publish("silo/v1/demo/south/probe/samples", b"other site")
        plain.publish("silo/v1/demo/north/probe/birth", b"no samples")
        plain.publish("silo/v1/demo/north/probe/samples", b"allowed")
    assert ingest.next_message() == ("silo/v1/demo/north/probe/samples", b"allowed", False)


def test_another_nodes_session_is_not_inherited_with_its_client_id(broker: NatsServer, ingest: BrokerClient) -> None:
    with BrokerClient(broker.port, credential("yard"), "stolen", clean=False) as yard:
        assert yard.subscribe(Topic(YARD, Kind.COMMITTED).text()) == [True]
    ingest.publish(Topic(YARD, Kind.COMMITTED).text(), b"for yard alone")
    with BrokerClient(broker.port, credential("shed"), "stolen", clean=False) as shed:
        shed.subscribe(Topic(SHED, Kind.COMMITTED).text())
        ingest.publish(Topic(YARD, Kind.COMMITTED).text(), b"for yard alone, again")
        ingest.publish(Topic(SHED, Kind.COMMITTED).text(), b"for shed")
        received = [shed.next_message()[1]]
        assert received == [b"for shed"]


def test_a_node_publishes_and_ingest_reads(broker: NatsServer, ingest: BrokerClient) -> None:
    with BrokerClient(broker.port, credential("yard"), "yard") as yard:
        for kind in (Kind.SAMPLES, Kind.BIRTH, Kind.HEARTBEAT, Kind.STATUS):
            yard.publish(Topic(YARD, kind).text(), kind.encode())
            assert ingest.next_message() == (Topic(YARD, kind).text(), kind.encode(), False)


def test_a_watermark_is_retained_for_the_node_that_comes_later(broker: NatsServer, ingest: BrokerClient) -> None:
    ingest.publish(Topic(YARD, Kind.COMMITTED).text(), b"up to 7", retain=True)
    with BrokerClient(broker.port, credential("yard"), "yard-later") as yard:
        assert yard.subscribe(Topic(YARD, Kind.COMMITTED).text()) == [True]
        assert yard.next_message() == (Topic(YARD, Kind.COMMITTED).text(), b"up to 7", True)


def test_a_session_gets_what_came_while_it_was_away_and_the_broker_was_killed(
    broker: NatsServer,
) -> None:
    with BrokerClient(broker.port, credential("yard"), "yard-away", clean=False) as yard:
        yard.subscribe(Topic(YARD, Kind.COMMITTED).text())
        yard.seen()
    with BrokerClient(broker.port, credential("ingest"), "ingest-once") as ingest:
        ingest.publish(Topic(YARD, Kind.COMMITTED).text(), b"while away")
    broker.kill()
    broker.start()
    with BrokerClient(broker.port, credential("yard"), "yard-away", clean=False) as yard:
        assert yard.next_message()[1] == b"while away"


def test_a_revoked_credential_is_refused_without_a_restart(broker: NatsServer) -> None:
    pid = broker.pid
    fresh, recognition = issue(PRINCIPALS["shed"])
    try:
        broker.admit([*_without("shed"), recognition])
        with BrokerClient(broker.port, fresh, "shed-new") as client:
            assert client.accepted
        with BrokerClient(broker.port, credential("shed"), "shed-old") as client:
            assert not client.accepted
        assert broker.pid == pid
    finally:
        broker.admit(RECOGNITIONS)


def _without(name: str) -> list[Recognition]:
    return [recognition for other, (_, recognition) in ISSUED.items() if other != name]
