"""Rows in binary COPY format: read back by our own decoder, and by PostgreSQL."""

from hypothesis import given
from hypothesis import strategies as st

from siloscope_store.sample_rows import PlainLayout, decode, encode

VALUES = st.lists(st.one_of(st.none(), st.floats(allow_nan=False)), min_size=1, max_size=30)
TIMES_MS = st.integers(-(2**43), 2**43)
GROUPS = st.integers(1, 2**31 - 1)


@given(GROUPS, TIMES_MS, VALUES)
def test_a_row_says_what_it_was_made_of(group_id: int, time_ms: int, values: list[float | None]) -> None:
    assert decode(encode(group_id, time_ms, values, None)) == (group_id, time_ms, values, None)
    codes: list[int | None] = [201 if value is None else 0 for value in values]
    assert decode(encode(group_id, time_ms, values, codes)) == (group_id, time_ms, values, codes)


@given(GROUPS, TIMES_MS, st.lists(st.floats(allow_nan=False), min_size=1, max_size=256))
def test_the_short_way_writes_the_same_bytes(group_id: int, time_ms: int, values: list[float]) -> None:
    assert PlainLayout(group_id, len(values)).encode(time_ms, values) == encode(group_id, time_ms, values, None)


@given(st.lists(st.tuples(GROUPS, st.integers(946_684_800_000, 2**43)), min_size=2))
def test_rows_sort_by_group_and_time(keys: list[tuple[int, int]]) -> None:
    rows = sorted(encode(group_id, time_ms, [1.0], None) for group_id, time_ms in keys)
    assert [(decode(row).group_id, decode(row).time_ms) for row in rows] == sorted(keys)
