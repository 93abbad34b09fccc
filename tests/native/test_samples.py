"""Samples, compiled: each number becomes the double that is nearest; what it does not know it leaves alone."""

import json
import math
import re
import struct

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.native.documents import DOCUMENT, EPOCH, EVER, SEVERAL, form, known, read, recipe, row

JSON_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?", re.ASCII)


def test_a_document_that_fits_becomes_its_rows() -> None:
    found = read(DOCUMENT, known(), *EVER)
    assert found == (EPOCH, 7, [("part", 1_790_000_000_250, row(1_790_000_000_250, 1.5, -250.0))], 2)
    assert len(read(SEVERAL, known(), *EVER)[2]) == 2


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
