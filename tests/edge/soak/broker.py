"""A broker and an ingest on virtual time: acknowledgements that get lost, messages that come twice, a database away."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from siloscope_contract import births, packs, watermarks
from siloscope_contract.topics import Kind, NodeName, Topic
from siloscope_edge.errors import LinkLost
from siloscope_edge.link import ACKNOWLEDGE_TIMEOUT_S, LastWill
from siloscope_firmware_sim.faults import schedule
from siloscope_firmware_sim.faults.schedule import Faults
from tests.edge.fake_ingest import FakeDatabase

NODE = NodeName.of("demo", "yard", "pi")
_SLOWEST_S = 0.08
_TWICE = 0.05
_BATCH_S = 0.5


class Broker:
    """What the agent's link talks to.

    Args:
        faults: What is wrong when.
        seed: For what is left to chance.
        database: Where packs go.
    """

    def __init__(self, faults: Faults, seed: int, database: FakeDatabase) -> None:
        self.database = database
        self.received = 0
        self._faults = faults
        self._chance = random.Random(seed)
        self._links: list[_Link] = []
        self._queue: list[bytes] = []
        self._news = False

    def connector(self, *_: object) -> object:
        """Stand in for `siloscope_edge.link.connector`."""
        return self._connect

    def cut(self, *, forgets: bool) -> None:
        """Break the connection; a broker that is killed forgets what nobody took."""
        if forgets:
            self._queue.clear()
        for link in self._links:
            link.broken.set()

    async def run(self) -> None:
        """Commit what came, and tell, until cancelled."""
        while True:
            await asyncio.sleep(_BATCH_S * self._chance.random())
            if self.on(schedule.Kind.DATABASE_AWAY):
                continue
            taken, self._queue = self._queue, []
            for payload in taken:
                self.database.commit(packs.decode(payload, received_ms=0), payload)
            if taken or self._news:
                self.tell()

    def tell(self) -> None:
        """Publish what is committed."""
        self._news = False
        for link in self._links:
            link.tell(watermarks.encode(self.database.watermark()))

    def on(self, kind: schedule.Kind) -> schedule.Fault | None:
        """Return a fault of the node that holds now."""
        return self._faults.on(kind, NODE.node, asyncio.get_running_loop().time())

    async def passage(self) -> None:
        """Let a message travel."""
        await asyncio.sleep(self._chance.random() * _SLOWEST_S)

    def is_lucky(self, share: float = 0.5) -> bool:
        """Say whether something happens that happens to so large a share."""
        return self._chance.random() < share

    def take(self, topic: str, payload: bytes) -> None:
        """Take a message that has arrived."""
        kind = Topic.parse(topic).kind
        if kind is Kind.SAMPLES:
            self.received += 1
            self._queue += [payload] * (2 if self.is_lucky(_TWICE) else 1)
        elif kind is Kind.BIRTH:
            self.database.answered.append(births.decode_birth(payload).session)
            self._news = True

    @asynccontextmanager
    async def _connect(self, will: LastWill) -> AsyncIterator["_Link"]:
        await self.passage()
        if self.on(schedule.Kind.LINK_CUT) or self.on(schedule.Kind.LINK_DEAF):
            await asyncio.sleep(3.0)
            raise LinkLost("no answer")
        link = _Link(self)
        self._links.append(link)
        try:
            yield link
        finally:
            link.broken.set()
            self._links.remove(link)


class _Link:
    """One connection."""

    def __init__(self, broker: Broker) -> None:
        self.broken = asyncio.Event()
        self._broker = broker
        self._incoming: asyncio.Queue[bytes] = asyncio.Queue()

    async def publish(self, topic: str, payload: bytes, *, qos: int, retain: bool = False) -> None:
        broker = self._broker
        await broker.passage()
        if self.broken.is_set():
            if broker.is_lucky():
                broker.take(topic, payload)  # it had arrived; what is lost is the acknowledgement
            raise LinkLost("cut")
        if broker.on(schedule.Kind.LINK_DEAF):
            if broker.is_lucky():
                broker.take(topic, payload)
            await asyncio.wait([asyncio.ensure_future(self.broken.wait())], timeout=ACKNOWLEDGE_TIMEOUT_S)
            self.broken.set()
            raise LinkLost("no acknowledgement")
        broker.take(topic, payload)
        await broker.passage()
        if self.broken.is_set():
            raise LinkLost("cut before the acknowledgement")

    async def subscribe(self, topic: str, *, qos: int) -> None:
        broker = self._broker
        await broker.passage()
        if self.broken.is_set():
            raise LinkLost("cut")
        if broker.database.answered:
            self.tell(watermarks.encode(broker.database.watermark()))  # it is retained

    async def received(self) -> tuple[str, bytes]:
        message = asyncio.ensure_future(self._incoming.get())
        broken = asyncio.ensure_future(self.broken.wait())
        try:
            await asyncio.wait((message, broken), return_when=asyncio.FIRST_COMPLETED)
            if self.broken.is_set():
                raise LinkLost("cut")
            return Topic(NODE, Kind.COMMITTED).text(), message.result()
        finally:
            message.cancel()
            broken.cancel()

    def tell(self, payload: bytes) -> None:
        """Hand over a watermark."""
        if not self.broken.is_set() and not self._broker.on(schedule.Kind.LINK_DEAF):
            self._incoming.put_nowait(payload)
