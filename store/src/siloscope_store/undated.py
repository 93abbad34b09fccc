"""Undated samples: whose they are, and giving them times that are believed.

Re-dated samples take the way of all samples: what is there stays, what differs goes to sample_conflict, the newest by
its own time is the latest, roll-ups are marked. Each slice is one transaction that also removes them here.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
from psycopg import AsyncConnection
from psycopg.rows import class_row

from siloscope_process.clock import from_ms, to_ms
from siloscope_store import audit, rollup_marks, samples
from siloscope_store.audit import Deed
from siloscope_store.errors import WeeksClosed
from siloscope_store.sample_rows import encode, incoming, latest_row
from siloscope_store.samples import MOST_NEW_SPANS, SPAN_MS, Conflict, Origin, SampleTable
from siloscope_store.statements import statements

_SQL = statements("undated.sql")
Connection = AsyncConnection[Any]
SLICE = 2_000
_DAY_MS = 86_400_000
_TABLES = {"measurements": SampleTable.MEASUREMENTS, "vitals": SampleTable.VITALS}


class Pile(msgspec.Struct, frozen=True):
    """The undated samples of one node and reason.

    Attributes:
        first_ms: Smallest time that they state; may be of no era.
        last_ms: Largest.
        median_behind_ms: How far they are behind their arrival, in the median: a shift that would bring them there.
    """

    organisation: str
    site: str
    node: str
    node_id: int
    reason: str
    samples: int
    first_ms: int
    last_ms: int
    arrived_from: datetime
    arrived_to: datetime
    median_behind_ms: int


class Selection(msgspec.Struct, frozen=True):
    """Which samples; None = whatever."""

    org_id: int
    node_id: int
    reason: str | None = None
    arrived_from: datetime | None = None
    arrived_to: datetime | None = None


class Rule(msgspec.Struct, frozen=True):
    """How a sample gets its time.

    Attributes:
        shift_ms: Added to the time that it states; 0 believes it as it is.
        by_arrival: Instead, the newest sample of a pack is as old as the pack, and the others as far behind it as ever.
    """

    shift_ms: int = 0
    by_arrival: bool = False


@dataclass
class Redated:
    """What re-dating did, or would do.

    Attributes:
        samples: How many got a time.
        unbelievable: How many stay, since they would still be of a time that cannot be: before 1970, or after tomorrow.
        new: Of those that got a time, how many were not there before.
        conflicts: Values that differ from what is there.
        first: Earliest time given.
        last: Latest time given.
        new_weeks: Weeks that nothing was stored of when it began.
        more: Some wait that were not looked at.
    """

    samples: int = 0
    unbelievable: int = 0
    new: int = 0
    conflicts: int = 0
    first: datetime | None = None
    last: datetime | None = None
    new_weeks: int = 0
    more: bool = False

    def note(self, times_ms: Sequence[int]) -> None:
        """Count samples with these times."""
        self.samples += len(times_ms)
        times = [from_ms(each) for each in (min(times_ms), max(times_ms))]
        self.first = min(filter(None, (self.first, times[0])))
        self.last = max(filter(None, (self.last, times[1])))


class _Row(msgspec.Struct, frozen=True):
    undated_id: int
    group_id: int
    retention_class: str
    time_ms: int
    values: list[float | None]
    quality: list[int | None] | None
    epoch: str | None
    seq: int | None
    arrived_at: datetime
    behind_newest_ms: int


@dataclass
class _Slice:
    """Rows that can be written in one transaction: one sample a key, and few new spans."""

    rows: list[tuple[_Row, int]] = field(default_factory=list)
    keys: set[tuple[int, int]] = field(default_factory=set)
    spans: set[tuple[SampleTable, int]] = field(default_factory=set)

    def take(self, row: _Row, time_ms: int) -> bool:
        """Take a row; say whether it could be."""
        span = (_TABLES[row.retention_class], time_ms // SPAN_MS)
        key = (row.group_id, time_ms)
        if key in self.keys or (span not in self.spans and len(self.spans) >= MOST_NEW_SPANS):
            return False
        self.keys.add(key)
        self.spans.add(span)
        self.rows.append((row, time_ms))
        return True


async def piles(connection: Connection, org_id: int | None = None, node_id: int | None = None) -> list[Pile]:
    """Return what lies here, by node and reason."""
    async with connection.cursor(row_factory=class_row(Pile)) as rows:
        await rows.execute(_SQL["summary"], {"org_id": org_id, "node_id": node_id})
        return await rows.fetchall()


async def find_node(connection: Connection, organisation: str, site: str, node: str) -> tuple[int, int] | None:
    """Return the ids of a node and of its organisation; None where there is none of that name."""
    parameters = {"organisation": organisation, "site": site, "node": node}
    row = await (await connection.execute(_SQL["node"], parameters)).fetchone()
    return None if row is None else (row[0], row[1])


async def preview(connection: Connection, wanted: Selection, rule: Rule, *, now: datetime) -> Redated:
    """Return what `redate` would do; `new` and `conflicts` are not known beforehand."""
    found, after = Redated(new_weeks=await _new_weeks(connection, wanted, rule, now)), 0
    async with connection.transaction(force_rollback=True):
        while rows := await _rows(connection, wanted, after):
            times_ms = [time_ms for row in rows if (time_ms := _time_ms(row, rule, now)) is not None]
            found.unbelievable += len(rows) - len(times_ms)
            if times_ms:
                found.note(times_ms)
            after = rows[-1].undated_id
    return found


async def redate(
    connection: Connection,
    wanted: Selection,
    rule: Rule,
    *,
    actor: str,
    now: datetime,
    most: int | None = None,
    open_weeks: int = MOST_NEW_SPANS,
) -> Redated:
    """Give undated samples their times, slice by slice; killed anywhere, what is left is still here.

    Args:
        connection: In autocommit mode.
        wanted: Which.
        rule: Which times.
        actor: For the audit trail.
        now: Times more than a day after it are not given.
        most: Stop after about so many.
        open_weeks: How many weeks it may open that nothing is stored of yet: a wild clock has one for every sample.

    Raises:
        WeeksClosed: It would open more; nothing is changed.
    """
    done, moved = Redated(new_weeks=await _new_weeks(connection, wanted, rule, now)), True
    if done.new_weeks > open_weeks:
        raise WeeksClosed(done.new_weeks, open_weeks)
    await samples.prepare(connection)
    while moved:  # again, for those that share a key with another, or fall into too many spans at once
        moved, after, done.unbelievable = False, 0, 0
        while True:
            async with connection.transaction():
                rows = await _rows(connection, wanted, after)
                if not rows:
                    break
                after = rows[-1].undated_id
                chosen = _Slice()
                for row in rows:
                    time_ms = _time_ms(row, rule, now)
                    if time_ms is None:
                        done.unbelievable += 1
                    else:
                        chosen.take(row, time_ms)
                if chosen.rows:
                    await _move(connection, chosen, wanted, rule, actor, now, done)
                    moved = True
            if most is not None and done.samples >= most:
                done.more = True
                return done
    return done


async def _new_weeks(connection: Connection, wanted: Selection, rule: Rule, now: datetime) -> int:
    asked = {
        **msgspec.structs.asdict(wanted),
        **msgspec.structs.asdict(rule),
        "span_ms": SPAN_MS,
        "latest_ms": to_ms(now) + _DAY_MS,
        "classes": list(_TABLES),
        "relations": [table.value for table in _TABLES.values()],
    }
    row = await (await connection.execute(_SQL["new_weeks"], asked)).fetchone()
    assert row is not None
    return int(row[0])


async def _rows(connection: Connection, wanted: Selection, after: int) -> list[_Row]:
    async with connection.cursor(row_factory=class_row(_Row)) as rows:
        await rows.execute(_SQL["slice"], {**msgspec.structs.asdict(wanted), "after": after, "limit": SLICE})
        return await rows.fetchall()


def _time_ms(row: _Row, rule: Rule, now: datetime) -> int | None:
    """Return a sample's new time; None where that cannot be."""
    time_ms = to_ms(row.arrived_at) + row.behind_newest_ms if rule.by_arrival else row.time_ms + rule.shift_ms
    return time_ms if 0 <= time_ms <= to_ms(now) + _DAY_MS else None


