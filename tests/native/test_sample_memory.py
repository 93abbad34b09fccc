"""Samples, compiled: what it holds, and lets go."""

import pytest

import siloscope_native as native
from tests.native.conftest import KeepsNothing, at_every_collection
from tests.native.documents import DOCUMENT, EVER, PIECES, PLACES, ROW, SEVERAL, form, known, read, recipe

MORE = 20
MANY = DOCUMENT[:-2] + b"".join(
    b'},{"bt":179000%04d,' % at + DOCUMENT[DOCUMENT.index(b'"n":"a"') : -2] for at in range(1, MORE + 1)
)
MANY += b"}]"


@pytest.mark.usefixtures("collecting_always")
def test_a_table_that_is_emptied_while_it_is_read_takes_nothing_away() -> None:
    recipes: dict[bytes, tuple[native.Recipe, ...]] = {}
    kept = []  # so that each object of a result is a new one: only those count for the collector
    outcomes = set()

    def empty() -> None:
        if armed:
            recipes.clear()

    with at_every_collection(empty):
        for _ in range(300):
            armed = False
            part = object()
            recipes.update(known(part))
            armed = True
            found = read(MANY, recipes, *EVER)
            armed = False
            kept.append(found)
            outcomes.add((found is None, bool(recipes)))
            assert found is None or [each[0] for each in found[2]] == [part] * (1 + MORE)
    assert (True, False) in outcomes


@pytest.mark.usefixtures("collecting_always")
def test_a_collection_at_every_object_changes_nothing() -> None:
    for _ in range(100):
        recipes = known()
        assert len(read(SEVERAL, recipes, *EVER)[2]) == 2
        assert read(SEVERAL.replace(b"-2.5e2", b"1e999"), recipes, *EVER) is None
        with pytest.raises(TypeError):
            read(SEVERAL, {b"d/": (None,)}, *EVER)


UNLIKE = [
    DOCUMENT[:-3] + b"4}]",
    DOCUMENT.replace(b"-2.5e2", b"-2e9"),
    DOCUMENT.replace(b"-2.5e2", b"1e999"),
    DOCUMENT.replace(b"-2.5e2", b"0." + b"3" * 40),
    SEVERAL.replace(b"1790000001", b"1790000000.25"),
    SEVERAL[:-3] + b"4}]",
    b"[{}]",
    b"}]",
    b"",
]


def test_reading_keeps_nothing(keeps_nothing: KeepsNothing) -> None:
    part, device = object(), "".join(["d", "evice"])
    recipes = known(part, device)
    held = part, device, recipes[b"d/"], recipes[b"d/"][0], recipes[b"d/"][0].form, ROW
    keeps_nothing(100_000, read, SEVERAL, recipes, *EVER, held=held)
    for document in UNLIKE:
        keeps_nothing(10_000, read, document, recipes, *EVER, held=held)
    for wrong in ({b"d/": (None,)}, {b"d/": None}, None):
        keeps_nothing(10_000, read, DOCUMENT, wrong, *EVER)
    for time_ms in ("first", 2**63, None):
        keeps_nothing(10_000, read, DOCUMENT, recipes, 0, time_ms, held=held)
        keeps_nothing(10_000, read, DOCUMENT, recipes, time_ms, 0, held=held)


def test_what_is_made_and_what_is_refused_when_made_keeps_nothing(keeps_nothing: KeepsNothing) -> None:
    rows, shared = (ROW,), form(PIECES, (ROW,), PLACES, 2)
    keeps_nothing(10_000, form, PIECES, rows, PLACES, 2, held=PLACES)
    keeps_nothing(10_000, form, PIECES, rows, (PLACES[0], (0, 39, *PLACES[1][2:])), 2, held=PLACES)
    keeps_nothing(10_000, form, PIECES, (None,), PLACES, 2)
    keeps_nothing(10_000, form, PIECES[:2], rows, PLACES, 2)
    for groups in ((9,), (2**31,), ("9",), (), None):
        keeps_nothing(10_000, recipe, shared, "d", rows, groups)
