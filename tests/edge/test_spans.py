"""Ranges of numbers behave as the sets that they stand for."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from siloscope_edge.spans import Spans

RANGE = st.tuples(st.integers(0, 40), st.integers(0, 40))
STEPS = st.lists(st.tuples(st.booleans(), RANGE), max_size=30)


@given(STEPS)
def test_adding_and_removing_ranges_is_adding_and_removing_numbers(steps: list[tuple[bool, tuple[int, int]]]) -> None:
    spans, expected = Spans(), set[int]()
    for adds, (first, end) in steps:
        if adds:
            spans.add(first, end)
            expected |= set(range(first, end))
        else:
            spans.remove(first, end)
            expected -= set(range(first, end))
    assert list(spans) == sorted(expected)
    assert len(spans) == len(expected)
    ranges = list(spans.ranges())
    assert all(end < start for (_, end), (start, _) in pairwise(ranges))


@given(st.lists(RANGE, max_size=12), RANGE, st.integers(0, 45))
def test_looking_into_ranges(ranges: list[tuple[int, int]], window: tuple[int, int], number: int) -> None:
    spans = Spans(ranges)
    members = set(spans)
    assert set(spans.within(*window)) == members & set(range(*window))
    assert (number in spans) == (number in members)
    assert spans.first_from(number) == min((each for each in members if each >= number), default=None)
    assert set(spans.shifted(7)) == {each + 7 for each in members}
    assert set(spans.without(Spans([window]))) == members - set(range(*window))
