"""Making room in the spool: committed packs go first; then the oldest are thinned out, and at last evicted.

What is thinned out is written anew under new numbers, and the old ones are declared; so is what is evicted. Packs leave
from the low end only, so each pass over the spool leaves it coarser, the oldest first.
"""

import sqlite3
from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from msgspec import Struct

from siloscope_contract.gaps import Gap, GapKind
from siloscope_contract.packs import Epoch
from siloscope_edge.epochs import EpochState, seq_of
from siloscope_edge.instants import is_since_boot
from siloscope_edge.packing import PackedPack, merged, packed, unpacked
from siloscope_edge.spool_file import SQL, used_bytes
from siloscope_edge.thinning import Thinning

_BATCH = 100
_TRIMMED_AT_ONCE = 5_000
_BATCHES_AT_ONCE = 10
"""Thinning decodes and encodes: a commit shall not wait for more than this."""
_ROW_BYTES = 64
_REMEMBERED_MS = 3_600_000


class Targets(NamedTuple):
    """How much may be used afterwards.

    Attributes:
        enough_bytes: What is written next fits.
        good_bytes: And so does what follows, for a while.
    """

    enough_bytes: int
    good_bytes: int


class Evicted(Struct):
    """What went.

    Attributes:
        lowest: The new lowest seq of each epoch that lost packs, by ordinal.
        gaps: Gap records for what went without being committed; they must be written in the same transaction.
        uncommitted: How many packs went uncommitted.
        thinned: How many packs were thinned out.
        kept: What was kept of those: packs to be written in the same transaction, each with its step.
    """

    lowest: dict[int, int] = {}
    gaps: list[Gap] = []
    uncommitted: int = 0
    thinned: int = 0
    kept: list[tuple[PackedPack, int]] = []

    @property
    def kept_bytes(self) -> int:
        """What the packs to be written will take."""
        return sum(len(pack.payload) + _ROW_BYTES for pack, _ in self.kept)


def evict(
    connection: sqlite3.Connection, epochs: Sequence[EpochState], targets: Targets, thinning: Thinning, first_seq: int
) -> Evicted:
    """Delete packs, inside a transaction, until no more is used than the targets say or nothing is left.

    Args:
        connection: In a transaction.
        epochs: As they stand; the last is the one that new packs are numbered in.
        targets: How much may stay.
        thinning: What is thinned out before it is evicted.
        first_seq: The number of the first pack that is written anew.
    """
    evicted = Evicted({}, [], kept=[])
    for epoch in epochs:
        _evict_epoch(connection, epoch, min(epoch.below, epoch.next), targets.good_bytes, evicted)
    for epoch in epochs:
        _thin_epoch(connection, epoch, targets.good_bytes, evicted, thinning, (epochs[-1].epoch, first_seq))
    target_bytes = targets.enough_bytes if evicted.thinned else targets.good_bytes
    for epoch in epochs:
        _evict_epoch(connection, epoch, epoch.next, target_bytes, evicted)
    evicted.gaps = merged(evicted.gaps)
    return evicted


def trim(connection: sqlite3.Connection, epoch: EpochState, before_ms: int) -> int:
    """Delete committed packs, inside a transaction, that were spooled before ``before_ms``; return the new lowest."""
    rows = _oldest(connection, epoch.base + epoch.lowest, epoch.base + min(epoch.below, epoch.next), _TRIMMED_AT_ONCE)
    lowest = epoch.lowest
    for number, first_ms, last_ms, spooled_ms, *_ in rows:
        if spooled_ms >= before_ms:
            break
        lowest = seq_of(number) + 1
        remember(connection, number, first_ms or spooled_ms, last_ms or spooled_ms)
    connection.execute(SQL["delete_packs"], (epoch.base + epoch.lowest, epoch.base + lowest))
    return lowest


def remember(connection: sqlite3.Connection, number: int, from_ms: int, to_ms: int) -> None:
    """Note, inside a transaction, what time a pack that leaves was of; neighbours within an hour share a row."""
    if is_since_boot(from_ms):
        return
    newest = connection.execute(SQL["newest_departed"], (number,)).fetchone()
    if newest is not None:
        first, earliest_ms, latest_ms = newest[0], min(newest[1], from_ms), max(newest[2], to_ms)
        if latest_ms - earliest_ms <= _REMEMBERED_MS:
            connection.execute(SQL["extend_departed"], (number + 1, earliest_ms, latest_ms, first))
            return
    connection.execute(SQL["insert_departed"], (number, number + 1, from_ms, to_ms))


