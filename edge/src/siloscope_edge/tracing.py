"""Spans of some packs, from their oldest sample until the broker has them. Ids follow from epoch and number, so that
ingest's spans of the same pack join the same trace.
"""

import asyncio
import secrets
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from siloscope_contract import packs
from siloscope_contract.errors import MalformedPack
from siloscope_contract.packs import Epoch, Pack
from siloscope_contract.topics import NodeName
from siloscope_contract.traces import is_traced, pack_span_id, trace_id
from siloscope_edge.link import Connect, LastWill
from siloscope_edge.ports import Link
from siloscope_process.clock import Clock
from siloscope_process.otlp import Collector, Kind, NotTaken, Span

_log = structlog.get_logger(__name__)
_SCOPE = "siloscope_edge"
_MOST_WAITING = 512
_EVERY_S = 5.0


class PackTraces:
    """Makes the spans of sent packs, and posts them now and then; what a collector does not take is dropped.

    Args:
        collector: Where to.
        every: Every how manieth pack of an epoch is traced.
        node: Who we are.
        clock: Tells when.
    """

    def __init__(self, collector: Collector, every: int, node: NodeName, clock: Clock) -> None:
        self._collector = collector
        self._every = every
        self._resource = {"service.name": "siloscope edge", "service.instance.id": str(node)}
        self._clock = clock
        self._waiting: deque[Span] = deque(maxlen=_MOST_WAITING)
        self._failing = False

    def pack(self, payload: bytes) -> Pack | None:
        """Return the pack of a message where it is among those that are traced."""
        try:
            pack = packs.decode(payload, received_ms=0)
        except MalformedPack:  # ingest refuses it and says why
            return None
        return pack if pack.seq is not None and is_traced(pack.seq, self._every) else None

    def sent(self, pack: Pack, began_ms: int) -> None:
        """Note that the broker has acknowledged a pack whose sending began at that time."""
        assert pack.epoch is not None
        assert pack.seq is not None
        oldest_ms = min([began_ms, *(sample.time_ms for sample in pack.samples)])
        self._note("spool", pack.epoch, pack.seq, Kind.INTERNAL, oldest_ms, began_ms, samples=len(pack.samples))
        done_ms = max(began_ms, self._clock.now_ms())
        self._note("publish", pack.epoch, pack.seq, Kind.PRODUCER, began_ms, done_ms)

    def over(self, connect: Connect, topic: str) -> Connect:
        """Return the same connections, whose packs on this topic are traced."""

        @asynccontextmanager
        async def connected(will: LastWill) -> AsyncIterator[Link]:
            async with connect(will) as link:
                yield _TracedLink(link, topic, self, self._clock)

        return connected

    async def run(self) -> None:
        """Post what waits, until cancelled."""
        while True:
            await self._clock.sleep(_EVERY_S)
            await self.post()

    async def post(self) -> None:
        """Post what waits, in a thread: a collector that hangs holds nothing up."""
        if not self._waiting:
            return
        spans = list(self._waiting)
        self._waiting.clear()
        try:
            await asyncio.to_thread(self._collector.post, self._resource, _SCOPE, spans)
        except NotTaken as error:
            if not self._failing:
                _log.warning("traces_dropped", reason=str(error), spans=len(spans))
            self._failing = True
            return
        self._failing = False

    def _note(self, name: str, epoch: Epoch, seq: int, kind: Kind, from_ms: int, to_ms: int, **about: object) -> None:
        self._waiting.append(
            Span(
                trace_id=trace_id(epoch, seq),
                span_id=secrets.randbits(64) or 1,
                parent_id=pack_span_id(epoch, seq),
                name=name,
                kind=kind,
                start_ns=from_ms * 1_000_000,
                end_ns=to_ms * 1_000_000,
                attributes={"silo.epoch": epoch, "silo.seq": seq, **about},
            )
        )


class _TracedLink:
    def __init__(self, link: Link, topic: str, traces: PackTraces, clock: Clock) -> None:
        self._link = link
        self._topic = topic
        self._traces = traces
        self._clock = clock

    async def publish(self, topic: str, payload: bytes, *, qos: int, retain: bool = False) -> None:
        pack = self._traces.pack(payload) if topic == self._topic else None
        began_ms = self._clock.now_ms()
        await self._link.publish(topic, payload, qos=qos, retain=retain)
        if pack is not None:
            self._traces.sent(pack, began_ms)

    async def subscribe(self, topic: str, *, qos: int) -> None:
        await self._link.subscribe(topic, qos=qos)

    async def received(self) -> tuple[str, bytes]:
        return await self._link.received()
