"""When a session's share of samples may end, now that its worker pulls them; what NATS is asked for that."""

from collections.abc import Mapping
from typing import Any

import pytest

from siloscope_contract import streams
from siloscope_contract.topics import Kind, subscription
from siloscope_ingest.hand_over import HandOver, Kept
from siloscope_ingest.session_store import SessionStore, hash_of

SAMPLES = subscription(Kind.SAMPLES)


@pytest.mark.parametrize(
    ("kept", "past"),
    [
        (Kept(waiting=0, unacknowledged=0, delivered=0, acknowledged=0), True),
        (Kept(waiting=3, unacknowledged=0, delivered=7, acknowledged=7), False),
        (Kept(waiting=0, unacknowledged=1, delivered=20, acknowledged=9), False),
        (Kept(waiting=5, unacknowledged=4, delivered=14, acknowledged=9), False),
        (Kept(waiting=5, unacknowledged=4, delivered=14, acknowledged=10), True),
        (Kept(waiting=5, unacknowledged=0, delivered=12, acknowledged=9), True),
    ],
    ids=["nothing", "undelivered", "uncommitted", "an old one uncommitted", "newer ones alone", "newer ones to come"],
)
def test_all_up_to_a_message_must_be_acknowledged(kept: Kept, past: bool) -> None:
    assert kept.is_past(10) is past


def test_the_mark_is_set_once_the_stream_has_settled_and_waits_as_long_again() -> None:
    hand_over = HandOver(settle_s=5.0)
    empty = Kept(0, 0, 0, 0)
    assert not hand_over.is_over(100.0, 10, empty)
    assert not hand_over.is_over(104.9, 20, empty)
    assert not hand_over.is_over(105.0, 30, empty)  # the mark is 30
    assert not hand_over.is_over(109.9, 40, empty)
    assert not hand_over.is_over(110.0, 50, Kept(waiting=9, unacknowledged=2, delivered=31, acknowledged=29))
    assert hand_over.is_over(111.0, 60, Kept(waiting=9, unacknowledged=2, delivered=31, acknowledged=30))


class Broker:
    """Answers as JetStream does, two names a page."""

    def __init__(self, consumers: Mapping[str, str]) -> None:
        self.consumers = consumers

    async def ask(self, subject: str, request: Mapping[str, object]) -> dict[str, Any] | None:
        if subject == streams.MQTT_STREAM_INFO:
            return {"state": {"last_seq": 42}}
        if subject == streams.MQTT_CONSUMER_NAMES:
            at = request["offset"]
            assert isinstance(at, int)
            names = list(self.consumers)
            return {"total": len(names), "consumers": names[at : at + 2] or None}
        name = subject.removeprefix(f"{streams.MQTT_CONSUMER_INFO}.")
        if name not in self.consumers:
            return None
        return {
            "config": {"filter_subject": self.consumers[name]},
            "num_pending": 1,
            "num_ack_pending": 2,
            "delivered": {"stream_seq": 3},
            "ack_floor": {"stream_seq": 4},
        }


async def test_the_subscription_of_this_session_alone_is_found() -> None:
    own, other = hash_of("mine"), hash_of("yours")
    samples, births = "$MQTT.msgs.silo.v1.*.*.*.samples", "$MQTT.msgs.silo.v1.*.*.*.birth"
    broker = Broker({f"{other}_a": samples, f"{own}_b": births, f"{own}_c": samples, f"{own}X_d": samples})
    store = SessionStore(broker.ask, "mine")
    assert await store.subscription(SAMPLES) == f"{own}_c"
    assert await store.kept(f"{own}_c") == Kept(1, 2, 3, 4)
    assert await store.kept(f"{own}_e") is None
    assert await store.newest() == 42


async def test_a_session_without_the_subscription_has_none() -> None:
    broker = Broker({f"{hash_of('mine')}_b": "$MQTT.msgs.silo.v1.*.*.*.birth"})
    assert await SessionStore(broker.ask, "mine").subscription(SAMPLES) is None
    assert await SessionStore(Broker({}).ask, "mine").subscription(SAMPLES) is None
