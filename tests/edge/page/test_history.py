"""A day in bounded memory: gaps stay gaps, a failure is no value, and the memory never grows."""

import math
from collections.abc import Sequence

import pytest

from siloscope_contract.packs import Sample
from siloscope_contract.quality import Quality
from siloscope_edge.page.history import BAD, GOOD, STEPS_S, UNCERTAIN, Curve, DeviceHistory, Tally, bytes_of, step_for

MINUTE_MS = 60_000
FAILED = int(Quality.COMM_FAILURE)
MEMORY = 6 * 1024**2


def sample(time_ms: int, values: Sequence[float | None], quality: Sequence[int] | None = None) -> Sample:
    codes = list(quality) if quality is not None else [FAILED if value is None else 0 for value in values]
    names = tuple(f"c{at}" for at in range(len(values)))
    return Sample("head", time_ms, names, ("Cel",) * len(values), list(values), codes)


def told(history: DeviceHistory, *samples: Sample) -> DeviceHistory:
    for each in samples:
        history.add(each.time_ms, each.values, each.quality)
    return history


def tail(curve: Curve, length: int) -> list[tuple[float | None, float | None, float | None, int]]:
    rows = list(zip(curve.least, curve.mean, curve.greatest, curve.flags, strict=True))
    return rows[-length:]


def test_a_failed_reading_is_no_value_and_nothing_read_is_nothing() -> None:
    history = told(DeviceHistory(1, 60), sample(0, [None]), sample(2 * MINUTE_MS, [5.0]))
    nothing = (None, None, None, 0)
    curve = history.curve(0, 3 * MINUTE_MS, under_way=history.under_way())
    assert tail(curve, 4) == [(None, None, None, BAD), nothing, (5.0, 5.0, 5.0, GOOD), nothing]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_none_never_becomes_a_value(value: float) -> None:
    history = told(DeviceHistory(1, 60, [0]), sample(0, [value], [0]))
    assert tail(history.curve(0, 0, under_way=history.under_way()), 1) == [(None, None, None, 0)]
    assert history.curve(0, MINUTE_MS).mean[-2:] == [None, None]


def test_a_step_has_its_least_mean_and_greatest_and_says_what_else_was_read() -> None:
    history = DeviceHistory(2, 60)
    told(history, sample(0, [1.0, 9.0]), sample(10_000, [4.0, None]), sample(20_000, [1.0, 7.0], [101, 0]))
    now = history.under_way()
    assert tail(history.curve(0, 30_000, under_way=now), 1) == [(1.0, 2.0, 4.0, GOOD | UNCERTAIN)]
    assert tail(history.curve(1, 30_000, under_way=now), 1) == [(7.0, 8.0, 9.0, GOOD | BAD)]


def test_what_is_under_way_is_shown_only_when_it_is_given() -> None:
    history = told(DeviceHistory(1, 60), sample(0, [1.0]))
    assert set(history.curve(0, 0).flags) == {0}
    assert history.curve(0, 0, under_way=history.under_way()).flags[-1] == GOOD


def test_after_a_day_the_oldest_makes_room_and_what_stood_before_a_long_silence_is_gone() -> None:
    history = DeviceHistory(1, 60)
    for minute in range(3 * 1440):
        told(history, sample(minute * MINUTE_MS, [float(minute)]))
    now_ms = 3 * 1440 * MINUTE_MS
    curve = history.curve(0, now_ms, under_way=history.under_way())
    assert curve.mean[:-1] == [float(minute) for minute in range(2 * 1440 + 1, 3 * 1440)]
    assert set(history.curve(0, now_ms + 86_400_000 + MINUTE_MS).flags) == {0}
    told(history, sample(now_ms + 86_400_000, [1.0]))
    curve = history.curve(0, now_ms + 86_400_000, under_way=history.under_way())
    assert [at for at, flags in enumerate(curve.flags) if flags] == [1439]


def test_a_curve_always_spans_a_day_and_ends_now() -> None:
    history = DeviceHistory(1, 60)
    for merged in (1, 2, 7, 10, 60):
        for now_ms in (0, 59_999, 17 * MINUTE_MS, 5_000_000_123):
            curve = history.curve(0, now_ms, merged)
            end_ms = history.starts_at_ms(now_ms, merged) + len(curve.flags) * merged * MINUTE_MS
            assert now_ms < end_ms <= now_ms + merged * MINUTE_MS
            assert len(curve.flags) == 1440 // merged


def test_steps_taken_together_keep_the_extremes() -> None:
    history = DeviceHistory(1, 60)
    for minute in range(10):
        told(history, sample(minute * MINUTE_MS, [None] if minute == 3 else [float(minute)]))
    curve = history.curve(0, 9 * MINUTE_MS, 10, history.under_way())
    assert (curve.least[-1], curve.greatest[-1], curve.flags[-1]) == (0.0, 9.0, GOOD | BAD)
    assert curve.mean[-1] == pytest.approx(42 / 9)


def test_directions_have_the_mean_of_vectors() -> None:
    history = told(DeviceHistory(1, 60, [0]), sample(0, [350.0]), sample(1000, [20.0]), sample(MINUTE_MS, [355.0]))
    assert history.curve(0, MINUTE_MS).mean[-2] == pytest.approx(5.0)
    assert history.curve(0, MINUTE_MS, 2, history.under_way()).mean[-1] == pytest.approx(0.0, abs=1e-4)


def test_the_past_is_filled_where_nothing_stands_and_never_over_what_was_seen() -> None:
    history = told(DeviceHistory(1, 60), sample(10 * MINUTE_MS, [1.0]), sample(11 * MINUTE_MS, [2.0]))
    tally = Tally(1)
    tally.add([7.0], [0])
    row = tally.take()
    assert history.fill(9, row)
    assert not history.fill(9, row)
    assert not history.fill(10, row)
    assert not history.fill(9 - 1440, row)
    assert history.fill(-5, row)  # before this boot
    assert history.curve(0, 11 * MINUTE_MS, 1, history.under_way()).mean[-3:] == [7.0, 1.0, 2.0]
    assert history.curve(0, 11 * MINUTE_MS).mean[-17] == 7.0


def test_a_tally_begins_anew() -> None:
    tally = Tally(2)
    tally.add([1.0, None], [0, None])
    assert list(tally.take().flags) == [GOOD, 0]
    assert list(tally.take().flags) == [0, 0]


def test_any_number_of_channels_stays_within_the_memory() -> None:
    for channels in (1, 200, 1000, 10_000, 20_000, 10**6):
        step_s = step_for(channels, MEMORY)
        assert step_s is None or bytes_of(channels, step_s) <= MEMORY
    assert step_for(200, MEMORY) == 60
    assert step_for(10_000, MEMORY) == 3600
    assert step_for(10**6, MEMORY) is None
    assert bytes_of(200, 60) < 4_000_000


def test_a_day_divides_into_every_step() -> None:
    assert all(86_400 % step_s == 0 for step_s in STEPS_S)
