"""Samples, compiled: what it is handed is checked."""

import copy
import math
import pickle
from typing import Any

import pytest

import siloscope_native as native
from tests.native.documents import DOCUMENT, EVER, PIECES, PLACES, ROW, SEVERAL, form, known, read, recipe, row


@pytest.mark.parametrize(
    ("error", "arguments"),
    [
        (TypeError, ()),
        (TypeError, (PIECES, (ROW,), PLACES)),
        (TypeError, (PIECES, (ROW,), PLACES, 2, 3)),
        (TypeError, (list(PIECES), (ROW,), PLACES, 2)),
        (TypeError, (PIECES, ROW, PLACES, 2)),
        (TypeError, (PIECES, (ROW,), list(PLACES), 2)),
        (TypeError, (PIECES, (ROW,), PLACES, "2")),
        (TypeError, (PIECES, (ROW,), (PLACES[0], list(PLACES[1])), 2)),
        (TypeError, (PIECES, (ROW,), (PLACES[0], PLACES[1][:6]), 2)),
        (TypeError, (PIECES, (ROW,), (PLACES[0], (*PLACES[1], 0.0)), 2)),
        (TypeError, (PIECES, (ROW,), (PLACES[0], (0, 38, "low", 1.0, 1.0, 1.0, 0.0)), 2)),
        (TypeError, (PIECES, (ROW,), (PLACES[0], (0.0, 38, *PLACES[1][2:])), 2)),
        (OverflowError, (PIECES, (ROW,), PLACES, 2**63)),
        (OverflowError, (PIECES, (ROW,), (PLACES[0], (2**64, 38, *PLACES[1][2:])), 2)),
        (OverflowError, (PIECES, (ROW,), (PLACES[0], (0, -(2**64), *PLACES[1][2:])), 2)),
        (OverflowError, (PIECES, (ROW,), (PLACES[0], (0, 38, 10**400, 1.0, 1.0, 1.0, 0.0)), 2)),
        (ValueError, (PIECES, (ROW,), PLACES, 1)),
        (ValueError, (PIECES, (ROW,), PLACES, -1)),
        (ValueError, (PIECES, (ROW,), PLACES, 2**31)),
        (ValueError, (PIECES[:2], (ROW,), PLACES, 2)),
        (ValueError, ((*PIECES, b""), (ROW,), PLACES, 2)),
        (ValueError, ((), (ROW,), (), 2)),
        (ValueError, ((PIECES[0], "text", PIECES[2]), (ROW,), PLACES, 2)),
        (ValueError, ((PIECES[0], bytearray(b"x"), PIECES[2]), (ROW,), PLACES, 2)),
        (ValueError, (PIECES, (None,), PLACES, 2)),
        (ValueError, (PIECES, (bytes(21),), PLACES, 2)),
        (ValueError, (PIECES, (), PLACES, 2)),
        *(
            (ValueError, (PIECES, (ROW,), (PLACES[0], (at_row, at, *PLACES[1][2:])), 2))
            for at_row, at in [(1, 38), (-1, 38), (2**62, 38), (0, 39), (0, 21), (0, -1), (0, 2**63 - 1), (0, -(2**63))]
        ),
    ],
)
def test_a_form_that_would_write_beside_its_rows_is_refused(
    error: type[Exception], arguments: tuple[object, ...]
) -> None:
    with pytest.raises(error):
        form(*arguments)


@pytest.mark.parametrize(
    ("error", "changed"),
    [
        (TypeError, {0: "form"}),
        (TypeError, {0: None}),
        (TypeError, {1: b"d"}),
        (TypeError, {1: None}),
        (TypeError, {2: ["part"]}),
        (TypeError, {3: [9]}),
        (ValueError, {2: ()}),
        (ValueError, {2: ("part", "part")}),
        (ValueError, {3: ()}),
        (ValueError, {3: (9, 9)}),
        (ValueError, {3: ("9",)}),
        (ValueError, {3: (9.0,)}),
        (ValueError, {3: (2**31,)}),
        (ValueError, {3: (-(2**31) - 1,)}),
        (ValueError, {3: (2**70,)}),
    ],
)
def test_a_recipe_that_does_not_go_with_its_form_is_refused(error: type[Exception], changed: dict[int, object]) -> None:
    arguments = [form(PIECES, (ROW,), PLACES, 2), "d", ("part",), (9,)]
    with pytest.raises(error):
        recipe(*(changed.get(at, each) for at, each in enumerate(arguments)))
    for count in range(4):
        with pytest.raises(TypeError):
            recipe(*arguments[:count])


