"""Roll-ups worked out once more from stored samples, one reading at a time and without arrays, to compare with."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from psycopg import Connection, sql

EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
Bucket = datetime | date


@dataclass
class Expected:
    """What a bucket of one position holds."""

    values: list[float] = field(default_factory=list)
    codes: dict[int, int] = field(default_factory=lambda: defaultdict(int))


@dataclass
class Kind:
    """Whether a position is a direction or a counter."""

    circular: bool = False
    counter: bool = False


def five_minutes(at: datetime) -> datetime:
    return EPOCH + (at - EPOCH) // timedelta(minutes=5) * timedelta(minutes=5)


def hour(at: datetime) -> datetime:
    return EPOCH + (at - EPOCH) // timedelta(hours=1) * timedelta(hours=1)


def day(zone: str) -> Callable[[datetime], date]:
    return lambda at: at.astimezone(ZoneInfo(zone)).date()


def readings(values: list[float | None], quality: list[int | None] | None) -> Iterable[tuple[int, float | None, int]]:
    for position in range(max(len(values), len(quality or []))):
        value = values[position] if position < len(values) else None
        code = quality[position] if quality is not None and position < len(quality) else None
        if value is None and code is not None:
            yield position, None, max(200, code)
        elif value is not None and (code or 0) >= 200:
            yield position, None, code or 0
        elif value is not None:
            yield position, value, code or 0


def recomputed(
    connection: Connection[Any], group_id: int, bucket_of: Callable[[datetime], Bucket], relation: str = "sample"
) -> dict[Bucket, tuple[int, dict[int, Expected]]]:
    """Return every bucket of a group: how many samples, and what each position holds."""
    query = sql.SQL('SELECT "time", "values", quality FROM {} WHERE group_id = %s ORDER BY "time"').format(
        sql.Identifier(relation)
    )
    found: dict[Bucket, tuple[int, dict[int, Expected]]] = {}
    for at, values, quality in connection.execute(query, (group_id,)).fetchall():
        samples, positions = found.get(bucket_of(at), (0, defaultdict(Expected)))
        for position, value, code in readings(values, quality):
            if value is not None:
                positions[position].values.append(value)
            if code >= 100:
                positions[position].codes[code] += 1
        found[bucket_of(at)] = (samples + 1, positions)
    return found


def compare(row: tuple[Any, ...], expected: tuple[int, dict[int, Expected]], kinds: dict[int, Kind]) -> None:
    """Hold a row (samples, counts, minimum, … reasons) to what is expected of it."""
    samples, counts, minimum, maximum, mean, last, resultant, first, increase, reasons = row
    assert samples == expected[0]
    filled = [position for position, each in expected[1].items() if each.values]
    width = max(filled, default=-1) + 1
    assert [len(array) for array in (counts, minimum, maximum, mean, last)] == [width] * 5
    found = {int(position): {int(code): n for code, n in codes.items()} for position, codes in (reasons or {}).items()}
    assert found == {position: dict(each.codes) for position, each in expected[1].items() if each.codes}
    for position in range(width):
        values = expected[1][position].values if position in expected[1] else []
        kind = kinds.get(position, Kind())
        assert counts[position] == len(values)
        if not values:
            assert {array[position] for array in (minimum, maximum, mean, last)} == {None}
            continue
        assert last[position] == values[-1]
        if kind.circular:
            assert (minimum[position], maximum[position]) == (None, None)
            x, y = (sum(f(math.radians(v)) for v in values) / len(values) for f in (math.cos, math.sin))
            assert math.isclose(resultant[position], math.hypot(x, y), abs_tol=1e-9)
            if math.hypot(x, y) > 1e-5:
                apart = abs(mean[position] - math.degrees(math.atan2(y, x))) % 360
                assert min(apart, 360 - apart) < 1e-4
        else:
            assert (minimum[position], maximum[position]) == (min(values), max(values))
            assert math.isclose(mean[position], math.fsum(values) / len(values), rel_tol=1e-9, abs_tol=1e-9)
        if kind.counter:
            assert first[position] == values[0]
            steps = [after if after < before else after - before for before, after in pairwise(values)]
            assert math.isclose(increase[position], math.fsum(steps), rel_tol=1e-9, abs_tol=1e-6)
