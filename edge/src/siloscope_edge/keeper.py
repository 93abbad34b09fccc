"""Keeping: samples wait for at most one commit interval, are committed to the spool, and only then may be sent.

The spool blocks while the disk syncs, so it runs on one thread of its own; the event loop never waits for a disk.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import structlog

from siloscope_contract.births import EpochSpan
from siloscope_contract.gaps import Gap, GapKind
from siloscope_contract.packs import Sample
from siloscope_edge.clock_guard import ClockGuard
from siloscope_edge.config import SpoolLimits
from siloscope_edge.errors import SpoolFull
from siloscope_edge.instants import Stamp, dated_gap, dated_sample
from siloscope_edge.machine_clocks import trusting
from siloscope_edge.metrics import Metrics
from siloscope_edge.spans import Spans
from siloscope_edge.spool import Spool, Written
from siloscope_edge.watermark import Generation, Verdict
from siloscope_process.clock import Clock
from siloscope_process.operations import Health

_log = structlog.get_logger(__name__)
T = TypeVar("T")
MAX_WAITING = 10_000
"""Samples that wait in memory while the disk takes nothing; beyond it the oldest go, and are declared."""
_RETRY_S = 5.0
_TRIM_EVERY_S = 600.0
_LINGER_S = 0.25
"""What comes together shares a commit; what comes alone, after a while of nothing, waits no longer than this."""


class Keeper:
    """The spool's owner in the event loop.

    Args:
        spool: Used from here only.
        limits: How often to commit.
        clock: Tells when.
        metrics: Counts.
        health: Told under ``spool`` whether the disk takes what it is given.
        guard: Says how what is kept is dated; without one the clock is believed.
    """

    def __init__(
        self,
        spool: Spool,
        limits: SpoolLimits,
        clock: Clock,
        metrics: Metrics,
        health: Health,
        guard: ClockGuard | None = None,
    ) -> None:
        self._guard = guard if guard is not None else trusting(clock)
        self._remembered = spool.boot_base
        self._spool = spool
        self._interval_s = limits.commit_interval_s
        self._clock = clock
        self._metrics = metrics
        self._health = health
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="spool")
        self._writing = asyncio.Lock()
        self._something = asyncio.Event()
        self._samples: list[Sample] = []
        self._gaps: list[Gap] = []
        self._dropped: Gap | None = None
        self._trimmed_at_s = clock.monotonic_s()
        self._trims = False
        self._flushed_at_s = clock.monotonic_s() - self._interval_s
        self.on_written: Callable[[Written], None] = lambda written: None

    @property
    def waiting(self) -> int:
        """How many samples are not committed to the spool yet."""
        return len(self._samples)

    @property
    def undated(self) -> int:
        """How many spooled packs wait for their dates."""
        return self._spool.undated

    def take(self, sample: Sample) -> None:
        """Take a sample for the next commit."""
        self._samples.append(sample)
        self._something.set()

    def take_gap(self, gap: Gap) -> None:
        """Take a gap record for the next commit."""
        self._gaps.append(gap)
        self._something.set()

    async def run(self) -> None:
        """Commit what waits, once an interval, until cancelled.

        Raises:
            SpoolUnusable: The file is damaged.
        """
        while True:
            await self._something.wait()
            next_s = self._flushed_at_s + self._interval_s - self._clock.monotonic_s()
            await self._clock.sleep(max(min(_LINGER_S, self._interval_s), next_s))
            if not await self.flush():
                await self._clock.sleep(_RETRY_S)

    async def flush(self) -> bool:
        """Commit what waits now; return whether the disk took it.

        A cancelled caller leaves it running: half done, the same samples would be numbered a second time.

        Raises:
            SpoolUnusable: The file is damaged.
        """
        return await asyncio.shield(asyncio.ensure_future(self._flush()))

    async def _flush(self) -> bool:
        async with self._writing:
            samples, gaps = self._samples, self._gaps
            if not samples and not gaps and self._dropped is None:
                return True
            self._samples, self._gaps = [], []
            self._something.clear()
            self._flushed_at_s = self._clock.monotonic_s()
            try:
                written = await self._write(samples, [*gaps, *([self._dropped] if self._dropped else [])])
            except SpoolFull as error:
                self._keep_waiting(samples, gaps, str(error))
                return False
            self._dropped = None
            self._note(written)
            return True

    async def date(self) -> None:
        """Give packs that wait for them their dates, if the clock has become known or the wait is over.

        Raises:
            SpoolUnusable: The file is damaged.
        """
        stamp = self._guard.stamp()
        if stamp is None or not self._spool.undated:
            return
        async with self._writing:
            try:
                await self._remember()
                await self._date(stamp)
            except SpoolFull as error:
                _log.warning("dating_waits", detail=str(error), packs=self._spool.undated)

    async def account(self, verdict: Verdict, generation: Generation) -> Spans | None:
        """Take in a believed watermark.

        Returns:
            Everything that is owed, where another generation of the database is believed from now on.
        """
        fresh = generation != self._spool.generation
        async with self._writing:
            now_ms = self._guard.instant_ms()
            written = await self._run(lambda: self._spool.account(verdict, generation, now_ms))
            if written is not None:
                self._note(written)
        self._trims = True
        return await self._run(self._spool.owed) if fresh else None

    async def is_contradicted_by(self, verdict: Verdict) -> bool:
        """Say whether a believed mark lacks what its generation said before to hold."""
        return await self._run(lambda: self._spool.is_contradicted_by(verdict))

    async def numbers(self, verdict: Verdict) -> tuple[Spans, Spans]:
        """Return what a believed watermark accounts for, and its gaps, as numbers of packs."""

        def translate() -> tuple[Spans, Spans]:
            accounted, gaps = Spans(), Spans()
            for epoch, seqs in verdict.accounted.items():
                accounted.add_all(self._spool.numbers(epoch, seqs))
                missing = Spans([(1, verdict.mentioned[epoch])]).without(seqs)
                gaps.add_all(self._spool.numbers(epoch, missing))
            return accounted, gaps

        return await self._run(translate)

    async def owed(self) -> tuple[Spans, int]:
        """Return the numbers of all packs that are not committed, and the next number."""
        return await self._run(lambda: (self._spool.owed(), self._spool.next_number))

    async def payloads(self, numbers: Iterable[int]) -> dict[int, bytes]:
        """Return the packs of these numbers that are still spooled."""
        return await self._run(lambda: self._spool.payloads(numbers))

    async def set_aside(self, number: int, size_bytes: int) -> None:
        """Declare a pack that can never be sent, so that nobody waits for it."""
        now_ms = self._guard.instant_ms()  # here: the guard is not for two threads
        gap = await self._run(lambda: self._spool.unsendable(number, size_bytes, now_ms))
        if gap is not None:
            self.take_gap(gap)

    async def spans(self) -> list[EpochSpan]:
        """Return what is spooled."""
        return await self._run(lambda: self._spool.spans)

    async def evicts(self, devices: Iterable[str]) -> None:
        """Evict samples of these devices from a full spool from now on, and thin out all others."""
        await self._run(lambda: self._spool.evicts(devices))

    async def used_bytes(self) -> int:
        """Return how much of the spool's file is used."""
        return await self._run(self._spool.used_bytes)

    async def standing(self) -> tuple[list[EpochSpan], dict[str, int], Generation | None, dict[str, int]]:
        """Return what is spooled, what of it is committed, by whose word, and per epoch the next seq."""
        spool = self._spool
        return await self._run(lambda: (spool.spans, spool.committed, spool.generation, spool.assigned))

    async def close(self) -> None:
        """Commit what waits and close the file."""
        try:
            await self.flush()
        finally:
            try:
                now_ms = self._guard.instant_ms()
                await self._run(lambda: self._spool.close(now_ms))
            finally:
                self._thread.shutdown(wait=False)

    async def _write(self, samples: Sequence[Sample], gaps: Sequence[Gap]) -> Written:
        stamp = self._guard.stamp()
        now_ms, now_s = self._guard.instant_ms(), self._clock.monotonic_s()
        known = stamp is not None and stamp.known
        if stamp is not None:
            samples = [dated_sample(sample, stamp) for sample in samples]
            gaps = [dated_gap(gap, stamp) for gap in gaps]
        trims = self._trims and known and now_s - self._trimmed_at_s >= _TRIM_EVERY_S
        self._trimmed_at_s = now_s if trims else self._trimmed_at_s
        try:
            await self._remember()
            if stamp is not None:
                await self._date(stamp)
            return await self._run(lambda: self._spool.write(samples, gaps, now_ms, trim_committed=trims, known=known))
        except SpoolFull:
            return await self._run(lambda: self._spool.write(samples, gaps, now_ms, squeeze=True, known=known))

    async def _date(self, stamp: Stamp) -> None:
        """Date all that waits, a transaction at a time, so that others get their turn on the spool."""
        while self._spool.undated and (done := await self._run(lambda: self._spool.date(stamp))):
            number = self._spool.next_number
            self.on_written(Written((number, number), [], 0, list(done.ranges())))

    async def _remember(self) -> None:
        base = self._guard.base
        if base != self._remembered:
            await self._run(lambda: self._spool.remember(base))
            self._remembered = base

    async def _run(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)

    def _note(self, written: Written) -> None:
        self._health.set("spool", True)
        self._metrics.spooled_packs.inc(written.spooled[1] - written.spooled[0])
        self._metrics.thinned_packs.inc(written.thinned)
        if written.evicted:
            self._metrics.evicted_packs.inc(written.evicted)
            _log.warning("packs_evicted", packs=written.evicted, reason="the spool is full")
        self.on_written(written)

    def _keep_waiting(self, samples: list[Sample], gaps: list[Gap], detail: str) -> None:
        self._health.set("spool", False, detail)
        _log.error("spool_takes_nothing", detail=detail, waiting=len(samples))
        self._gaps = gaps + self._gaps
        self._something.set()
        kept = samples + self._samples
        excess = len(kept) - MAX_WAITING
        if excess > 0:
            self._metrics.dropped_samples.inc(excess)
            self._dropped = _extended(self._dropped, kept[:excess])
        self._samples = kept[max(0, excess) :]


def _extended(dropped: Gap | None, samples: Sequence[Sample]) -> Gap:
    times = [sample.time_ms for sample in samples]
    return Gap(
        GapKind.EVICTED,
        min(times) if dropped is None else min(dropped.from_ms, *times),
        max(times) if dropped is None else max(dropped.to_ms, *times),
        count=len(samples) + ((dropped.count or 0) if dropped is not None else 0),
        detail="the disk was full",
    )