@pytest.mark.parametrize(
    ("error", "changed"),
    [
        (TypeError, {0: DOCUMENT.decode()}),
        (TypeError, {0: bytearray(DOCUMENT)}),
        (TypeError, {0: memoryview(DOCUMENT)}),
        (TypeError, {0: None}),
        (TypeError, {1: None}),
        (TypeError, {1: [(b"d/", ())]}),
        (TypeError, {1: {b"d/": None}}),
        (TypeError, {1: {b"d/": []}}),
        (TypeError, {1: {b"d/": ("recipe",)}}),
        (TypeError, {1: {b"d/": (None,)}}),
        (TypeError, {2: None}),
        (TypeError, {2: 0.5}),
        (TypeError, {3: "0"}),
        (OverflowError, {2: -(2**63) - 1}),
        (OverflowError, {3: 2**63}),
    ],
)
def test_what_is_no_document_no_table_or_no_time_is_refused(error: type[Exception], changed: dict[int, object]) -> None:
    arguments = [DOCUMENT, known(), *EVER]
    with pytest.raises(error):
        read(*(changed.get(at, each) for at, each in enumerate(arguments)))


def test_neither_too_few_nor_too_many_arguments_nor_names_are_taken() -> None:
    arguments: list[object] = [DOCUMENT, known(), *EVER]
    for wrong in ([], arguments[:3], [*arguments, 1]):
        with pytest.raises(TypeError):
            read(*wrong)
    with pytest.raises(TypeError):
        native.read(document=DOCUMENT, recipes=known(), first_ms=0, last_ms=0)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="names"):
        native.Form(pieces=PIECES, rows=(ROW,), places=PLACES, width=2)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="names"):
        native.Recipe(form(PIECES, (ROW,), PLACES, 2), "d", ("part",), group_ids=(9,))  # type: ignore[call-arg]


def test_a_form_and_a_recipe_are_what_they_were_made_as() -> None:
    made = known()[b"d/"][0]
    for each in (made, made.form):
        with pytest.raises(TypeError):
            type("Other", (type(each),), {})
        with pytest.raises(TypeError):
            type(each)()  # type: ignore[call-arg]
        for duplicate in (copy.copy, copy.deepcopy, pickle.dumps):
            with pytest.raises(TypeError):
                duplicate(each)
        with pytest.raises(AttributeError):
            each.other = 1  # type: ignore[union-attr]
    with pytest.raises(AttributeError):
        made.form = made.form  # type: ignore[misc]


def test_heirs_of_the_expected_types_are_taken_as_these() -> None:
    class Document(bytes):
        def __len__(self) -> int:
            return 10**9

    class Table(dict[bytes, Any]):
        def __missing__(self, key: bytes) -> None:
            raise ZeroDivisionError("not to be asked")

        def __getitem__(self, key: bytes) -> None:
            raise ZeroDivisionError("not to be asked")

    class Several(tuple[Any, ...]):
        def __len__(self) -> int:
            return 10**9

    class Name(str):
        def __eq__(self, other: object) -> bool:
            raise ZeroDivisionError("not to be asked")

        __hash__ = str.__hash__

    shared = form(Several(map(Document, PIECES)), Several([Document(ROW)]), Several(map(Several, PLACES)), 2)
    made = recipe(shared, Name("d"), Several(["part"]), Several([True]))
    found = read(Document(SEVERAL), Table({b"d/": Several([made])}), *EVER)
    assert [each[2] for each in found[2]] == [
        row(1_790_000_000_250, 1.5, -250.0, group_id=1),
        row(1_790_000_001_000, 1.5, -250.0, group_id=1),
    ]
    assert read(DOCUMENT, Table(), *EVER) is None


def test_what_a_key_raises_when_it_is_compared_comes_through() -> None:
    class Key(bytes):
        def __eq__(self, other: object) -> bool:
            raise ZeroDivisionError("a key")

        def __hash__(self) -> int:
            return hash(b"d/")

    with pytest.raises(ZeroDivisionError):
        read(DOCUMENT, {Key(b"e/"): ()}, *EVER)


def test_limits_that_are_no_numbers_let_nothing_through() -> None:
    for place in ((0, 26, math.nan, 1e9, 1.0, 1.0, 0.0), (0, 26, 0.0, math.nan, 1.0, 1.0, 0.0)):
        recipes = {b"d/": (recipe(form(PIECES, (ROW,), (place, PLACES[1]), 2), "d", ("part",), (9,)),)}
        assert read(DOCUMENT, recipes, *EVER) is None
    for unit in ((math.nan, 1.0, 0.0), (1.0, 0.0, 0.0), (1e308, 1e-308, 0.0), (1.0, 1.0, math.inf)):
        recipes = {b"d/": (recipe(form(PIECES, (ROW,), ((0, 26, -1e9, 1e9, *unit), PLACES[1]), 2), "d", ("p",), (9,)),)}
        assert read(DOCUMENT, recipes, *EVER) is None
