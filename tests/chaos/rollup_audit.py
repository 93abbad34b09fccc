"""Recomputes every closed roll-up from samples, in plain Python, and compares."""

import cmath
import math
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
from psycopg import sql

CIRCULAR, COUNTERS = {"wind_direction"}, {"rain", "energy_import"}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

GROUPS = """
SELECT g.group_id, g.retention_class, s.time_zone, array_agg(c.quantity ORDER BY c.position)
FROM sample_group AS g JOIN channel AS c USING (group_id) JOIN device AS d ON d.device_id = g.device_id
JOIN node AS n ON n.node_id = d.node_id JOIN site AS s ON s.site_id = n.site_id GROUP BY 1, 2, 3
"""
ROLLUP = """
SELECT group_id, {bucket}, samples, counts, minimum, maximum, mean, last, resultant, first, increase, reasons
FROM {table}
"""
WAITING = """
SELECT (SELECT count(*) FROM rollup_touched) + (SELECT count(*) FROM rollup_rebuild)
    + (SELECT count(*) FROM rollup_horizon WHERE closed_to <> settled_to)
    + (SELECT count(*) FROM rollup_progress WHERE going_to IS NOT NULL)
    + (SELECT CASE WHEN EXISTS (SELECT FROM rollup_horizon) THEN 0 ELSE 1 END)
"""

Sample = tuple[datetime, Sequence[float | None], Sequence[int | None] | None]
Key = tuple[int, Any]
"""Group and bucket: an instant, or a date."""


@dataclass
class Rollup:
    """One bucket; lists by position."""

    samples: int = 0
    counts: list[int] = field(default_factory=list)
    minimum: list[float | None] = field(default_factory=list)
    maximum: list[float | None] = field(default_factory=list)
    mean: list[float | None] = field(default_factory=list)
    last: list[float | None] = field(default_factory=list)
    resultant: list[float | None] | None = None
    first: list[float | None] | None = None
    increase: list[float | None] | None = None
    reasons: dict[str, dict[str, int]] | None = None


Stored = dict[Key, Rollup]


def wait_until_settled(url: str, within_s: float) -> str | None:
    """Wait until the job has nothing to do; return what still waits where it does not come to that."""
    deadline = time.monotonic() + within_s
    waiting: object = None
    while time.monotonic() < deadline:
        with psycopg.connect(url) as connection:
            row = connection.execute(WAITING).fetchone()
        waiting = row and row[0]
        if waiting == 0:
            return None
        time.sleep(0.5)
    return f"roll-ups do not catch up within {within_s:g} s: {waiting} things wait"


def differences(url: str) -> Iterator[str]:
    """Yield every closed bucket that is not what its samples say, is missing, or has no samples."""
    with psycopg.connect(url) as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        connection.execute("SET timezone = 'UTC'")
        groups = {row[0]: row[1:] for row in connection.execute(GROUPS)}
        samples = _samples(connection)
        progress = {
            (level, zone): done
            for level, zone, done in connection.execute("SELECT level, zone, done_to FROM rollup_progress")
        }
        since: dict[int, datetime] = dict(connection.execute("SELECT group_id, since FROM rollup_m5_group").fetchall())
        # Somebody may still send what has no spool: what waits for the job in this very state is not due yet.
        waiting = set(connection.execute("SELECT group_id, bucket FROM rollup_touched").fetchall())
        stored = {level: _stored(connection, level) for level in ("m5", "hour", "day")}
    due: dict[str, dict[Key, list[Sample]]] = {level: defaultdict(list) for level in stored}
    for group_id in samples.keys() - groups.keys():
        yield f"{len(samples[group_id])} samples are of group {group_id}, which there is not"
    for group_id, rows in samples.items():
        if group_id not in groups:
            continue
        zone = groups[group_id][1]
        for row in rows:
            five, hour = _floor(row[0], 300), _floor(row[0], 3600)
            day = row[0].astimezone(ZoneInfo(zone)).date()
            if group_id in since and since[group_id] <= five < progress["m5", ""]:
                due["m5"][group_id, five].append(row)
            if hour < progress["hour", ""]:
                due["hour"][group_id, hour].append(row)
            if ("day", zone) in progress and _day_ends(day, zone) <= progress["day", zone]:
                due["day"][group_id, day].append(row)
    for group_id, hour in waiting:
        _leave_out(group_id, hour, groups[group_id][1], due, stored)
    for level, buckets in due.items():
        for key, rows in buckets.items():
            expected = computed(rows, groups[key[0]][2])
            found = stored[level].pop(key, None)
            if found is None:
                yield f"roll-up {level} of {key} is missing; it has {expected.samples} samples"
            elif wrong := unlike(expected, found):
                yield f"roll-up {level} of {key}: {wrong}"
        for (group_id, bucket), found in stored[level].items():
            if level == "m5" and (group_id not in since or bucket < since[group_id]):
                continue  # not complete, and nobody reads it
            yield f"roll-up {level} of group {group_id} at {bucket} says {found.samples} samples; there are none"


