"""Batches fold what one transaction writes; checked against a plain model of what must come out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from siloscope_ingest.batches import Batch, folded
from siloscope_ingest.deliveries import Delivery
from siloscope_ingest.entries import Entry
from siloscope_ingest.shapes import Part
from siloscope_store.ranges import Range
from siloscope_store.sample_rows import decode, encode, latest_row
from siloscope_store.samples import MOST_NEW_SPANS, SPAN_MS, SampleTable

BASE_MS = 2_900 * SPAN_MS
TABLE = 0


class Nobody:
    """Whoever acknowledges nothing."""

    def acknowledge(self, packet_ids: object) -> None:
        raise AssertionError


def part(group_id: int, positions: list[int], of: int = 3) -> Part:
    return Part(group_id, TABLE, list(enumerate(positions)), of)


def entry(
    *rows: tuple[int, int, dict[int, float]], seq: int | None = None, node_id: int = 1, epoch: str = "e" * 32
) -> Entry:
    """An entry of samples (group, seconds, value by position) in groups of three positions."""
    delivery = Delivery("topic", b"payload", BASE_MS, 1, Nobody())
    found = Entry(delivery, node_id, 1, (node_id, epoch) if seq else None, seq)
    for group_id, second, by_position in rows:
        positions = sorted(by_position)
        values: list[float | None] = [by_position[position] for position in positions]
        at = part(group_id, positions)
        time_ms = BASE_MS + second * 1000
        found.rows.append((at, time_ms, at.encode(time_ms, values, [0] * len(values), plain=True)))
    return found


def batch() -> Batch:
    return Batch({2_900 * 2}, {})


def contents(of: Batch) -> dict[tuple[int, int], dict[int, float]]:
    """The values of a batch, by group and second, by position."""
    samples = [decode(row) for row in of.sealed().rows[TABLE]]
    return {
        (sample.group_id, (sample.time_ms - BASE_MS) // 1000): {
            position: value for position, value in enumerate(sample.values) if value is not None
        }
        for sample in samples
    }


Row = tuple[int, int, dict[int, float]]
ROWS = st.tuples(
    st.integers(1, 3),
    st.integers(0, 4),
    st.dictionaries(st.integers(0, 2), st.sampled_from([1.0, 2.0]), min_size=1),
)


@given(st.lists(st.lists(ROWS, min_size=1, max_size=4), max_size=12))
def test_every_element_is_kept_once_and_nothing_is_lost(
    messages: list[list[tuple[int, int, dict[int, float]]]],
) -> None:
    waiting = [entry(*rows, seq=at) for at, rows in enumerate(messages, start=1)]
    stored: dict[tuple[int, int], dict[int, float]] = {}
    differing = 0
    accounted: list[int] = []
    while waiting:
        now, later = batch(), list[Entry]()
        for each in waiting:
            rest = now.add(each)
            if rest is not None:
                later.append(rest)
        assert now.entries, "a batch takes at least the first entry's first row"
        for key, values in contents(now).items():
            kept = stored.setdefault(key, {})
            for position, value in values.items():
                differing += kept.setdefault(position, value) != value
        accounted += [number for first, end in now.accounted().get((1, "e" * 32), []) for number in range(first, end)]
        waiting = later
    expected: dict[tuple[int, int], set[int]] = {}
    for rows in messages:
        for group_id, second, values in rows:
            expected.setdefault((group_id, second), set()).update(values)
    assert {key: set(values) for key, values in stored.items()} == expected
    assert sorted(accounted) == list(range(1, len(messages) + 1))


def test_rows_come_out_in_the_order_that_all_writers_keep() -> None:
    found = batch()
    for group_id, second in ((300, 1), (2, 9), (2, 3), (70_000, 0)):
        found.add(entry((group_id, second, {0: 1.0, 1: 1.0, 2: 1.0})))
    keys = [(decode(row).group_id, decode(row).time_ms) for row in found.sealed().rows[TABLE]]
    assert keys == sorted(keys)


def test_two_packs_with_different_channels_of_one_sample_are_one_row() -> None:
    found = batch()
    found.add(entry((1, 0, {0: 1.0})))
    found.add(entry((1, 0, {2: 3.0})))
    assert contents(found) == {(1, 0): {0: 1.0, 2: 3.0}}


def test_of_two_values_the_first_is_written_and_the_other_stands_beside_with_its_number() -> None:
    found = batch()
    found.add(entry((1, 0, {0: 1.0}), seq=1))
    for _ in range(2):
        assert found.add(entry((1, 0, {0: 2.0, 2: 3.0}), seq=2)) is None
    assert contents(found) == {(1, 0): {0: 1.0, 2: 3.0}}
    assert [decode(row).values for row in found.contradicting(TABLE)] == [[2.0, None, 3.0]]
    assert found.accounted() == {(1, "e" * 32): [(1, 3)]}


def test_a_pack_that_contradicts_itself_is_one_entry() -> None:
    found = batch()
    assert found.add(entry((1, 0, {0: 1.0}), (1, 0, {0: 2.0}), seq=1)) is None
    assert [each.completes for each in found.entries] == [True]
    assert len(found.contradicting(TABLE)) == 1


def test_a_batch_opens_a_handful_of_spans_at_most() -> None:
    wild = entry(*((1, week * SPAN_MS // 1000, {0: 1.0}) for week in range(30)), seq=1)
    sizes = []
    rest: Entry | None = wild
    while rest is not None:
        found = batch()
        rest = found.add(rest)
        sizes.append(len(found.new_spans))
    assert max(sizes) == MOST_NEW_SPANS
    assert sum(sizes) >= 29


def test_the_latest_of_a_whole_group_is_its_newest_sample_whatever_the_order() -> None:
    found = batch()
    for second in (2, 5, 3):
        found.add(entry((1, second, {0: float(second), 1: 1.0, 2: 1.0})))
    assert found.sealed().newest == 1
    assert found.newest() == {1: BASE_MS + 5000}
    assert found.sealed().partial == []


def test_the_newest_of_a_group_is_told_though_its_row_is_filled_by_what_never_is() -> None:
    found = batch()
    found.add(entry((1, 0, {0: 1.0, 1: 2.0, 2: 3.0}), (2, 0, {0: 1.0, 1: 1.0, 2: 1.0})))
    wider = entry()
    silent = part(1, [3], of=4).silent()
    wider.rows.append((silent, BASE_MS, silent.encode(BASE_MS, [4.0], [0], plain=False)))
    found.add(wider)
    sealed = found.sealed()
    assert [decode(row).values for row in sealed.rows[TABLE]] == [[1.0, 2.0, 3.0, 4.0], [1.0, 1.0, 1.0]]
    unmarked = b"\xff\xff\xff\xff"
    assert sum(not row.endswith(unmarked) for row in sealed.rows[TABLE]) == sealed.newest == 1
    assert sealed.partial == [latest_row(1, [BASE_MS] * 3, [1.0, 2.0, 3.0], None, several=False)]


def test_a_group_is_either_among_the_whole_or_among_the_partial_latest() -> None:
    found = batch()
    found.add(entry((1, 2, {0: 1.0, 1: 1.0, 2: 1.0})))
    found.add(entry((1, 5, {1: 7.0})))
    assert found.sealed().newest == 0
    assert len(found.sealed().partial) == 1


def test_what_is_committed_to_be_newer_is_not_written_again() -> None:
    found = Batch({2_900 * 2}, {1: BASE_MS + 9000})
    found.add(entry((1, 5, {0: 1.0, 1: 1.0, 2: 1.0})))
    assert found.sealed().newest == 0
    assert len(found.sealed().rows[TABLE]) == 1


WHOLE = {0: 1.0, 1: 1.0, 2: 1.0}
KNOWN = {1: BASE_MS, 2: BASE_MS}


@pytest.mark.parametrize(
    ("rows", "fresh"),
    [
        pytest.param([], True, id="nothing"),
        pytest.param([(1, 1, WHOLE), (1, 2, WHOLE), (2, 1, WHOLE)], True, id="later than all that is known"),
        pytest.param([(1, 2, WHOLE), (1, 1, WHOLE)], True, id="not in order"),
        pytest.param([(1, 1, WHOLE), (1, 1, WHOLE)], True, id="the same twice"),
        pytest.param([(1, 1, WHOLE), (2, 0, WHOLE)], False, id="the newest once more"),
        pytest.param([(1, 1, WHOLE), (2, -5, WHOLE)], False, id="one that was overtaken"),
        pytest.param([(1, 1, WHOLE), (3, 1, WHOLE)], False, id="of a group of which nothing is known"),
        pytest.param([(1, 1, WHOLE), (2, 1, {0: 1.0})], False, id="a part of a group"),
        pytest.param([(1, 1, {0: 1.0}), (1, 1, WHOLE)], False, id="a part that is filled"),
        pytest.param([(1, 1, WHOLE), (1, 1, {0: 2.0})], True, id="contradicting what is new itself"),
    ],
)
def test_it_says_whether_all_is_later_than_what_is_known_to_be_committed(
    rows: list[tuple[int, int, dict[int, float]]], fresh: bool
) -> None:
    found = Batch({2_900 * 2, 2_899 * 2}, KNOWN)
    for row in rows:
        found.add(entry(row))
    assert found.sealed().fresh is fresh


def test_what_is_never_the_newest_is_not_fresh() -> None:
    found = Batch({2_900 * 2}, KNOWN)
    silent = entry((1, 1, WHOLE))
    silent.rows = [(at.silent(), time_ms, row) for at, time_ms, row in silent.rows]
    found.add(silent)
    assert not found.sealed().fresh


SEVERAL, ONE = b"\x00\x02", b"\x00\x01"


@pytest.mark.parametrize(
    ("rows", "came"),
    [
        pytest.param([(5, WHOLE)], ONE, id="one"),
        pytest.param([(5, WHOLE), (5, WHOLE)], ONE, id="the same twice"),
        pytest.param([(2, WHOLE), (5, WHOLE)], SEVERAL, id="two"),
        pytest.param([(5, WHOLE), (2, WHOLE)], SEVERAL, id="two, the older one last"),
        pytest.param([(5, {0: 1.0}), (5, {1: 2.0})], ONE, id="two halves of one"),
        pytest.param([(2, {0: 1.0}), (5, {1: 2.0})], SEVERAL, id="halves of two"),
        pytest.param([(2, WHOLE), (3, WHOLE), (5, {1: 2.0})], SEVERAL, id="two and a half"),
    ],
)
def test_it_says_whether_the_newest_is_all_that_came_of_a_group(
    rows: list[tuple[int, dict[int, float]]], came: bytes
) -> None:
    found = batch()
    for second, values in rows:
        found.add(entry((1, second, values)))
    sealed = found.sealed()
    counted = [row[-2:] for row in [*sealed.rows[TABLE], *sealed.partial] if row[-2:] in (ONE, SEVERAL)]
    assert counted == [came]


@pytest.mark.parametrize(("second", "counted"), [(-5, 1), (-599, 1), (-601, 0), (100, 0)])
def test_what_was_overtaken_is_counted_where_it_may_be_in_time(second: int, counted: int) -> None:
    found = Batch({2_900 * 2, 2_899 * 2}, {1: BASE_MS + 100_000})
    found.add(entry((1, second, WHOLE)))
    assert (found.sealed().newest, len(found.sealed().partial)) == (0, counted)


def test_evicted_numbers_are_accounted_for() -> None:
    found = batch()
    declares = entry(seq=9)
    declares.evicted = [("a" * 32, (3, 7)), ("e" * 32, (5, 9))]
    found.add(declares)
    expected: dict[tuple[int, str], list[Range]] = {(1, "e" * 32): [(5, 10)], (1, "a" * 32): [(3, 7)]}
    assert found.accounted() == expected


CODES = st.sampled_from([None, 0, 101, 201])


@st.composite
def rows(draw: st.DrawFn) -> bytes:
    """A row whose values and codes do not contradict each other."""
    values: list[float | None] = []
    codes: list[int | None] = []
    for _ in range(draw(st.integers(1, 4))):
        code = draw(CODES)
        codes.append(code)
        values.append(draw(st.sampled_from([1.0, 2.0])) if code in (0, 101) else None)
    return encode(1, BASE_MS, values, codes if any(codes) else None)


@given(rows(), rows())
def test_folding_never_changes_what_is_there(first: bytes, second: bytes) -> None:
    both, contradict = folded(first, second)
    kept, came, result = decode(first), decode(second), decode(both)
    for sample in (kept,) if contradict else (kept, came):
        codes = sample.quality or [None] * len(sample.values)
        for at, (value, code) in enumerate(zip(sample.values, codes, strict=True)):
            if value is not None or code is not None:
                assert result.values[at] == value
                assert ((result.quality or [0] * 9)[at] or 0) == (code or 0)


@given(rows())
def test_folding_a_row_with_itself_changes_nothing(row: bytes) -> None:
    again, contradict = folded(row, row)
    assert not contradict
    assert decode(again).values == decode(row).values


def test_both_sample_tables_have_their_place() -> None:
    assert list(SampleTable) == [SampleTable.MEASUREMENTS, SampleTable.VITALS]


def test_only_a_batch_with_a_row_of_more_than_a_minute_ago_is_looked_at_for_late_ones() -> None:
    in_time = Batch({2_900 * 2, 2_899 * 2}, {})
    in_time.add(entry((1, -60, {0: 1.0}), (1, 5, {0: 1.0})))
    assert in_time.late_at_ms(TABLE) is None
    in_time.add(entry((1, -61, {0: 1.0})))
    assert in_time.late_at_ms(TABLE) == BASE_MS
