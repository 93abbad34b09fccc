"""What an agent's memory comes to after a week, as a process of its own.

Samples of a week of a site (25 devices of 8 channels every 10 s) go through everything behind the drivers as fast as
they go, on a clock that is moved on from round to round: conditioning, counting, the local page's charts, the spool
with its evictions, the outbox and the watermarks. Drivers, MQTT client and the threads of a running agent are not in
it: what they need is in the memory of the running agent that `siloscope bench edge` measures.

Takes the hours as its argument, and a folder; prints as JSON the memory after the first hour, a day, and at the end.
"""

import asyncio
import json
import random
import sys
import time
from pathlib import Path

from prometheus_client import CollectorRegistry

from siloscope_contract.packs import Sample
from siloscope_edge.conditioning import Conditioning
from siloscope_edge.config import SpoolLimits
from siloscope_edge.keeper import Keeper
from siloscope_edge.metrics import Metrics
from siloscope_edge.outbox import Outbox, Send, Windows
from siloscope_edge.page.board import Board
from siloscope_edge.page.page_settings import PageSettings
from siloscope_edge.readings import Columns
from siloscope_edge.rules import ChannelRules, DeviceRules
from siloscope_edge.spans import Spans
from siloscope_edge.spool import Spool, Written
from siloscope_edge.watermark import Generation, Reason, Verdict
from siloscope_process.clock import ManualClock, SystemClock
from siloscope_process.operations import Health

DEVICES, CHANNELS, PERIOD_S = 25, 8, 10.0
_HOUR, _DAY = 360, 8640
_BELIEVED = Generation("store", "first")


class Site:
    """Everything behind the drivers of one agent.

    Args:
        folder: Gets the spool.
    """

    def __init__(self, folder: Path) -> None:
        self._clock = ManualClock(SystemClock().now_ms())
        limits = SpoolLimits()
        self._spool = Spool(folder, limits, self._clock.now_ms())
        self._metrics = Metrics(CollectorRegistry())
        self._keeper = Keeper(self._spool, limits, self._clock, self._metrics, Health(["spool"]))
        self._outbox = Outbox(Windows(), Spans())
        self._keeper.on_written = self._written
        self._board = Board(DEVICES * CHANNELS, PageSettings().history_bytes)
        rules = DeviceRules(PERIOD_S, [ChannelRules(largest_step=5.0, stuck_after_s=3600.0)] * CHANNELS)
        self._conditionings = [Conditioning(rules) for _ in range(DEVICES)]
        self._names, self._units = tuple(f"t{at}" for at in range(CHANNELS)), ("Cel",) * CHANNELS
        self._chance = random.Random(1)
        self._now_c = [[round(self._chance.uniform(5, 25), 1) for _ in self._names] for _ in range(DEVICES)]
        self._outbox.connected(self._clock.monotonic_s(), self._spool.next_number)

    async def round(self) -> None:
        """Read, keep, send and commit what a round brings."""
        for at, values in enumerate(self._now_c):
            values[:] = [round(value + self._chance.choice((0, 0, 0.1, -0.1)), 1) for value in values]
            self._take(at, Columns([*values], [0] * CHANNELS))
        await self._keeper.flush()
        now_s = self._clock.monotonic_s()
        while isinstance(send := self._outbox.next(now_s), Send):
            self._outbox.acknowledged(send.number)
        following = self._spool.assigned[self._spool.epoch]
        accounted = Spans([(1, following)])
        verdict = Verdict(Reason.ADVANCED, {self._spool.epoch: accounted}, {self._spool.epoch: following})
        await self._keeper.account(verdict, _BELIEVED)
        numbers, _ = await self._keeper.numbers(verdict)
        self._outbox.accounted(numbers, now_s)
        self._clock.advance(PERIOD_S)

    async def close(self) -> None:
        """Commit and close."""
        await self._keeper.close()

    def _take(self, at: int, readings: Columns) -> None:
        device = f"head-{at}"
        self._metrics.read(device, readings)
        time_ms = self._clock.now_ms()
        sample = Sample(device, time_ms, self._names, self._units, readings.values, readings.quality)
        for each in self._conditionings[at].take(sample).samples:
            self._keeper.take(each)
        self._board.saw(sample, 0.1)

    def _written(self, written: Written) -> None:
        for first, end in written.gone:
            self._outbox.gone(first, end)
        for first, end in written.sendable:
            self._outbox.spooled(first, end)


async def live(hours: float, folder: Path) -> dict[str, float]:
    """Run the hours; return the memory in MiB."""
    site = Site(folder)
    found: dict[str, float] = {}
    began_s = time.monotonic()
    rounds = int(hours * _HOUR)
    for turn in range(1, rounds + 1):
        await site.round()
        if turn in (_HOUR, _DAY):
            found["hour_mib" if turn == _HOUR else "day_mib"] = resident_mib()
    found["end_mib"] = resident_mib()
    await site.close()
    return {**found, "rounds": rounds, "took_s": time.monotonic() - began_s}


def resident_mib() -> float:
    """Return how much memory this process has now."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("every process has memory")


if __name__ == "__main__":
    print(json.dumps(asyncio.run(live(float(sys.argv[1]), Path(sys.argv[2])))))
