"""Series: raw readings, buckets, directions, and other people's channels."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg import AsyncConnection

from siloscope_store.series import SeriesPoint, channel_series
from siloscope_store.series_strides import EPOCH, stride_of
from tests.store.farm import NOW, Farm

TEMPERATURE = ("t1", "temperature", "Cel")
DIRECTION = ("wind_direction", "wind_direction", "deg")


async def test_another_organisations_channel_does_not_exist(
    connection: AsyncConnection[Any], farm: Farm, foreign: Farm
) -> None:
    group = foreign.group("head", [TEMPERATURE])
    assert await channel_series(connection, farm.org_id, group.channels["t1"], NOW, NOW + timedelta(days=1), 10) is None


async def test_few_readings_come_as_they_are_and_failed_ones_have_no_value(
    connection: AsyncConnection[Any], farm: Farm
) -> None:
    group = farm.group("head", [("t0", "temperature", "Cel"), TEMPERATURE])
    second = timedelta(seconds=1)
    rows: list[tuple[datetime, list[float | None], list[int | None] | None]] = [
        (NOW, [1.0, 10.5], None),
        (NOW + second, [1.0, None], [None, 202]),
        (NOW + 2 * second, [1.0, None], None),
        (NOW + 3 * second, [1.0, 11.5], [None, 102]),
        (NOW + 4 * second, [1.0], None),
    ]
    farm.samples(group, rows)
    series = await channel_series(connection, farm.org_id, group.channels["t1"], NOW, NOW + 4 * second, 10)
    assert series is not None
    assert (series.level, series.bucket_s, series.unit) == ("raw", None, "Cel")
    assert series.points == [
        SeriesPoint(NOW, 10.5, 10.5, 10.5, 1, 0),
        SeriesPoint(NOW + second, None, None, None, 0, 1),
        SeriesPoint(NOW + 3 * second, 11.5, 11.5, 11.5, 1, 0, uncertain=1),
    ]


async def test_many_readings_come_in_buckets_and_a_silent_bucket_is_absent(
    connection: AsyncConnection[Any], farm: Farm
) -> None:
    group = farm.group("head", [TEMPERATURE])
    minutes = [minute for minute in range(60) if not 20 <= minute < 30]
    farm.samples(group, [(NOW + timedelta(minutes=m), [float(m)], [203 if m == 5 else 0]) for m in minutes if m != 5])
    farm.samples(group, [(NOW + timedelta(minutes=5), [None], [203])])
    series = await channel_series(connection, farm.org_id, group.channels["t1"], NOW, NOW + timedelta(hours=1), 6)
    assert series is not None
    assert (series.level, series.bucket_s) == ("raw", 600.0)
    assert [point.time.minute for point in series.points] == [0, 10, 30, 40, 50]
    first = series.points[0]
    assert (first.min, first.max, first.count, first.bad) == (0.0, 9.0, 9, 1)
    assert first.mean == pytest.approx(40 / 9)
    assert series.points[1] == SeriesPoint(NOW + timedelta(minutes=10), 10.0, 14.5, 19.0, 10, 0)


async def test_vitals_are_found_in_their_own_table(connection: AsyncConnection[Any], farm: Farm) -> None:
    group = farm.group("agent", [("load", "ratio", "/")], retention_class="vitals")
    farm.samples(group, [(NOW, [0.5], None)], "sample_vitals")
    series = await channel_series(connection, farm.org_id, group.channels["load"], NOW, NOW + timedelta(seconds=1), 10)
    assert series is not None
    assert [point.mean for point in series.points] == [0.5]


@pytest.mark.parametrize(
    ("degrees", "mean"),
    [([350.0, 10.0], 0.0), ([350.0, 20.0], 5.0), ([90.0, 90.0], 90.0), ([0.0, 180.0], None)],
)
async def test_directions_are_averaged_as_vectors(
    connection: AsyncConnection[Any], farm: Farm, degrees: list[float], mean: float | None
) -> None:
    group = farm.group("mast", [DIRECTION])
    farm.samples(group, [(NOW + timedelta(seconds=s), [angle], None) for s, angle in enumerate(degrees)])
    series = await channel_series(
        connection, farm.org_id, group.channels["wind_direction"], NOW, NOW + timedelta(seconds=10), 1
    )
    assert series is not None
    (point,) = series.points
    assert (point.min, point.max, point.count) == (None, None, 2)
    assert point.mean == (None if mean is None else pytest.approx(mean, abs=1e-6))


@pytest.mark.parametrize(("length", "points"), [(timedelta(0), 10), (timedelta(seconds=-1), 10), (timedelta(1), 0)])
async def test_an_empty_window_is_refused(connection: AsyncConnection[Any], length: timedelta, points: int) -> None:
    with pytest.raises(ValueError, match="no points"):
        await channel_series(connection, 1, 1, NOW, NOW + length, points)


SECONDS_SINCE_EPOCH = st.floats(0, 4e9)
LENGTHS = st.timedeltas(timedelta(milliseconds=1), timedelta(days=40_000))


@given(begins_s=SECONDS_SINCE_EPOCH, length=LENGTHS, points=st.integers(1, 5000))
def test_no_window_meets_more_buckets_than_points(begins_s: float, length: timedelta, points: int) -> None:
    begins = EPOCH + timedelta(seconds=begins_s)
    ends = begins + length
    stride, origin = stride_of(begins, ends, points)
    last = ends - timedelta(microseconds=1)
    assert (last - origin) // stride - (begins - origin) // stride + 1 <= points
    assert origin in (EPOCH, begins)
