"""Columns against the same said plainly: Kleene's logic, medians of neighbours, windows, waves."""

from collections.abc import Sequence
from statistics import median

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from siloscope_alerting.columns import Readings
from siloscope_alerting.engine import arrivals
from siloscope_alerting.engine.conditions.deviation import medians_of_others
from siloscope_alerting.engine.conditions.forecast import theil_sen
from siloscope_alerting.engine.joins import all_clear, either, every, negated, one_holds
from siloscope_alerting.engine.windows import Windows

TRUTHS = st.sampled_from([-1, 0, 1])


def column(values: Sequence[int]) -> "np.ndarray[tuple[int], np.dtype[np.int8]]":
    return np.array(values, np.int8)


def plain_and(values: Sequence[int]) -> int:
    return 0 if 0 in values else -1 if -1 in values else 1


@given(st.lists(TRUTHS, min_size=1, max_size=5))
def test_kleene(values: list[int]) -> None:
    parts = [column([value]) for value in values]
    assert every(parts)[0] == plain_and(values)
    flipped = [-1 if value == -1 else 1 - value for value in values]
    assert either(parts)[0] == negated(column([plain_and(flipped)]))[0]


@pytest.mark.parametrize(
    ("breached", "cleared", "harmless", "holds", "clear"),
    [
        ([0, 1], [1, 0], [1, 1], 1, 0),
        ([0, 0], [1, 1], [1, 1], 0, 1),
        ([0, -1], [1, -1], [1, 1], 0, 1),
        ([0, -1], [1, -1], [1, 0], -1, -1),
        ([1, -1], [0, -1], [1, 0], 1, 0),
        ([-1, -1], [-1, -1], [1, 1], -1, -1),
        ([0, 0], [1, 0], [1, 1], 0, 0),
    ],
)
def test_a_subject_of_two_channels(
    breached: list[int], cleared: list[int], harmless: list[int], holds: int, clear: int
) -> None:
    starts = np.array([0])
    calm = np.array(harmless, np.bool_)
    assert one_holds(column(breached), calm, starts)[0] == holds
    assert all_clear(column(cleared), calm, starts)[0] == clear


@given(st.lists(st.tuples(st.integers(-1, 2), st.one_of(st.just(np.nan), st.floats(-9, 9))), max_size=30))
def test_the_median_of_the_others(said: list[tuple[int, float]]) -> None:
    groups = np.array([group for group, _ in said], np.int32)
    values = np.array([value for _, value in said], np.float64)
    found = medians_of_others(groups, values)
    for index, (group, value) in enumerate(said):
        others = [v for at, (g, v) in enumerate(said) if g == group and at != index and not np.isnan(v)]
        if group < 0 or np.isnan(value) or len(others) < 3:
            assert np.isnan(found[index])
        else:
            assert found[index] == pytest.approx(median(others))


@given(st.floats(-5, 5), st.floats(-50, 50), st.lists(st.integers(0, 19), max_size=4, unique=True))
def test_the_trend_bears_a_fifth_of_wild_points(slope: float, value: float, wild: list[int]) -> None:
    hours = np.arange(20) / 10 - 1.9
    values = value + slope * hours
    values[wild] += 1000.0
    found_slope, found_value = theil_sen(hours, values)
    assert found_slope == pytest.approx(slope, abs=1e-6 if not wild else 300)
    if not wild:
        assert found_value == pytest.approx(value, abs=1e-6)


SERIES = st.lists(
    st.tuples(st.integers(0, 600), st.one_of(st.just(np.nan), st.floats(-9, 9))),
    min_size=1,
    max_size=60,
    unique_by=lambda each: each[0],
)


def slot(*values: int) -> "np.ndarray[tuple[int], np.dtype[np.int32]]":
    return np.array(values, np.int32)


@given(SERIES, st.randoms(use_true_random=False))
def test_a_window_knows_what_came_within_it_in_any_order(said: list[tuple[int, float]], chance: st.DataObject) -> None:
    windows = Windows(1, 600, 1)
    shuffled = list(said)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    for at, value in shuffled:
        windows.add(slot(0), np.array([at]), np.array([value]))
    within = windows.within(slot(0), np.array([600]))
    good = {at: value for at, value in said if not np.isnan(value)}
    assert (within.good()[0], within.bad()[0]) == (len(good), len(said) - len(good))
    if good:
        assert (within.low()[0], within.high()[0]) == (min(good.values()), max(good.values()))
        assert within.begin()[1][0] == good[min(good)]


@given(SERIES)
def test_a_window_that_is_filled_at_once_is_as_one_that_was_fed(said: list[tuple[int, float]]) -> None:
    said = sorted(said, key=lambda each: each[0])
    fed, filled = Windows(1, 600, 1), Windows(1, 600, 1)
    for at, value in said:
        fed.add(slot(0), np.array([at]), np.array([value]))
    filled.fill(0, np.array([at for at, _ in said]), np.array([value for _, value in said]))
    one, other = (each.within(slot(0), np.array([600])) for each in (fed, filled))
    assert (one.good(), one.bad(), one.low(), one.high()) == (other.good(), other.bad(), other.low(), other.high())
    assert str(one.begin()) == str(other.begin())


def test_a_window_forgets() -> None:
    windows = Windows(1, 600, 60)
    for at in range(0, 6000, 60):
        windows.add(slot(0), np.array([at]), np.array([float(at)]))
    within = windows.within(slot(0), np.array([5940]))
    assert within.low()[0] >= 5940 - 600 - windows.width_ms
    windows.add(slot(0), np.array([0]), np.array([-1.0]))
    assert windows.within(slot(0), np.array([5940])).low()[0] > 0


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 99)), max_size=30, unique=True))
def test_waves_have_each_channel_once_and_keep_its_order(said: list[tuple[int, int]]) -> None:
    rows, times = np.array([r for r, _ in said], np.int32), np.array([t for _, t in said], np.int64)
    nothing = np.zeros(len(said))
    readings = Readings(rows, times, nothing, nothing.astype(np.int16), nothing.astype(np.bool_))
    taken: list[tuple[int, int]] = []
    for wave in arrivals.waves(readings):
        assert len(set(wave.row)) == len(wave.row)
        taken += zip(wave.row.tolist(), wave.time_ms.tolist(), strict=True)
    assert sorted(taken) == sorted(said)
    for row in range(4):
        mine = [t for r, t in taken if r == row]
        assert mine == sorted(mine)
