"""What a batch does for every message, compiled: the same as Python does, wrong arguments refused, and nothing kept.

Whole batches, made both ways: tests/ingest/test_folding.py.
"""

from collections.abc import Callable
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

import siloscope_native as native
from siloscope_ingest import folding
from siloscope_ingest.folding import Gathered
from siloscope_store.sample_rows import encode
from siloscope_store.samples import SPAN_MS
from tests.ingest.batches_by_chance import history, use_python
from tests.native.conftest import KeepsNothing, at_every_collection

BASE_MS = 2_900 * SPAN_MS
EPOCH = "0123456789abcdef" * 2
LAST = 2**63 - 1


def compiled(name: str) -> Callable[..., Any]:
    """A function, without regard to types."""
    found: Callable[..., Any] = getattr(native, name)
    return found


def row(group_id: int, time_ms: int, *values: float) -> bytes:
    return encode(group_id, time_ms, values or (1.0,), None)


def place(group_id: object = 1, table: object = 0) -> Any:
    """What is asked of a part that is whole."""
    return SimpleNamespace(group_id=group_id, table=table, whole=True)


def gathered(**changed: Any) -> Any:
    """What a new batch has gathered, two spans being open."""
    nothing = Gathered(SPAN_MS, {2_900 * 2, 2_900 * 2 + 1}, ({}, {}), {}, {}, set(), set())
    return nothing._replace(**changed)


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


class Uncomparable(int):
    """As a key it raises."""

    def __eq__(self, other: object) -> bool:
        raise ZeroDivisionError("a key")

    def __hash__(self) -> int:
        return 1


class Unhashable(int):
    """No key at all."""

    __hash__ = None  # type: ignore[assignment]


ROW = (place(), BASE_MS, row(1, BASE_MS))


@pytest.mark.parametrize(
    ("error", "arguments"),
    [
        (TypeError, ()),
        (TypeError, ([], 0, 0)),
        (TypeError, ([], 0, 0, gathered(), 0)),
        (TypeError, ((ROW,), 0, 0, gathered())),
        (TypeError, (None, 0, 0, gathered())),
        (TypeError, ([], "0", 0, gathered())),
        (TypeError, ([], 0, 0.5, gathered())),
        (TypeError, ([], 0, 0, list(gathered()))),
        (TypeError, ([], 0, 0, gathered()[:6])),
        (TypeError, ([], 0, 0, (*gathered(), 0))),
        (TypeError, ([], 0, 0, ())),
        (TypeError, ([], 0, 0, gathered(span_ms=None))),
        (TypeError, ([], 0, 0, gathered(open_spans=[]))),
        (TypeError, ([], 0, 0, gathered(open_spans={}))),
        (TypeError, ([], 0, 0, gathered(tables=[{}, {}]))),
        (TypeError, ([], 0, 0, gathered(newest=None))),
        (TypeError, ([], 0, 0, gathered(whole=set()))),
        (TypeError, ([], 0, 0, gathered(several={}))),
        (TypeError, ([], 0, 0, gathered(older=frozenset()))),
        (TypeError, ([ROW], 0, 0, gathered(tables=([], {})))),
        (TypeError, ([ROW], 0, 0, gathered(newest={1: "then"}))),
        (TypeError, ([ROW], 0, 0, gathered(whole={1: None}))),
        (TypeError, ([ROW], 0, 0, gathered(whole={1: ROW[:2]}))),
        (TypeError, ([None], 0, 0, gathered())),
        (TypeError, ([list(ROW)], 0, 0, gathered())),
        (TypeError, ([ROW[:2]], 0, 0, gathered())),
        (TypeError, ([(*ROW, 0)], 0, 0, gathered())),
        (TypeError, ([(place(), "now", b"")], 0, 0, gathered())),
        (TypeError, ([(place(), 0.5, b"")], 0, 0, gathered())),
        (TypeError, ([(place(), BASE_MS, "row")], 0, 0, gathered())),
        (TypeError, ([(place(), BASE_MS, bytearray())], 0, 0, gathered())),
        (TypeError, ([(place("1"), BASE_MS, b"")], 0, 0, gathered())),
        (TypeError, ([(place(Unhashable(1)), BASE_MS, b"")], 0, 0, gathered())),
        (TypeError, ([(place(table="0"), BASE_MS, b"")], 0, 0, gathered())),
        (AttributeError, ([(None, BASE_MS, b"")], 0, 0, gathered())),
        (AttributeError, ([(SimpleNamespace(whole=True), BASE_MS, b"")], 0, 0, gathered())),
        (AttributeError, ([(SimpleNamespace(whole=True, table=0), BASE_MS, b"")], 0, 0, gathered())),
        (ValueError, ([], -1, 0, gathered())),
        (ValueError, ([], 0, 0, gathered(span_ms=999))),
        (ValueError, ([], 0, 0, gathered(span_ms=-SPAN_MS))),
        (ValueError, ([], 0, 0, gathered(tables=({},) * 101))),
        (ValueError, ([(place(table=2), BASE_MS, b"")], 0, 0, gathered())),
        (ValueError, ([(place(table=-1), BASE_MS, b"")], 0, 0, gathered())),
        (ValueError, ([ROW], 0, 0, gathered(tables=()))),
        (OverflowError, ([], 2**63, 0, gathered())),
        (OverflowError, ([], 0, -(2**63) - 1, gathered())),
        (OverflowError, ([], 0, 0, gathered(span_ms=2**63))),
        (OverflowError, ([(place(), 2**63, b"")], 0, 0, gathered())),
        (OverflowError, ([(place(table=2**64), BASE_MS, b"")], 0, 0, gathered())),
        (OverflowError, ([ROW], 0, 0, gathered(newest={1: 2**63}))),
        (OverflowError, ([ROW], 0, 0, gathered(whole={1: (None, -(2**64), b"")}))),
        (ZeroDivisionError, ([ROW], 0, 0, gathered(newest={Uncomparable(7): 0}))),
        (ZeroDivisionError, ([ROW], 0, 0, gathered(whole={Uncomparable(7): ROW}))),
    ],
)
def test_what_cannot_be_folded_is_refused(error: type[Exception], arguments: tuple[Any, ...]) -> None:
    with pytest.raises(error):
        compiled("fold")(*arguments)


