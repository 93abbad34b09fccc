"""What a batch does for every message, compiled: what it holds, and lets go."""

from typing import Any

import pytest

import siloscope_native as native
from tests.ingest.batches_by_chance import history, use_python
from tests.native.batch_rows import BASE_MS, EPOCH, LAST, gathered, place, row
from tests.native.conftest import KeepsNothing, at_every_collection


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
