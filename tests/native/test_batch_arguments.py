"""What a batch does for every message, compiled: wrong arguments are refused."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

import siloscope_native as native
from siloscope_store.samples import SPAN_MS
from tests.native.batch_rows import BASE_MS, EPOCH, KEY, LAST, gathered, place, row


def compiled(name: str) -> Callable[..., Any]:
    """A function, without regard to types."""
    found: Callable[..., Any] = getattr(native, name)
    return found


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
ONE = {1: ROW}


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