KEY = 1, BASE_MS
ONE = {1: ROW}


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


@pytest.mark.parametrize(
    ("error", "changed"),
    [
        (TypeError, {0: [{}]}),
        (TypeError, {0: ([],)}),
        (TypeError, {0: ({1: ROW[2]},)}),
        (TypeError, {0: ({(1,): ROW[2]},)}),
        (TypeError, {0: ({(1, 2, 3): ROW[2]},)}),
        (TypeError, {0: ({KEY: "row"},)}),
        (TypeError, {0: ({KEY: bytearray(ROW[2])},)}),
        (TypeError, {0: ({KEY: None},)}),
        (TypeError, {1: []}),
        (TypeError, {1: {1: ROW[2]}}),
        (TypeError, {1: {1: ROW[:2]}}),
        (TypeError, {1: {1: (None, "now", ROW[2])}}),
        (TypeError, {2: []}),
        (TypeError, {3: set()}),
        (ValueError, {0: ({KEY: b""},)}),
        (ValueError, {0: ({KEY: ROW[2][:21]},)}),
        (ValueError, {0: ({KEY: b"\x00\x05" + ROW[2][2:]},)}),
        (ValueError, {0: ({KEY: ROW[2][:13] + b"\x09" + ROW[2][14:]},)}),
        (ValueError, {0: ({KEY: ROW[2], (2, 2): b""},)}),
        (OverflowError, {1: {1: (None, 2**63, ROW[2])}}),
        (ZeroDivisionError, {1: {Uncomparable(7): ROW}}),
        (ZeroDivisionError, {2: {Uncomparable(7)}}),
        (ZeroDivisionError, {3: {Uncomparable(7): None}}),
    ],
)
def test_what_are_no_rows_is_refused(error: type[Exception], changed: dict[int, Any]) -> None:
    arguments = [({KEY: ROW[2]}, {}), {1: ROW}, set(), {}]
    with pytest.raises(error):
        compiled("incoming")(*(changed.get(at, each) for at, each in enumerate(arguments)))


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


