"""Samples, compiled: what it is handed is checked, what it does not know it leaves alone, and it keeps nothing."""

import copy
import json
import math
import pickle
import re
import struct
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import siloscope_native as native
from tests.native.conftest import KeepsNothing, at_every_collection

EVER = -(2**63), 2**63 - 1
ROW = bytes(22) + b"head" + bytes(8) + b"gap " + bytes(8)
PLACES = (0, 26, -1e9, 1e9, 1.0, 1.0, 0.0), (0, 38, -1e9, 1e9, 1.0, 1.0, 0.0)
PIECES = b'"n":"a","u":"Cel","v":', b'},{"n":"b","v":', b',"q":103'
EPOCH = "0123456789abcdef" * 2
DOCUMENT = (
    f'[{{"bn":"d/","bt":1790000000.25,"epoch":"{EPOCH}","seq":7,"n":"a","u":"Cel","v":1.5}},'
    '{"n":"b","v":-2.5e2,"q":103}]'
).encode()
SEVERAL = DOCUMENT[:-2] + b"},{" + b'"bt":1790000001,' + DOCUMENT[DOCUMENT.index(b'"n":"a"') :]
MORE = 20
MANY = DOCUMENT[:-2] + b"".join(
    b'},{"bt":179000%04d,' % at + DOCUMENT[DOCUMENT.index(b'"n":"a"') : -2] for at in range(1, MORE + 1)
)
MANY += b"}]"
JSON_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?", re.ASCII)


def form(*arguments: object) -> Any:
    """Make one without regard to types."""
    return native.Form(*arguments)  # type: ignore[arg-type]


def recipe(*arguments: object) -> Any:
    """Make one without regard to types."""
    return native.Recipe(*arguments)  # type: ignore[arg-type]


def read(*arguments: object) -> Any:
    """Call it without regard to types."""
    return native.read(*arguments)  # type: ignore[arg-type]


def known(part: object = "part", device: str = "d") -> "dict[bytes, tuple[native.Recipe, ...]]":
    """Recipes that `DOCUMENT` fits."""
    return {b"d/": (recipe(form(PIECES, (ROW,), PLACES, 2), device, (part,), (9,)),)}


def row(time_ms: int, *values: float, group_id: int = 9) -> bytes:
    """The row that a sample becomes."""
    time_us = (time_ms - 946_684_800_000) * 1000
    head = bytes(6) + struct.pack(">i", group_id) + bytes(4) + struct.pack(">q", time_us)
    return head + b"head" + struct.pack(">d", values[0]) + b"gap " + struct.pack(">d", values[1])


def test_a_document_that_fits_becomes_its_rows() -> None:
    found = read(DOCUMENT, known(), *EVER)
    assert found == (EPOCH, 7, [("part", 1_790_000_000_250, row(1_790_000_000_250, 1.5, -250.0))], 2)
    assert len(read(SEVERAL, known(), *EVER)[2]) == 2


# ---- What is handed over


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


# ---- What it does not know


@pytest.mark.parametrize("document", [DOCUMENT, SEVERAL], ids=["one", "several"])
def test_a_document_cut_at_every_byte_fits_nothing(document: bytes) -> None:
    recipes = known()
    for size in range(len(document)):
        assert read(document[:size], recipes, *EVER) is None
        closed = document[:size] + b"}]"
        assert (read(closed, recipes, *EVER) is not None) == (closed in (DOCUMENT, SEVERAL))


def test_a_document_with_any_byte_changed_says_what_json_says_or_is_left_alone() -> None:
    recipes = known()
    taken = 0
    for at in range(len(DOCUMENT)):
        for byte in range(256):
            changed = DOCUMENT[:at] + bytes([byte]) + DOCUMENT[at + 1 :]
            found = read(changed, recipes, *EVER)
            taken += found is not None
            assert found is None or found == said(changed)
    assert taken > 500  # digits are the same as others


def said(document: bytes) -> object:
    """What JSON says, which must be what `DOCUMENT` says but for its numbers."""
    first, second = json.loads(document)
    time_ms = round(first["bt"] * 1000)
    assert first == {"bn": "d/", "bt": first["bt"], "epoch": first["epoch"], "seq": first["seq"]} | {
        "n": "a",
        "u": "Cel",
        "v": first["v"],
    }
    assert second == {"n": "b", "v": second["v"], "q": 103}
    return first["epoch"], first["seq"], [("part", time_ms, row(time_ms, first["v"], second["v"]))], 2


