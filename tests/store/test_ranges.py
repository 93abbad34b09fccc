"""Ranges of numbers, checked against sets of numbers."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from siloscope_store.ranges import Range, folded, merged, of_numbers

NUMBERS = st.lists(st.integers(1, 40))
RANGES = st.lists(st.tuples(st.integers(1, 40), st.integers(1, 8)).map(lambda pair: (pair[0], pair[0] + pair[1])))


def numbers(ranges: list[Range]) -> set[int]:
    return {number for first, end in ranges for number in range(first, end)}


def is_tight(ranges: list[Range]) -> bool:
    return all(first < end for first, end in ranges) and all(before[1] < after[0] for before, after in pairwise(ranges))


@given(NUMBERS)
def test_ranges_hold_exactly_the_numbers(found: list[int]) -> None:
    ranges = of_numbers(found)
    assert numbers(ranges) == set(found)
    assert is_tight(ranges)


@given(RANGES)
def test_merging_keeps_the_numbers_and_needs_the_fewest_ranges(ranges: list[Range]) -> None:
    assert numbers(merged(ranges)) == numbers(ranges)
    assert is_tight(merged(ranges))


@given(RANGES, st.integers(0, 6))
def test_folding_moves_the_oldest_and_loses_none(ranges: list[Range], most: int) -> None:
    old, kept = folded(merged(ranges), most)
    assert old + kept == merged(ranges)
    assert len(kept) <= most