@pytest.mark.parametrize(
    ("error", "numbers"),
    [
        (TypeError, None),
        (TypeError, [((1, EPOCH), 1)]),
        (TypeError, {1: 1}),
        (TypeError, {(1,): 1}),
        (TypeError, {(1, EPOCH, 1): 1}),
        (TypeError, {("1", EPOCH): 1}),
        (TypeError, {(1, EPOCH.encode()): 1}),
        (TypeError, {(1, EPOCH): None}),
        (TypeError, {(1, EPOCH): (1, 2)}),
        (TypeError, {(1, EPOCH): 1.0}),
        (TypeError, {(1, EPOCH): [1, "2"]}),
        (TypeError, {(1, EPOCH): [1, None]}),
        (UnicodeEncodeError, {(1, "\ud800" * 32): 1}),
        (OverflowError, {(2**31, EPOCH): 1}),
        (OverflowError, {(-(2**31) - 1, EPOCH): 1}),
        (OverflowError, {(2**70, EPOCH): 1}),
        (OverflowError, {(1, EPOCH): LAST}),
        (OverflowError, {(1, EPOCH): [LAST, 1]}),
        (OverflowError, {(1, EPOCH): 2**63}),
        (OverflowError, {(1, EPOCH): [1, -(2**63) - 1]}),
    ],
)
def test_what_are_no_numbers_is_refused(error: type[Exception], numbers: Any) -> None:
    with pytest.raises(error):
        native.accounted(numbers)


def test_what_is_learnt_are_times_by_group() -> None:
    newest = {1: 5, 2: 6}
    native.learn(newest, {2: (None, 7, b""), 3: (None, LAST, b"")})
    assert newest == {1: 5, 2: 7, 3: LAST}


@pytest.mark.parametrize(
    ("error", "arguments"),
    [
        (TypeError, ({},)),
        (TypeError, ({}, {}, {})),
        (TypeError, ([], {})),
        (TypeError, ({}, [])),
        (TypeError, ({}, {1: 5})),
        (TypeError, ({}, {1: (None, 5)})),
        (TypeError, ({}, {1: (None, "5", b"")})),
        (ValueError, (ONE, ONE)),
        (OverflowError, ({}, {1: (None, 2**63, b"")})),
        (ZeroDivisionError, ({Uncomparable(7): 0}, {1: ROW})),
    ],
)
def test_what_cannot_be_learnt_is_refused(error: type[Exception], arguments: tuple[Any, ...]) -> None:
    with pytest.raises(error):
        compiled("learn")(*arguments)


# ---- What it holds, and lets go


class Emptying(int):
    """As a key it empties everything when it is compared."""

    everything: list[Any]

    def __eq__(self, other: object) -> bool:
        for each in self.everything:
            each.clear()
        return True

    def __hash__(self) -> int:
        return 1


def test_tables_that_are_emptied_while_keys_are_compared_take_nothing_away() -> None:
    for at in range(4):
        key = Emptying(1)
        tables: list[dict[Any, Any]] = [{}, {}, {}, {}]
        table, newest, whole, _ = tables
        several = {1}
        rows = [(place(), BASE_MS + second, row(1, BASE_MS + second)) for second in range(9)]
        tables[at][(key, BASE_MS) if at == 0 else key] = (row(1, 1), 5, rows[0], None)[at]
        if at == 3:
            several = {key}
        key.everything = [table, newest, whole, several, rows]
        into = gathered(tables=(table, {}), newest=newest, whole=whole, several=several)
        native.fold(rows, 0, 0, into)
    for at in range(4):
        key = Emptying(1)
        rows = [(place(), BASE_MS + second, row(1, BASE_MS + second)) for second in range(9)]
        table = {(1, time_ms): encoded for _, time_ms, encoded in rows}
        whole = {key if at == 0 else 1: rows[0]}
        apart: dict[int, None] = {key: None} if at == 1 else {2: None}
        several = {key} if at == 2 else {1}
        key.everything = [table, whole, several, apart, rows]
        learnt: dict[int, int] = {key: 5} if at == 3 else {}
        assert len(native.incoming((table, {}), whole, several, apart)[0][0]) > 0
        native.learn(learnt, {1: (None, 7, b""), 2: (None, 8, b"")})


