"""Nodes that send as an edge agent does, without its instruments: what they sent is known to the last value.

A pack is dropped only when a watermark accounts for it. At a reconnect all others are sent again, after a watermark
those that it lists as missing; when no watermark comes, the oldest alone. Packs not yet committed are bounded.
"""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Coroutine, Sequence
from typing import Any

import aiomqtt

from siloscope_contract.births import EpochSpan
from siloscope_contract.packs import Epoch
from siloscope_contract.topics import Kind, NodeName, Topic
from siloscope_contract.watermarks import EpochMark, decode
from siloscope_process import broker_url
from tests.ingest.messages import birth, pack

WINDOW = 250
SILENCE_S = 3.0
RESEND_AFTER_S = 1.5
PAUSE_S = 0.2


class Sender:
    """One node with so many packs to send.

    Args:
        node: Which.
        urls: MQTT URLs of the broker's servers: the next one when one fails.
        packs: How many; pack n holds value n / 10 at `start_ms` + n s.
        start_ms: When its samples begin.
        rate: Packs a second at most.
    """

    def __init__(self, node: NodeName, urls: Sequence[str], packs: int, start_ms: int, rate: float) -> None:
        self.node = node
        self.epoch = Epoch(secrets.token_hex(16))
        self.packs = packs
        self.start_ms = start_ms
        self.connects = 0
        self.sent_again = 0
        self._urls = urls
        self._pause_s = 1 / rate
        self._next = 1
        self._unaccounted: dict[int, float] = {}
        self._news = asyncio.Event()
        self._mark = EpochMark(1, 1)

    @property
    def done(self) -> bool:
        """Whether all is sent and accounted for."""
        return self._next > self.packs and not self._unaccounted

    @property
    def sent(self) -> int:
        """How many packs were sent at least once."""
        return self._next - 1

    @property
    def state(self) -> str:
        """Where it stands, for a test that waits in vain."""
        return f"{self.node.node}: {self._next - 1} sent, {len(self._unaccounted)} of them open, mark {self._mark}"

    async def run(self) -> None:
        """Send until all is accounted for."""
        turn = 0
        while not self.done:
            url = broker_url.parse(self._urls[turn % len(self._urls)])
            turn += 1
            with contextlib.suppress(aiomqtt.MqttError, TimeoutError):
                await self._session(url)
            await asyncio.sleep(PAUSE_S)

    async def _session(self, url: broker_url.BrokerUrl) -> None:
        async with (
            aiomqtt.Client(
                url.host, url.port, username=url.username, password=url.password, timeout=5, keepalive=5
            ) as client,
            beside(self._listen(client)) as listener,
        ):
            self.connects += 1
            span = EpochSpan(self.epoch, 1, self._next)
            await client.publish(Topic(self.node, Kind.BIRTH).text(), birth("one", [span]), qos=1, retain=True)
            for seq in list(self._unaccounted):
                await self._publish(client, seq)
            while not self.done and not listener.done():
                await self._step(client)

    async def _step(self, client: aiomqtt.Client) -> None:
        """Send the next pack, or what is missing, or wait for a watermark."""
        now_s = asyncio.get_running_loop().time()
        if self._next <= self.packs and len(self._unaccounted) < WINDOW:
            self._next += 1
            await self._publish(client, self._next - 1)
            await asyncio.sleep(self._pause_s)
        missing = [seq for first, last in self._mark.gaps for seq in range(first, last + 1)]
        for seq in missing:
            if now_s - self._unaccounted.get(seq, now_s) > RESEND_AFTER_S:
                self.sent_again += 1
                await self._publish(client, seq)
        if self._next > self.packs or len(self._unaccounted) >= WINDOW:
            self._news.clear()
            try:
                await asyncio.wait_for(self._news.wait(), SILENCE_S)
            except TimeoutError:
                for seq in list(self._unaccounted)[:1]:
                    self.sent_again += 1
                    await self._publish(client, seq)

    async def _publish(self, client: aiomqtt.Client, seq: int) -> None:
        self._unaccounted[seq] = asyncio.get_running_loop().time()
        message = pack(seq, self.start_ms + seq * 1000, seq / 10, epoch=self.epoch)
        await client.publish(Topic(self.node, Kind.SAMPLES).text(), message, qos=1)

    async def _listen(self, client: aiomqtt.Client) -> None:
        await client.subscribe(Topic(self.node, Kind.COMMITTED).text(), qos=1)
        async for message in client.messages:
            assert isinstance(message.payload, bytes)
            mark = decode(message.payload).epochs.get(self.epoch)
            if mark is not None and mark.below >= self._mark.below:
                self._mark = mark
                for seq in [seq for seq in self._unaccounted if mark.accounts_for(seq)]:
                    del self._unaccounted[seq]
                self._news.set()


@contextlib.asynccontextmanager
async def beside(work: Coroutine[Any, Any, None]) -> AsyncIterator[asyncio.Task[None]]:
    """Run work beside the block, and end it with it."""
    task = asyncio.create_task(work)
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