@pytest.mark.parametrize("recipes", [{}, {b"d": ()}, {b"d/": ()}, {"d/": ()}], ids=repr)
def test_who_is_not_known_is_left_alone(recipes: object) -> None:
    assert read(DOCUMENT, recipes, *EVER) is None


def test_times_outside_of_the_two_are_left_alone() -> None:
    at = 1_790_000_000_250
    assert read(DOCUMENT, known(), at, at) is not None
    assert read(DOCUMENT, known(), at + 1, EVER[1]) is None
    assert read(DOCUMENT, known(), EVER[0], at - 1) is None


def test_two_samples_of_one_device_and_time_are_left_alone_whatever_base_they_come_under() -> None:
    second = SEVERAL.replace(b'},{"bt":1790000001,', b'},{"bn":"e/",')
    assert read(second, known() | {b"e/": known(device="e")[b"d/"]}, *EVER) is not None
    assert read(second, known() | {b"e/": known(device="d")[b"d/"]}, *EVER) is None


def number(text: str) -> float | None:
    """What a number in a document is read as."""
    shared = form((b'"v":', b""), (bytes(30),), ((0, 22, -math.inf, math.inf, 1.0, 1.0, 0.0),), 1)
    found = read(b'[{"bt":1790000000,"v":' + text.encode() + b"}]", {b"": (recipe(shared, "d", (0,), (0,)),)}, *EVER)
    return None if found is None else float(struct.unpack(">d", found[2][0][2][22:])[0])


DIGITS = st.text("0123456789", max_size=70)
SPELLED = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(["", "-"]),
    st.integers(0, 2**64).map(str) | DIGITS,
    st.just("") | DIGITS.map(".{}".format),
    st.just("") | st.builds("{}{}".format, st.sampled_from(["e", "E", "e-", "E+", "e0"]), st.integers(0, 400)),
)
NUMBERS = SPELLED | st.floats(allow_nan=False).map(repr) | st.text("0123456789+-.eE", max_size=8)


@settings(max_examples=3000)
@given(NUMBERS)
@example("9007199254740993")
@example("9007199254740992.5")
@example("18446744073709551616" * 3)
@example("0." + "0" * 61 + "1")
@example("0." + "0" * 62 + "1")
@example("123456789012345e22")
@example("123456789012345e-22")
@example("1e23")
@example("8.5e-22")
@example("2.2250738585072011e-308")
@example("4.9406564584124654e-324")
@example("2.4703282292062327e-324")
@example("1.7976931348623158e308")
@example("1.7976931348623159e308")
@example("0e400")
@example("1e99999999999999999999")
@example("-0e-99999999999999999999")
@example("-0")
@example("-0.0")
def test_a_number_is_the_double_that_is_nearest_or_is_left_alone(text: str) -> None:
    found = number(text)
    exact = float(text) if JSON_NUMBER.fullmatch(text) else math.inf
    if text == "-0" or math.isinf(exact) or len(text) > 64:
        assert found is None
    else:
        assert found is not None
        assert struct.pack(">d", found) == struct.pack(">d", exact)


@given(st.integers(0, 2**43 + 10), st.text("0123456789", max_size=9))
@example(2**28 - 1, "999999999")
@example(2**28, "")
@example(2**43 - 1, "999")
@example(2**43 - 1, "9999999")
@example(1_790_000_000, "0005")
@example(1_790_000_000, "0015")
def test_a_time_is_rounded_as_python_rounds_it(seconds: int, decimals: str) -> None:
    text = f"{seconds}.{decimals}" if decimals else str(seconds)
    found = read(DOCUMENT.replace(b"1790000000.25", text.encode()), known(), *EVER)
    if 2**28 <= float(text) < 2**43:
        assert found[2][0][1] == round(float(text) * 1000)
        assert found[2][0][2] == row(round(float(text) * 1000), 1.5, -250.0)
    else:
        assert found is None


# ---- What it holds, and lets go


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