def _leave_out(
    group_id: int,
    hour: datetime,
    zone: str,
    due: dict[str, dict[Key, list[Sample]]],
    stored: dict[str, dict[Key, Rollup]],
) -> None:
    """Leave out an hour and all that it is part of or made of."""
    fives = [hour + timedelta(minutes=5 * at) for at in range(12)]
    days = {at.astimezone(ZoneInfo(zone)).date() for at in (hour, hour + timedelta(minutes=59))}
    for level, buckets in (("hour", [hour]), ("m5", fives), ("day", list(days))):
        for bucket in buckets:
            due[level].pop((group_id, bucket), None)
            stored[level].pop((group_id, bucket), None)


def computed(rows: Sequence[Sample], quantities: Sequence[str]) -> Rollup:
    """Return what a bucket holds."""
    found = Rollup(len(rows))
    reasons: dict[str, Counter[str]] = defaultdict(Counter)
    resultant: list[float | None] = []
    first: list[float | None] = []
    increase: list[float | None] = []
    for at, quantity in enumerate(quantities):
        values = []
        for _, row, codes in sorted(rows, key=lambda each: each[0]):
            value = row[at] if at < len(row) else None
            code = codes[at] if codes is not None and at < len(codes) else None
            if code:
                reasons[str(at)][str(code)] += 1
            if value is not None:
                values.append(value)
        found.counts.append(len(values))
        ordered = [] if quantity in CIRCULAR else values  # no direction is the least
        found.minimum.append(min(ordered, default=None))
        found.maximum.append(max(ordered, default=None))
        found.last.append(values[-1] if values else None)
        vector = sum(cmath.rect(1, math.radians(each)) for each in values) / len(values) if values else None
        circular = quantity in CIRCULAR and vector is not None
        mean = math.fsum(values) / len(values) if values else None
        found.mean.append(math.degrees(cmath.phase(vector)) % 360 if circular and vector is not None else mean)
        resultant.append(abs(vector) if circular and vector is not None else None)
        counts = quantity in COUNTERS and bool(values)
        first.append(values[0] if counts else None)
        steps = [now - before if now >= before else now for before, now in pairwise(values)]
        increase.append(math.fsum(steps) if counts else None)
    if CIRCULAR & set(quantities):
        found.resultant = resultant
    if COUNTERS & set(quantities):
        found.first, found.increase = first, increase
    found.reasons = {at: dict(codes) for at, codes in reasons.items()} or None
    return found


def unlike(expected: Rollup, found: Rollup) -> str | None:
    """Return how two differ, or None."""
    for name in ("samples", "reasons"):
        if getattr(expected, name) != getattr(found, name):
            return f"{name} {getattr(found, name)}, expected {getattr(expected, name)}"
    for name in ("counts", "minimum", "maximum", "mean", "last", "resultant", "first", "increase"):
        one, two = _padded(getattr(expected, name)), _padded(getattr(found, name))
        for at in range(max(len(one), len(two))):
            wanted, got = _at(one, at), _at(two, at)
            if name == "counts":
                wanted, got = wanted or 0, got or 0
            length = _at(expected.resultant or (), at) if name == "mean" else None
            if length is not None and length < 1e-6:
                continue  # directions that cancel out have no mean
            if not _close(wanted, got, turns=length is not None):
                return f"{name}[{at}] {got}, expected {wanted}"
    return None


def _close(one: float | None, two: float | None, *, turns: bool) -> bool:
    if one is None or two is None:
        return one is two
    apart = abs(one - two)
    return min(apart, 360 - apart if turns else apart) <= 1e-6 * max(1.0, abs(one))


def _at(values: Sequence[Any], at: int) -> float | None:
    return values[at] if at < len(values) else None


def _padded(values: Sequence[Any] | None) -> Sequence[Any]:
    return values or ()


def _samples(connection: psycopg.Connection) -> dict[int, list[Sample]]:
    found: dict[int, list[Sample]] = defaultdict(list)
    for relation in ("sample", "sample_vitals"):
        statement = sql.SQL('SELECT group_id, "time", "values", quality FROM {}').format(sql.Identifier(relation))
        for group_id, at, values, quality in connection.execute(statement):
            found[group_id].append((at, values, quality))
    return found


def _stored(connection: psycopg.Connection, level: str) -> dict[Key, Rollup]:
    statement = sql.SQL(ROLLUP).format(
        bucket=sql.Identifier("day" if level == "day" else "bucket"), table=sql.Identifier(f"rollup_{level}")
    )
    return {(row[0], row[1]): Rollup(*row[2:]) for row in connection.execute(statement)}


def _floor(at: datetime, seconds: int) -> datetime:
    return at - (at - _EPOCH) % timedelta(seconds=seconds)


def _day_ends(day: date, zone: str) -> datetime:
    return datetime.combine(day + timedelta(days=1), datetime.min.time(), ZoneInfo(zone)).astimezone(UTC)
