"""What nodes are told, against real brokers: nobody but the gateway tells them, and each hears itself alone."""

import pytest

from siloscope_contract.topics import Kind, NodeName, Topic, subscription
from siloscope_gateway.principals import Principal
from tests.brokers import FOREIGN_NODE, NODE, OTHER_NODE, TestBroker
from tests.gateway.broker_client import BrokerClient

TOLD = [(Kind.CONFIG, None), (Kind.COMMAND, "7f")]
SAID = [(Kind.CONFIG_STATE, None), (Kind.COMMAND_RESULT, "7f")]


def topic(node: NodeName, kind: Kind, command_id: str | None) -> str:
    return Topic(node, kind, command_id).text()


def client(broker: TestBroker, principal: Principal, name: str) -> BrokerClient:
    return BrokerClient(broker.port, broker.credential(principal), name)


@pytest.mark.parametrize(("kind", "command_id"), TOLD)
def test_nobody_but_the_gateway_tells_a_node(broker: TestBroker, kind: Kind, command_id: str | None) -> None:
    others = {
        "itself": Principal.of_node(NODE),
        "neighbour": Principal.of_node(OTHER_NODE),
        "foreigner": Principal.of_node(FOREIGN_NODE),
        "site": Principal.of_site(NODE.org, NODE.site),
        "ingest": Principal.ingest(),
        "monitor": Principal.monitor(),
    }
    with client(broker, Principal.of_node(NODE), "yard") as yard:
        assert yard.subscribe(subscription(kind, NODE.org, NODE.site, NODE.node)) == [True]
        for name, principal in others.items():
            with client(broker, principal, name) as forger:
                forger.publish(topic(NODE, kind, command_id), b"forged", retain=kind is Kind.CONFIG)
        with client(broker, Principal.gateway(), "gateway") as gateway:
            gateway.publish(topic(NODE, kind, command_id), b"told", retain=kind is Kind.CONFIG)
        assert yard.next_message()[:2] == (topic(NODE, kind, command_id), b"told")
        assert yard.seen() == []


@pytest.mark.parametrize(("kind", "command_id"), TOLD)
def test_a_node_hears_itself_alone(broker: TestBroker, kind: Kind, command_id: str | None) -> None:
    with client(broker, Principal.of_node(OTHER_NODE), "mast") as mast:
        mast.subscribe(subscription(kind), topic(NODE, kind, command_id), "silo/v1/+/+/+/#")
        mast.subscribe(subscription(kind, NODE.org, NODE.site, OTHER_NODE.node))
        with client(broker, Principal.gateway(), "gateway") as gateway:
            gateway.publish(topic(NODE, kind, command_id), b"of another", retain=kind is Kind.CONFIG)
            gateway.publish(topic(OTHER_NODE, kind, command_id), b"its own")
        assert mast.next_message()[1] == b"its own"
        assert mast.seen() == []


@pytest.mark.parametrize(("kind", "command_id"), SAID)
def test_what_a_node_says_of_another_reaches_nobody(broker: TestBroker, kind: Kind, command_id: str | None) -> None:
    with client(broker, Principal.gateway(), "gateway") as gateway:
        assert gateway.subscribe(subscription(kind)) == [True]
        with client(broker, Principal.of_node(OTHER_NODE), "mast") as mast:
            mast.publish(topic(NODE, kind, command_id), b"forged")
        with client(broker, Principal.of_node(NODE), "yard") as yard:
            yard.publish(topic(NODE, kind, command_id), b"own")
        assert gateway.next_message()[:2] == (topic(NODE, kind, command_id), b"own")
        assert gateway.seen() == []


def test_the_gateway_reads_no_samples_and_says_nothing_of_them(broker: TestBroker) -> None:
    with (
        client(broker, Principal.ingest(), "ingest") as ingest,
        client(broker, Principal.gateway(), "gateway") as gateway,
        client(broker, Principal.of_node(NODE), "yard") as yard,
    ):
        ingest.subscribe(subscription(Kind.SAMPLES))
        gateway.subscribe(subscription(Kind.SAMPLES))
        gateway.subscribe(subscription(Kind.CONFIG_STATE))
        yard.subscribe(topic(NODE, Kind.COMMITTED, None))
        gateway.publish(topic(NODE, Kind.SAMPLES, None), b"forged")
        gateway.publish(topic(NODE, Kind.COMMITTED, None), b"forged")
        yard.publish(topic(NODE, Kind.SAMPLES, None), b"own")
        yard.publish(topic(NODE, Kind.CONFIG_STATE, None), b"state")
        assert ingest.next_message()[1] == b"own"
        assert gateway.next_message()[1] == b"state"
        ingest.publish(topic(NODE, Kind.COMMITTED, None), b"mark")
        assert yard.next_message()[1] == b"mark"
