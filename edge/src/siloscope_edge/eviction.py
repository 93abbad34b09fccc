"""Making room in the spool: the oldest committed packs go first, then the oldest of all, declared by gap records."""

import sqlite3
from collections.abc import Sequence

from msgspec import Struct

from siloscope_contract.gaps import Gap, GapKind
from siloscope_edge.epochs import EpochState, seq_of
from siloscope_edge.instants import is_since_boot
from siloscope_edge.packing import merged, unpacked
from siloscope_edge.spool_file import SQL, used_bytes

_BATCH = 100
_ROW_BYTES = 64
_REMEMBERED_MS = 3_600_000


class Evicted(Struct):
    """What went.

    Attributes:
        lowest: The new lowest seq of each epoch that lost packs, by ordinal.
        gaps: Gap records for what went without being committed; they must be written in the same transaction.
        uncommitted: How many packs went uncommitted.
    """

    lowest: dict[int, int] = {}
    gaps: list[Gap] = []
    uncommitted: int = 0


def evict(connection: sqlite3.Connection, epochs: Sequence[EpochState], target_bytes: int) -> Evicted:
    """Delete packs, inside a transaction, until no more than ``target_bytes`` are used or nothing is left."""
    evicted = Evicted({}, [])
    for epoch in epochs:
        _evict_epoch(connection, epoch, min(epoch.below, epoch.next), target_bytes, evicted)
    for epoch in epochs:
        _evict_epoch(connection, epoch, epoch.next, target_bytes, evicted)
    evicted.gaps = merged(evicted.gaps)
    return evicted


def trim(connection: sqlite3.Connection, epoch: EpochState, before_ms: int) -> int:
    """Delete committed packs, inside a transaction, that were spooled before ``before_ms``; return the new lowest."""
    rows = _oldest(connection, epoch.base + epoch.lowest, epoch.base + min(epoch.below, epoch.next), 500)
    lowest = epoch.lowest
    for number, first_ms, last_ms, spooled_ms, _, _ in rows:
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
    while (excess := used_bytes(connection) - target_bytes) > 0:
        first = evicted.lowest.get(epoch.ordinal, epoch.lowest)
        rows = _oldest(connection, epoch.base + first, epoch.base + end, _BATCH)
        if not rows:
            return
        lowest = first
        for number, first_ms, last_ms, spooled_ms, gaps, size in rows:
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


def _oldest(connection: sqlite3.Connection, first: int, end: int, limit: int) -> list[tuple[int, ...]]:
    return connection.execute(SQL["oldest"], (first, end, limit)).fetchall()


def _gap(epoch: EpochState, seq: int, from_ms: int, to_ms: int) -> Gap:
    return Gap(GapKind.EVICTED, from_ms, to_ms, epoch.epoch, seq, seq, detail="the spool was full")


def _declared(connection: sqlite3.Connection, number: int) -> list[Gap]:
    """Return what an evicted pack had declared: it must be declared again."""
    payload = connection.execute(SQL["payload"], (number,)).fetchone()[0]
    return unpacked(bytes(payload)).gaps
