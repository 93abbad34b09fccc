"""Watermarks: what a mark says of a number, against the plain set of numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from siloscope_contract import watermarks
from siloscope_contract.errors import MalformedMessage
from siloscope_contract.samples import Epoch
from siloscope_contract.watermarks import MAX_GAPS, Watermark, mark


def ranges_of(numbers: set[int]) -> list[tuple[int, int]]:
    ranges: list[tuple[int, int]] = []
    for number in sorted(numbers):
        if ranges and ranges[-1][1] == number:
            ranges[-1] = (ranges[-1][0], number + 1)
        else:
            ranges.append((number, number + 1))
    return ranges


@given(st.sets(st.integers(1, 400), max_size=300))
def test_a_mark_never_claims_a_number_that_is_not_accounted_for(numbers: set[int]) -> None:
    found = mark(ranges_of(numbers))
    for number in range(1, 402):
        if number < found.known_to:
            assert found.accounts_for(number) == (number in numbers)
        else:
            assert not found.accounts_for(number)
    assert len(found.gaps) <= MAX_GAPS


@given(st.sets(st.integers(1, 100), max_size=60))
def test_a_mark_with_few_gaps_tells_all(numbers: set[int]) -> None:
    found = mark(ranges_of(numbers))
    assert found.known_to == (max(numbers) + 1 if numbers else 1)


def test_a_mark_is_read_as_it_was_written() -> None:
    watermark = Watermark("store", "generation", ["s1"], {Epoch("0" * 32): mark([(1, 5), (7, 9)])})
    assert watermarks.decode(watermarks.encode(watermark)) == watermark


@pytest.mark.parametrize("payload", [b"", b"[]", b'{"store":1,"generation":"g"}', b"\xff"])
def test_what_is_no_watermark_is_refused(payload: bytes) -> None:
    with pytest.raises(MalformedMessage, match="watermark"):
        watermarks.decode(payload)
