"""The gateway does not take a broker's refusal for a subscription."""

import pytest

from siloscope_gateway.errors import BrokerAway
from siloscope_gateway.principals import Principal
from siloscope_gateway.remote.broker import connected
from siloscope_process import broker_url
from tests.brokers import NODE, TestBroker

pytestmark = pytest.mark.nats


async def test_who_may_not_hear_nodes_is_told_so(nats_broker: TestBroker) -> None:
    servers = [broker_url.parse(nats_broker.url_for(Principal.of_node(NODE)))]
    with pytest.raises(BrokerAway, match=r"refuses the subscription to silo/v1/\+"):
        async with connected(servers, 0):
            pass


async def test_the_gateway_may(nats_broker: TestBroker) -> None:
    async with connected([broker_url.parse(nats_broker.gateway_url)], 0):
        pass
