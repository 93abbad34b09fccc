"""Nodes with many channels that send what a test tells them, of the times that it tells, over a real broker."""

import asyncio
import secrets
from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack, suppress

import aiomqtt

from siloscope_contract.births import Birth, ChannelBirth, DeviceBirth, EpochSpan, GroupBirth, encode
from siloscope_contract.packs import Epoch, Pack, Sample
from siloscope_contract.packs import encode as encode_pack
from siloscope_contract.topics import Kind, NodeName
from siloscope_process.clock import SystemClock
from tests.ingest.publishing import connected, publish

DEVICE = "cables"
NORMAL_C = 20.0
DELIVERY_S = 5.0
"""What comes later than this is late; silence is judged after it."""
SAMPLES_A_PACK = 20
Reading = tuple[int, Sequence[float]]


class Node:
    """One node with one device of temperatures `t1`, `t2`, … in one group.

    Args:
        name: Which.
        url: Its login at the broker.
        channels: How many.
        interval_s: What its birth says.

    Attributes:
        values: What it reads now, while it reads by itself.
        samples_a_pack: So many of a backlog it sends together.
    """

    def __init__(self, name: NodeName, url: str, channels: int, interval_s: float) -> None:
        self.name = name
        self.values = [NORMAL_C] * channels
        self.samples_a_pack = SAMPLES_A_PACK
        self._url = url
        self._interval_s = interval_s
        self._keys = tuple(f"t{number}" for number in range(1, channels + 1))
        self._epoch = Epoch(secrets.token_hex(16))
        self._next = 1
        self._client: aiomqtt.Client | None = None
        self._end = AsyncExitStack()
        self._reading: asyncio.Task[None] | None = None
        self._enough = asyncio.Event()

    async def connect(self, *, owed: Sequence[Reading] = ()) -> None:
        """Connect and say what it is, and from when to when samples are on their way."""
        self._client = await self._end.enter_async_context(connected(self._url))
        await publish(self._client, self.name, Kind.BIRTH, self._birth(owed), retain=True)

    async def send(self, readings: Iterable[Reading]) -> None:
        """Send samples, in order, in packs of their own."""
        assert self._client is not None
        waiting = list(readings)
        while waiting:
            batch, waiting = waiting[: self.samples_a_pack], waiting[self.samples_a_pack :]
            await publish(self._client, self.name, Kind.SAMPLES, self._pack(batch))

    def read(self) -> None:
        """Begin to send what it reads, once per interval."""
        self._enough.clear()
        self._reading = asyncio.create_task(self._read())

    async def lose_link(self) -> None:
        """Be cut off."""
        if self._reading is not None:
            self._enough.set()
            await asyncio.gather(self._reading, return_exceptions=True)
            self._reading = None
        await self._end.aclose()
        self._client = None

    async def _read(self) -> None:
        clock, loop = SystemClock(), asyncio.get_running_loop()
        due_s = loop.time()
        while not self._enough.is_set():
            await self.send([(clock.now_ms(), self.values)])
            due_s += self._interval_s
            with suppress(TimeoutError):
                async with asyncio.timeout_at(due_s):
                    await self._enough.wait()

    def _pack(self, readings: Sequence[Reading]) -> bytes:
        count = len(self._keys)
        samples = [
            Sample(DEVICE, time_ms, self._keys, ("Cel",) * count, list(values), [0] * count)
            for time_ms, values in readings
        ]
        seq, self._next = self._next, self._next + 1
        return encode_pack(Pack(self._epoch, seq, samples, gaps=[]))

    def _birth(self, owed: Sequence[Reading]) -> bytes:
        packs = -(-len(owed) // self.samples_a_pack)
        times = [time_ms for time_ms, _ in owed]
        span = EpochSpan(self._epoch, 1, self._next + packs, min(times, default=None), max(times, default=None))
        channels = [ChannelBirth(key, "temperature", "Cel", resolution=0.1) for key in self._keys]
        group = GroupBirth("main", self._interval_s, channels=channels, delivery_s=DELIVERY_S)
        devices = [DeviceBirth(DEVICE, title="Cables", groups=[group])]
        return encode(Birth(session=secrets.token_hex(4), epochs=[span], devices=devices))