async def _move(
    connection: Connection, chosen: _Slice, wanted: Selection, rule: Rule, actor: str, now: datetime, done: Redated
) -> None:
    differences = 0
    by_key = {(row.group_id, time_ms): row for row, time_ms in chosen.rows}
    for table in SampleTable:
        rows = sorted(
            encode(row.group_id, time_ms, row.values, row.quality)
            for row, time_ms in chosen.rows
            if _TABLES[row.retention_class] is table
        )
        if not rows:
            continue
        await samples.make_room(connection, table, sorted(span for each, span in chosen.spans if each is table))
        written = await samples.write(connection, table, incoming(rows))
        done.new += written.new
        differences += len(written.differences)
        conflicts = [
            Conflict(each, samples.UNKNOWN_ORIGIN, _origin(by_key[each.group_id, each.time_ms]))
            for each in written.differences
        ]
        await samples.keep_conflicts(connection, conflicts)
    latest = _latest([(row, time_ms) for row, time_ms in chosen.rows if time_ms <= to_ms(now)])
    if latest:
        await samples.write_latest(connection, latest)
    times = [from_ms(time_ms) for _, time_ms in chosen.rows]
    await rollup_marks.mark_touched(connection, [row.group_id for row, _ in chosen.rows], times)
    await connection.execute(_SQL["remove"], {"ids": [row.undated_id for row, _ in chosen.rows]})
    done.conflicts += differences
    done.note([time_ms for _, time_ms in chosen.rows])
    detail = {"samples": len(chosen.rows), "conflicts": differences, "rule": msgspec.structs.asdict(rule)}
    await audit.record_for(connection, Deed(actor, "undated.redate", f"node {wanted.node_id}", detail), wanted.org_id)


def _origin(row: _Row) -> Origin:
    return Origin(row.epoch, row.seq)


def _latest(rows: Sequence[tuple[_Row, int]]) -> list[bytes]:
    """Return rows of `latest`: per group, the newest value of each position, ascending."""
    newest: dict[int, dict[int, tuple[int, float | None, int | None]]] = {}
    for row, time_ms in sorted(rows, key=lambda each: each[1]):
        codes = row.quality or [None] * len(row.values)
        for at, (value, code) in enumerate(zip(row.values, codes, strict=True)):
            if value is not None or code is not None:
                newest.setdefault(row.group_id, {})[at] = (time_ms, value, code)
    found = []
    for group_id, positions in sorted(newest.items()):
        columns = [positions.get(at, (None, None, None)) for at in range(max(positions) + 1)]
        times, values, codes = (list(column) for column in zip(*columns, strict=True))
        found.append(latest_row(group_id, times, values, codes if any(codes) else None))
    return found
