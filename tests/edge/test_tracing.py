"""Spans of sent packs: in the trace that ingest makes of the same pack, and never in the way."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from siloscope_contract import packs
from siloscope_contract.packs import Epoch, Pack, Sample
from siloscope_contract.topics import Kind, NodeName, Topic
from siloscope_contract.traces import pack_span_id, trace_id
from siloscope_edge.errors import LinkLost
from siloscope_edge.link import LastWill
from siloscope_edge.ports import Link
from siloscope_edge.tracing import PackTraces
from siloscope_process.clock import ManualClock
from siloscope_process.otlp import Collector, NotTaken, Span

NODE = NodeName.of("demo", "north-farm", "yard-pi")
TOPIC = Topic(NODE, Kind.SAMPLES).text()
EPOCH = Epoch("a" * 32)
WILL = LastWill("status", b"gone")


class FakeCollector(Collector):
    def __init__(self) -> None:
        super().__init__("http://127.0.0.1:9/v1/traces")
        self.taken: list[Span] = []
        self.is_away = False

    def post(self, resource: Mapping[str, Any], scope: str, spans: Sequence[Span]) -> None:
        assert resource["service.instance.id"] == str(NODE)
        if self.is_away:
            raise NotTaken("away")
        self.taken += spans


class SlowLink:
    """Acknowledges after 250 ms, or breaks."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self.breaks = False

    async def publish(self, topic: str, payload: bytes, *, qos: int, retain: bool = False) -> None:
        self._clock.jump(0.25)
        if self.breaks:
            raise LinkLost("cut")

    async def subscribe(self, topic: str, *, qos: int) -> None:
        assert (topic, qos) == ("topic", 0)

    async def received(self) -> tuple[str, bytes]:
        return "topic", b"heard"


def pack(seq: int, time_ms: int) -> bytes:
    sample = Sample("hygro", time_ms, ("temperature",), ("Cel",), [21.5], [0])
    return packs.encode(Pack(EPOCH, seq, [sample]))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(1_700_000_000_000)


def over(traces: PackTraces, link: SlowLink) -> Any:
    @asynccontextmanager
    async def connect(_: LastWill) -> AsyncIterator[Link]:
        yield link

    return traces.over(connect, TOPIC)


async def test_a_pack_in_so_many_has_its_wait_and_its_sending(clock: ManualClock) -> None:
    collector, link = FakeCollector(), SlowLink(clock)
    traces = PackTraces(collector, 2, NODE, clock)
    began_ms = clock.now_ms() + 250
    async with over(traces, link)(WILL) as connected:
        for seq in (1, 2, 3):
            await connected.publish(TOPIC, pack(seq, clock.now_ms() - 60_000), qos=1)
        assert await connected.received() == ("topic", b"heard")
    await traces.post()
    spool, publish = collector.taken
    for span in (spool, publish):
        assert (span.trace_id, span.parent_id) == (trace_id(EPOCH, 2), pack_span_id(EPOCH, 2))
    assert (spool.name, publish.name) == ("spool", "publish")
    assert (spool.start_ns, spool.end_ns) == ((began_ms - 60_000) * 1_000_000, began_ms * 1_000_000)
    assert (publish.start_ns, publish.end_ns) == (began_ms * 1_000_000, (began_ms + 250) * 1_000_000)


async def test_what_was_not_acknowledged_or_is_no_pack_has_none(clock: ManualClock) -> None:
    collector, link = FakeCollector(), SlowLink(clock)
    traces = PackTraces(collector, 1, NODE, clock)
    async with over(traces, link)(WILL) as connected:
        await connected.publish(TOPIC, b"no pack", qos=1)
        await connected.publish("another/topic", pack(1, clock.now_ms()), qos=1)
        link.breaks = True
        with pytest.raises(LinkLost):
            await connected.publish(TOPIC, pack(2, clock.now_ms()), qos=1)
    await traces.post()
    assert collector.taken == []


async def test_a_collector_that_is_away_costs_the_spans_alone(clock: ManualClock) -> None:
    collector, link = FakeCollector(), SlowLink(clock)
    traces = PackTraces(collector, 1, NODE, clock)
    async with over(traces, link)(WILL) as connected:
        collector.is_away = True
        await connected.publish(TOPIC, pack(1, clock.now_ms()), qos=1)
        await traces.post()
        collector.is_away = False
        await connected.publish(TOPIC, pack(2, clock.now_ms()), qos=1)
        await traces.post()
    assert {span.attributes["silo.seq"] for span in collector.taken} == {2}