def _evict_epoch(
    connection: sqlite3.Connection, epoch: EpochState, end: int, target_bytes: int, evicted: Evicted
) -> None:
    while (excess := used_bytes(connection) + evicted.kept_bytes - target_bytes) > 0:
        first = evicted.lowest.get(epoch.ordinal, epoch.lowest)
        rows = _oldest(connection, epoch.base + first, epoch.base + end, _BATCH)
        if not rows:
            return
        lowest = first
        for number, first_ms, last_ms, spooled_ms, gaps, size, _ in rows:
            if excess <= 0:
                break
            excess -= size + _ROW_BYTES
            lowest = seq_of(number) + 1
            remember(connection, number, first_ms or spooled_ms, last_ms or spooled_ms)
            if seq_of(number) not in epoch.accounted:
                evicted.uncommitted += 1
                evicted.gaps.append(_gap(epoch, seq_of(number), first_ms or spooled_ms, last_ms or spooled_ms))
                evicted.gaps += _declared(connection, number) if gaps else []
        connection.execute(SQL["delete_packs"], (epoch.base + first, epoch.base + lowest))
        evicted.lowest[epoch.ordinal] = lowest


def _thin_epoch(
    connection: sqlite3.Connection,
    epoch: EpochState,
    target_bytes: int,
    evicted: Evicted,
    thinning: Thinning,
    numbered: tuple[Epoch, int],
) -> None:
    """Thin out the epoch's oldest packs, batch by batch, while that is what the policy says and makes room."""
    for _ in range(_BATCHES_AT_ONCE):
        if used_bytes(connection) + evicted.kept_bytes <= target_bytes:
            return
        first = evicted.lowest.get(epoch.ordinal, epoch.lowest)
        rows = _oldest(connection, epoch.base + first, epoch.base + epoch.next, _BATCH)
        alike = next((list(group) for _, group in groupby(rows, key=itemgetter(6))), [])
        held = [row for row in alike if seq_of(row[0]) not in epoch.accounted]
        packs = [unpacked(bytes(connection.execute(SQL["payload"], (row[0],)).fetchone()[0])) for row in held]
        thinned = thinning.of([sample for pack in packs for sample in pack.samples], rows[0][6] if rows else 0)
        if thinned is None:
            return
        of_epoch, first_seq = numbered[0], numbered[1] + len(evicted.kept)
        kept = packed(thinned.kept, [], epoch=of_epoch, first_seq=first_seq, form=thinning.form)
        evicted.kept += [(pack, thinned.step_ms) for pack in kept]
        evicted.thinned += len(held)
        evicted.gaps += [_thinned_gap(epoch, row, thinned.step_ms) for row in held]
        evicted.gaps += [*thinned.gaps, *(gap for pack in packs for gap in pack.gaps)]
        for row in alike:
            remember(connection, row[0], row[1] or row[3], row[2] or row[3])
        lowest = seq_of(alike[-1][0]) + 1
        connection.execute(SQL["delete_packs"], (epoch.base + first, epoch.base + lowest))
        evicted.lowest[epoch.ordinal] = lowest


def _thinned_gap(epoch: EpochState, row: tuple[int, ...], step_ms: int) -> Gap:
    from_ms, to_ms, seq = row[1] or row[3], row[2] or row[3], seq_of(row[0])
    detail = f"the spool was full; one sample in {step_ms / 1000:g} s was kept"
    return Gap(GapKind.THINNED, from_ms, to_ms, epoch.epoch, seq, seq, detail=detail)


def _oldest(connection: sqlite3.Connection, first: int, end: int, limit: int) -> list[tuple[int, ...]]:
    return connection.execute(SQL["oldest"], (first, end, limit)).fetchall()


def _gap(epoch: EpochState, seq: int, from_ms: int, to_ms: int) -> Gap:
    return Gap(GapKind.EVICTED, from_ms, to_ms, epoch.epoch, seq, seq, detail="the spool was full")


def _declared(connection: sqlite3.Connection, number: int) -> list[Gap]:
    """Return what an evicted pack had declared: it must be declared again."""
    payload = connection.execute(SQL["payload"], (number,)).fetchone()[0]
    return unpacked(bytes(payload)).gaps
