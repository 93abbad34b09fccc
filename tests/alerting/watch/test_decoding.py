"""Arrays as the server sends them, as columns; the store's own encoder is the other side."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from siloscope_alerting.watch import decoding
from siloscope_store.sample_rows import float_array, int2_array, time_array

LENGTH_BYTES = 4
TIMES = st.lists(st.none() | st.integers(0, 4_000_000_000_000), max_size=9)
VALUES = st.lists(st.none() | st.floats(allow_nan=False), max_size=9)
CODES = st.lists(st.none() | st.integers(0, 300), max_size=9)


ONE_TIME = slice(-8, None)


@given(st.lists(TIMES | st.integers(0, 4_000_000_000_000), max_size=6), st.integers(1, 5))
def test_times_come_back_as_they_went_also_where_one_stands_for_all(
    wanted: list[list[int | None] | int], width: int
) -> None:
    arrays = [each if isinstance(each, list) else [each] * width for each in wanted]
    sent = [
        time_array([each])[ONE_TIME] if isinstance(each, int) else time_array(each)[LENGTH_BYTES:] for each in wanted
    ]
    values = [float_array([1.0] * len(each))[LENGTH_BYTES:] for each in arrays]
    counts = decoding.counts_of(sent, values)
    assert counts.tolist() == [len(each) for each in arrays]
    expected = [decoding.NEVER_MS if each is None else each for array in arrays for each in array]
    assert decoding.times_ms(sent, counts).tolist() == expected


@given(st.lists(VALUES, max_size=6))
def test_values_come_back_as_they_went(arrays: list[list[float | None]]) -> None:
    found = decoding.values([float_array(each)[LENGTH_BYTES:] for each in arrays])
    expected = np.array([np.nan if each is None else each for array in arrays for each in array], float)
    np.testing.assert_array_equal(found, expected)


@given(st.lists(st.none() | CODES, max_size=6))
def test_without_an_array_every_quality_is_good(arrays: list[list[int | None] | None]) -> None:
    counts = np.array([4 if each is None else len(each) for each in arrays], np.int64)
    found = decoding.qualities([None if each is None else int2_array(each)[LENGTH_BYTES:] for each in arrays], counts)
    expected = [
        code
        for array in arrays
        for code in ([0] * 4 if array is None else [decoding.NO_QUALITY if each is None else each for each in array])
    ]
    assert found.tolist() == expected


def test_values_are_filled_up_to_the_length_that_is_wanted() -> None:
    arrays = [float_array([1.0])[LENGTH_BYTES:], float_array([1.0, 2.0, 3.0])[LENGTH_BYTES:]]
    found = decoding.padded_values(arrays, np.array([2, 2]))
    np.testing.assert_array_equal(found, [1.0, np.nan, 1.0, 2.0])


def test_an_empty_array_has_no_elements() -> None:
    assert decoding.values([]).size == 0
    assert decoding.lengths([bytes(12)]).tolist() == [0]  # the server sends one without dimensions
