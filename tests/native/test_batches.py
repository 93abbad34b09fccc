"""What a batch does for every message, compiled: the same as Python does.

Whole batches, made both ways: tests/ingest/test_folding.py.
"""

from random import Random

import pytest

import siloscope_native as native
from siloscope_ingest import folding
from siloscope_store.samples import SPAN_MS
from tests.native.batch_rows import BASE_MS, EPOCH, KEY, LAST, gathered, place, row


@pytest.mark.parametrize("span_ms", [1000, 1001, SPAN_MS])
@pytest.mark.parametrize(
    "time_ms", [-1, 0, 1, 999, 1000, BASE_MS - 1, BASE_MS, -SPAN_MS, -SPAN_MS - 1, LAST, -LAST - 1]
)
@pytest.mark.parametrize("table", [0, 1])
def test_a_span_is_of_the_number_that_python_says(span_ms: int, time_ms: int, table: int) -> None:
    number = time_ms // span_ms * 2 + table
    rows = [(place(table=table), time_ms, b"row")]
    into = gathered(span_ms=span_ms, open_spans={number}, newest={1: LAST})
    assert native.fold(rows, 0, 0, into) == (0 if 0 < time_ms < LAST else 1)
    assert into[2][table] == {(1, time_ms): b"row"}
    closed = gathered(span_ms=span_ms, open_spans={number - 1, number + 1})
    assert native.fold(rows, 0, 0, closed) == 0
    assert closed[2] == ({}, {})


@pytest.mark.parametrize("at", [0, 1, 2, 3, 4, LAST])
def test_it_begins_where_it_is_told_to(at: int) -> None:
    rows = [(place(), BASE_MS + second, b"row%d" % second) for second in range(3)]
    quickly, plainly = gathered(), gathered()
    assert native.fold(rows, at, 0, quickly) == folding.fold_plainly(rows, at, 0, plainly)
    assert quickly == plainly


def test_rows_of_one_key_sort_as_bytes_do_whatever_stands_in_them() -> None:
    random = Random(1)
    head, between = b"\x00\x04\x00\x00\x00\x04", b"\x00\x00\x00\x08"
    made = [
        head + random.choice((bytes(4), b"\x7f" * 4, b"\x80\x00\x00\x00", random.randbytes(4))) + between + rest
        for rest in (random.choice((bytes(8), b"\xff" * 8)) + random.randbytes(random.randrange(4)) for _ in range(999))
    ]
    table = {(at, 0): each for at, each in enumerate(made)}
    assert native.incoming((table,), {}, set(), {}) == folding.incoming_plainly((table,), {}, set(), {})


def test_the_newest_is_told_by_being_the_same_row() -> None:
    one, same = row(1, BASE_MS), bytes(bytearray(row(1, BASE_MS)))
    for newest, count in ((one, 1), (same, 0)):
        found = native.incoming(({KEY: one}, {}), {1: (None, BASE_MS, newest)}, set(), {})
        assert found == ([[b"\x00\x05" + one[2:] + (b"\x00\x00\x00\x02\x00\x01" if count else b"\xff" * 4)], []], count)


NUMBERS = [
    *([], [5], [5, 5], [5, 6], [6, 5], [5, 7], [9, 1, 5, 2, 10, 2], list(range(100)), list(range(100, 0, -1))),
    *([LAST - 1, 1], [-LAST - 1, -LAST], [3, 0, -1, -2], 0, 1, -1, LAST - 1, -LAST - 1, True),
]


@pytest.mark.parametrize("numbers", NUMBERS, ids=str)
def test_numbers_become_the_ranges_that_python_says(numbers: int | list[int]) -> None:
    streams = {(9, EPOCH): numbers}
    assert native.accounted(streams) == folding.accounted_plainly(streams, {})


def test_streams_come_in_order_of_nodes_and_epochs() -> None:
    random = Random(1)
    streams: folding.Numbers = {}
    for _ in range(2000):
        node_id = random.choice((0, 1, -1, 2**31 - 1, -(2**31), random.randint(1, 99)))
        streams[node_id, f"{random.choice((0, 1, random.getrandbits(128), 2**128 - 1)):032x}"] = random.randrange(99)
    assert native.accounted(streams) == folding.accounted_plainly(streams, {})


@pytest.mark.parametrize(
    "epoch", ["", EPOCH[1:], EPOCH + "0", EPOCH.upper(), EPOCH[:31] + "g", EPOCH[:30] + "ä", "é" * 16]
)
def test_epochs_that_are_unlike_others_are_left_to_python(epoch: str) -> None:
    assert native.accounted({(1, EPOCH): 1, (1, epoch): 1, (2, EPOCH): [1]}) is None


def test_what_is_learnt_are_times_by_group() -> None:
    newest = {1: 5, 2: 6}
    native.learn(newest, {2: (None, 7, b""), 3: (None, LAST, b"")})
    assert newest == {1: 5, 2: 7, 3: LAST}
