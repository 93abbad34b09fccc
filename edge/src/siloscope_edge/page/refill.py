"""The hours before this start: charts are filled from the spool's file, newest first, beside everything else.

Of ten seconds it works for two at most, on a thread beside and on connections that only read; polling goes on.
"""

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import structlog

from siloscope_contract.errors import ContractError
from siloscope_contract.packs import Sample
from siloscope_edge.dating import KNOWN, UNDATED
from siloscope_edge.epochs import ordinal_of
from siloscope_edge.errors import SpoolFull, SpoolUnusable
from siloscope_edge.installation import Installation
from siloscope_edge.packing import unpacked
from siloscope_edge.page.history import DAY_S, DeviceHistory, Tally, placed
from siloscope_edge.page.station import Station
from siloscope_edge.spool_file import FILE_NAME, SQL, connect, translated_errors

_log = structlog.get_logger(__name__)
_PACKS_AT_ONCE = 40
_RESTS = 4
"""Times as long as it worked it rests."""
_LEAST_REST_S = 0.02
_IN_VAIN = 2000
"""Packs in a row that are older than a day: thinned ones have newer numbers than their samples, so one is no end."""
_ASK_AGAIN_S = 5.0


class Batch(NamedTuple):
    """Some packs, newest first.

    Attributes:
        samples: With the instants of this boot, negative before it.
        below: The least number among the packs; None: there are no more.
        in_vain: How many of the last packs were too old.
        took_s: What reading them took.
    """

    samples: list[Sample]
    below: int | None
    in_vain: int
    took_s: float


async def refill(station: Station, directory: Path) -> None:
    """Fill the charts as far back as the spool goes: what is of this boot now, the rest once the clock is known."""
    try:
        if not station.guard.base.stamp.known:
            await _fill(station, directory, None)
            while not station.guard.base.stamp.known:
                await station.clock.sleep(_ASK_AGAIN_S)
        await _fill(station, directory, station.guard.base.stamp.base_ms)
    except (SpoolUnusable, SpoolFull) as error:  # the charts begin now; who keeps the spool notices by himself
        _log.warning("charts_not_refilled", detail=str(error))


async def _fill(station: Station, directory: Path, base_ms: int | None) -> None:
    board, boot = station.board, station.guard.base.boot
    board.expect(station.channels())
    fillers = {
        name: _Filler(seen, [each.key for each in channels], _held_back_s(station.installation(), name))
        for name, channels in station.channels().items()
        if (seen := board.of(name).history) is not None
    }
    if not fillers:
        return
    below: int | None = 1 << 62
    in_vain = 0
    while below is not None and in_vain < _IN_VAIN:
        since_ms = station.guard.boot_ms() - DAY_S * 1000
        batch = await asyncio.to_thread(_read, directory / FILE_NAME, below, base_ms, boot, since_ms)
        below, in_vain = batch.below, in_vain + batch.in_vain if not batch.samples else batch.in_vain
        for sample in batch.samples:
            filler = fillers.get(sample.device)
            if filler is not None:
                filler.take(sample)
        await station.clock.sleep(max(_LEAST_REST_S, _RESTS * batch.took_s))
    for filler in fillers.values():
        filler.flush()


def _read(file: Path, below: int, base_ms: int | None, boot: str, since_ms: int) -> Batch:
    """Read some packs; on a connection of its own, since whoever asked may be gone before it is done."""
    started_s = time.monotonic()
    with closing(connect(file, read_only=True)) as connection, translated_errors():
        rows = connection.execute(SQL["packs_below"], (below, _PACKS_AT_ONCE)).fetchall()
        ours = {row[0] for row in connection.execute(SQL["undated_ordinals"]) if row[1] == boot}
    found: list[Sample] = []
    in_vain = 0
    for number, last_ms, dated, payload in rows:
        base = base_ms if dated == KNOWN else 0 if dated == UNDATED and ordinal_of(number) in ours else None
        if last_ms is None or base is None:
            continue
        if last_ms - base < since_ms:
            in_vain += 1
            continue
        in_vain = 0
        found += _of_this_boot(bytes(payload), base, since_ms)
    return Batch(found, rows[-1][0] if rows else None, in_vain, time.monotonic() - started_s)


def _of_this_boot(payload: bytes, base_ms: int, since_ms: int) -> Iterator[Sample]:
    try:
        samples = unpacked(payload).samples
    except ContractError:
        return  # of another version; whoever sends it says so
    for each in reversed(samples):
        at_ms = each.time_ms - base_ms
        if at_ms >= since_ms:
            yield Sample(each.device, at_ms, each.names, each.units, each.values, each.quality)


class _Filler:
    """Fills the day of one device, from its newest sample to its oldest.

    Args:
        history: The day.
        keys: Of the channels.
        held_back_s: Longest time between two samples of which the earlier one holds for the time between.
    """

    def __init__(self, history: DeviceHistory, keys: Sequence[str], held_back_s: float) -> None:
        self._history = history
        self._keys = keys
        self._held_back_ms = held_back_s * 1000
        self._tally = Tally(len(keys), history.circular)
        self._number: int | None = None
        self._newer_ms: int | None = None

    def take(self, sample: Sample) -> None:
        number = self._history.number_of(sample.time_ms)
        if number != self._number:
            self.flush()
            if self._newer_ms is not None and 0 < self._newer_ms - sample.time_ms <= self._held_back_ms:
                self._hold(sample, range(number + 1, self._history.number_of(self._newer_ms)))
            self._number = number
        self._tally.add(*placed(sample, self._keys))
        self._newer_ms = sample.time_ms

    def flush(self) -> None:
        if self._number is not None:
            self._history.fill(self._number, self._tally.take())

    def _hold(self, sample: Sample, numbers: range) -> None:
        """What was held back for it was the same, within its deadbands."""
        for number in numbers:
            tally = Tally(len(self._keys), self._history.circular)
            tally.add(*placed(sample, self._keys))
            self._history.fill(number, tally.take())


def _held_back_s(installation: Installation, device: str) -> float:
    found: Mapping[str, float] = {
        each.name: each.profile.heartbeat_s + 2 * each.period_s
        for instruments in installation.instruments.values()
        for each in instruments
        if each.profile.heartbeat_s is not None
    }
    return found.get(device, 0.0)
