"""What ingest does, as the edge sees it: takes packs, keeps what it took, answers births with watermarks."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import aiomqtt

from siloscope_contract import births, packs, watermarks
from siloscope_contract.packs import Epoch, Pack
from siloscope_contract.topics import Kind, NodeName, Topic
from siloscope_contract.watermarks import Watermark
from siloscope_edge.spans import Spans

KINDS = (Kind.SAMPLES, Kind.BIRTH, Kind.HEARTBEAT, Kind.STATUS)


@dataclass
class FakeDatabase:
    """What was committed, by epoch and seq; survives the ingest that wrote it."""

    generation: str = "first"
    held: dict[tuple[str, int], bytes] = field(default_factory=dict)
    accounted: dict[str, Spans] = field(default_factory=dict)
    answered: list[str] = field(default_factory=list)

    def commit(self, pack: Pack, payload: bytes) -> None:
        assert pack.epoch is not None
        assert pack.seq is not None
        known = self.held.setdefault((pack.epoch, pack.seq), payload)
        assert known == payload, "a number was used twice"
        self.accounted.setdefault(pack.epoch, Spans()).add(pack.seq, pack.seq + 1)
        for gap in pack.gaps:
            if gap.epoch is not None and gap.first_seq is not None and gap.last_seq is not None:
                self.accounted.setdefault(gap.epoch, Spans()).add(gap.first_seq, gap.last_seq + 1)

    def watermark(self) -> Watermark:
        marks = {Epoch(epoch): watermarks.mark(list(spans.ranges())) for epoch, spans in self.accounted.items()}
        return Watermark("store", self.generation, self.answered[-8:], marks)


class FakeIngest:
    """Runs against a real broker until cancelled.

    Args:
        url: With ingest's credential.
        node: Whose messages.
        database: Where they go; None lets them fall, as a database that is away.
    """

    def __init__(self, url: str, node: NodeName, database: FakeDatabase | None) -> None:
        self._url = urlsplit(url)
        self._node = node
        self.database = database
        self.births: list[births.Birth] = []
        self.statuses: list[births.Status] = []
        self.heartbeats: list[births.Heartbeat] = []
        self.received: list[tuple[str, int]] = []
        self.changed = asyncio.Condition()

    async def run(self) -> None:
        url = self._url
        async with aiomqtt.Client(
            url.hostname or "", url.port or 1883, username=url.username, password=url.password, timeout=2
        ) as client:
            for kind in KINDS:
                await client.subscribe(Topic(self._node, kind).text(), qos=1)
            async for message in client.messages:
                await self._take(client, str(message.topic), bytes(message.payload))
                async with self.changed:
                    self.changed.notify_all()

    async def until(self, condition: Callable[[], bool], timeout_s: float = 30) -> None:
        """Wait until the condition holds, looking after each message."""
        async with asyncio.timeout(timeout_s), self.changed:
            await self.changed.wait_for(condition)

    async def until_held(self, more: int) -> None:
        """Wait until the database holds so many more packs."""
        assert self.database is not None
        held, target = self.database.held, len(self.database.held) + more
        await self.until(lambda: len(held) >= target)

    async def _take(self, client: aiomqtt.Client, topic: str, payload: bytes) -> None:
        kind = Topic.parse(topic).kind
        if kind is Kind.STATUS:
            self.statuses.append(births.decode_status(payload))
        elif kind is Kind.HEARTBEAT:
            self.heartbeats.append(births.decode_heartbeat(payload))
        elif kind is Kind.BIRTH:
            self.births.append(births.decode_birth(payload))
            if self.database is not None:
                self.database.answered.append(self.births[-1].session)
                await self._publish(client)
        else:
            pack = packs.decode(payload, received_ms=0)
            self.received.append((pack.epoch or "", pack.seq or 0))
            if self.database is not None:
                self.database.commit(pack, payload)
                await self._publish(client)

    async def _publish(self, client: aiomqtt.Client) -> None:
        assert self.database is not None
        payload = watermarks.encode(self.database.watermark())
        await client.publish(Topic(self._node, Kind.COMMITTED).text(), payload, qos=1, retain=True)
