"""Ingest without a broker: messages are handed to it, and what it acknowledges is noted. No time goes by in vain."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from prometheus_client import CollectorRegistry

from siloscope_ingest.deliveries import Delivery
from siloscope_ingest.metrics import Metrics
from siloscope_ingest.service import Service
from siloscope_ingest.settings import IngestSettings
from siloscope_process import broker_url
from siloscope_process.clock import SystemClock
from siloscope_process.operations import Health
from tests.ingest.messages import SAMPLES
from tests.ingest.waiting import eventually

NOWHERE = "mqtt://nobody:none@127.0.0.1:1"


class Unplugged:
    """One worker and its broker's side.

    Attributes:
        acknowledged: Packet ids, as they came.
    """

    def __init__(self, url: str, **settings: Any) -> None:
        told = IngestSettings(database_url=url, mqtt_url=NOWHERE, **settings)
        self.metrics = Metrics(CollectorRegistry())
        self.service = Service(
            told, broker_url.parse_all(NOWHERE), SystemClock(), Health(["database", "broker"]), self.metrics
        )
        self.acknowledged: list[int] = []
        self._sent = 0

    def acknowledge(self, packet_ids: Sequence[int]) -> None:
        """Be acknowledged to."""
        self.acknowledged += packet_ids

    def send(self, payload: bytes, received_ms: int, topic: str = SAMPLES) -> int:
        """Deliver a message; return its packet id."""
        self._sent += 1
        self.service._intake.receive(Delivery(topic, payload, received_ms, self._sent, self))
        return self._sent

    async def settled(self) -> None:
        """Wait until everything that was sent is committed and acknowledged."""
        await eventually(lambda: len(self.acknowledged) == self._sent, lambda: (self._sent, len(self.acknowledged)))


@asynccontextmanager
async def unplugged(url: str, **settings: Any) -> AsyncIterator[Unplugged]:
    """Run a worker until the block ends."""
    worker = Unplugged(url, **settings)
    service = worker.service
    tasks = [
        asyncio.ensure_future(each)
        for each in (service._writer.run(), service._registrar.run(service._intake), service._housekeeping.run())
    ]
    try:
        yield worker
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for database in (service._writing, service._registering, service._keeping):
            await database.drop()
