"""What a channel measured over time, in as many points as a chart can show."""

from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import msgspec
from psycopg import AsyncConnection, sql

from siloscope_contract.quality import FIRST_BAD
from siloscope_store.places import is_circular
from siloscope_store.statements import statements

_SQL = statements("series.sql")
SAMPLE_TABLES = {"measurements": sql.Identifier("sample"), "vitals": sql.Identifier("sample_vitals")}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
# Lengths that people read off an axis without thinking.
STRIDES_S = (
    *(1, 2, 5, 10, 15, 30),
    *(step * _MINUTE for step in (1, 2, 5, 10, 15, 30)),
    *(step * _HOUR for step in (1, 2, 3, 6, 12)),
    *(step * _DAY for step in (1, 2, 7, 14, 28)),
)


class SeriesPoint(msgspec.Struct, frozen=True):
    """One reading, or one bucket, named by when it begins.

    Attributes:
        min: Least value; None for a direction's bucket, and where every reading failed, as are `mean` and `max`.
        count: Readings with a value.
        bad: Failed readings.
    """

    time: datetime
    min: float | None
    mean: float | None
    max: float | None
    count: int
    bad: int


class Series(msgspec.Struct, frozen=True):
    """Points in the order of time; a bucket without any reading is absent."""

    channel_id: int
    unit: str
    begins: datetime
    ends: datetime
    level: Literal["raw", "bucket"]
    bucket_s: float | None
    points: list[SeriesPoint]


async def channel_series(
    connection: AsyncConnection[Any], org_id: int, channel_id: int, begins: datetime, ends: datetime, points: int
) -> Series | None:
    """Return readings of [begins, ends): themselves where at most `points`, else in buckets of equal length.

    Buckets begin at multiples of their length since 1970 UTC, so that they stay the same when the window moves.

    Returns:
        None where this organisation has no such channel.

    Raises:
        ValueError: The window is empty, or `points` below 1.
    """
    if begins >= ends or points < 1:
        raise ValueError(f"no points in [{begins}, {ends}) by {points}")
    found = await connection.execute(_SQL["channel"], {"org_id": org_id, "channel_id": channel_id})
    channel = await found.fetchone()
    if channel is None:
        return None
    group_id, position, quantity, unit, retention_class = channel
    window = {"group_id": group_id, "element": position + 1, "begins": begins, "ends": ends, "most": points + 1}
    samples = SAMPLE_TABLES[retention_class]
    if await _count(connection, samples, window) <= points:
        raw = [_reading(*row) for row in await _rows(connection, "raw", samples, window)]
        return Series(channel_id, unit, begins, ends, "raw", None, raw)
    stride, origin = stride_of(begins, ends, points)
    name = "circular_buckets" if is_circular(quantity) else "buckets"
    rows = await _rows(connection, name, samples, {**window, "stride": stride, "origin": origin})
    buckets = [SeriesPoint(*row) for row in rows]
    return Series(channel_id, unit, begins, ends, "bucket", stride.total_seconds(), buckets)


def stride_of(begins: datetime, ends: datetime, points: int) -> tuple[timedelta, datetime]:
    """Return the length of a bucket and where buckets are counted from, so that at most `points` meet the window.

    >>> stride_of(EPOCH, EPOCH + timedelta(days=1), 500)[0]
    datetime.timedelta(seconds=300)
    """
    last = ends - timedelta(microseconds=1)
    for seconds in STRIDES_S:
        stride = timedelta(seconds=seconds)
        if (last - EPOCH) // stride - (begins - EPOCH) // stride + 1 <= points:
            return stride, EPOCH
    # A window so long, or so few points, that no round length fits: count from its beginning.
    return -((begins - ends) // points), begins


async def _count(connection: AsyncConnection[Any], samples: sql.Identifier, window: dict[str, Any]) -> int:
    ((count,),) = await _rows(connection, "count", samples, window)
    return int(count)


async def _rows(
    connection: AsyncConnection[Any], name: str, samples: sql.Identifier, parameters: dict[str, Any]
) -> list[tuple[Any, ...]]:
    cursor = await connection.execute(sql.SQL(_SQL[name]).format(samples=samples), parameters)
    return await cursor.fetchall()


def _reading(time: datetime, value: float | None, code: int) -> SeriesPoint:
    if value is None or code >= FIRST_BAD:
        return SeriesPoint(time, None, None, None, 0, 1)
    return SeriesPoint(time, value, value, value, 1, 0)