@pytest.mark.usefixtures("collecting_always")
def test_tables_that_are_emptied_at_a_collection_take_nothing_away() -> None:
    for _ in range(100):
        rows = [(place(), BASE_MS + second, row(1, BASE_MS + second)) for second in range(9)]
        into = gathered()
        numbers: dict[tuple[int, str], int | list[int]] = {(1, EPOCH): list(range(9)), (2, EPOCH): 7}
        everything: list[Any] = [*into.tables, into.newest, into.whole, into.several, rows, numbers, numbers[1, EPOCH]]

        def empty(all_of_it: list[Any] = everything) -> None:
            for each in all_of_it:
                each.clear()

        table = {(1, time_ms): encoded for _, time_ms, encoded in rows}
        whole = {1: rows[-1]}
        with at_every_collection(empty):
            native.fold(rows, 0, 0, into)
            native.accounted(numbers)
        everything += [table, whole]
        with at_every_collection(empty):
            native.incoming((table, {}), whole, {1}, {})
            native.learn({}, whole)


@pytest.mark.usefixtures("collecting_always")
def test_a_collection_at_every_object_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    quickly = [history(seed) for seed in range(5)]
    use_python(monkeypatch)
    assert [history(seed) for seed in range(5)] == quickly


def fold_anew(rows: list[Any], newest: Any, tables: Any = None) -> None:
    """Fold into something new each time."""
    native.fold(rows, 0, 0, gathered(tables=tables or ({}, {}), newest=newest))


def test_folding_keeps_nothing(keeps_nothing: KeepsNothing) -> None:
    part, early, late = place(), row(1, BASE_MS), row(1, BASE_MS + 5)
    usual = [(part, BASE_MS, early), (part, BASE_MS + 5, late), (part, BASE_MS + 2, late), (part, BASE_MS, early)]
    held = part, early, late, *usual
    keeps_nothing(50_000, fold_anew, usual, {}, held=held)
    keeps_nothing(5_000, fold_anew, usual, {1: BASE_MS + 5}, held=held)
    keeps_nothing(5_000, fold_anew, usual, {1: BASE_MS - 5, 2: 7}, held=held)
    keeps_nothing(5_000, fold_anew, [(part, BASE_MS, early), (part, BASE_MS, late)], {}, held=held)
    keeps_nothing(5_000, fold_anew, usual, {1: "then"}, held=held)
    keeps_nothing(5_000, fold_anew, usual, {}, ([], {}), held=held)
    for wrong in (None, usual[0][:2], (place(table=2), BASE_MS, early), (part, 2**63, early), (place("1"), 0, early)):
        keeps_nothing(5_000, fold_anew, [wrong], {}, held=held)


def test_making_rows_keeps_nothing(keeps_nothing: KeepsNothing) -> None:
    rows = [row(group_id, BASE_MS) for group_id in range(9)]
    table = {(group_id, BASE_MS): each for group_id, each in enumerate(rows)}
    whole = {group_id: (None, BASE_MS, each) for group_id, each in enumerate(rows[:7])}
    keeps_nothing(50_000, native.incoming, (table, {}), whole, {1, 2}, {3: None}, held=rows)
    for wrong in (b"", "row", rows[0][:21]):
        keeps_nothing(5_000, native.incoming, ({**table, (9, 9): wrong}, {}), whole, {1}, {}, held=rows)
    keeps_nothing(5_000, native.incoming, (table, []), whole, {1}, {}, held=rows)
    keeps_nothing(5_000, native.incoming, (table, {}), {**whole, 8: None}, {1}, {}, held=rows)


def test_making_rows_of_numbers_and_learning_keeps_nothing(keeps_nothing: KeepsNothing) -> None:
    epoch, several = "".join(["0", EPOCH[1:]]), [10**9, 3, 10**9 + 1]
    keeps_nothing(50_000, native.accounted, {(1, epoch): 7, (2, epoch): several}, held=(epoch, several))
    for wrong in (None, 2**63, [*several, "7"], [*several, LAST], LAST):
        keeps_nothing(5_000, native.accounted, {(1, epoch): several, (2, epoch): wrong}, held=(epoch, several))
    for key in (1, (1,), (2**31, epoch), ("1", epoch), (1, "\ud800" * 32), (1, EPOCH.upper())):
        keeps_nothing(5_000, native.accounted, {(1, epoch): several, key: 1}, held=(epoch, several))
    time_ms = 10**12
    keeps_nothing(50_000, native.learn, {}, {1: (None, time_ms, b""), 2: (None, 7, b"")}, held=(time_ms,))
    keeps_nothing(5_000, native.learn, {}, {1: (None, time_ms, b""), 2: (None, "7", b"")}, held=(time_ms,))
