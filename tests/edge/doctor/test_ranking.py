"""The truth ranks first: in chosen cases by hand, and for a seeded set of made-up devices by measured share."""

import random
import struct
from collections.abc import Callable

import pytest

from siloscope_edge.doctor.clues import Clue
from siloscope_edge.doctor.findings import Guess, Ranking
from siloscope_edge.doctor.ranking import rank
from tests.edge.doctor.random_devices import Made, device

DEVICES = [device(random.Random(seed)) for seed in range(80)]


def top(ranking: Ranking) -> Guess:
    return ranking.groups[0][0]


def is_first(made: Made, ranking: Ranking) -> bool:
    """Whether the truth is among those that give the most plausible numbers."""
    return any(
        (each.address, each.type, each.byte_order) == (made.address, made.type, made.byte_order)
        and each.scale == pytest.approx(made.scale)
        for each in (ranking.groups[0] if ranking.groups else ())
    )


def share(clue_of: Callable[[Made], Clue]) -> float:
    return sum(is_first(made, rank(clue_of(made), {"holding": made.words})) for made in DEVICES) / len(DEVICES)


def test_with_quantity_display_and_register_the_truth_is_first() -> None:
    assert share(lambda made: Clue(made.quantity, made.shown, made.address)) == 1.0


def test_with_the_display_alone_at_a_register_the_truth_is_first() -> None:
    assert share(lambda made: Clue("", made.shown, made.address)) >= 0.99


def test_with_a_manuals_number_that_counts_from_one_the_truth_is_first() -> None:
    assert share(lambda made: Clue(made.quantity, made.shown, made.address + 1)) >= 0.99
    assert share(lambda made: Clue(made.quantity, made.shown, 40_001 + made.address)) >= 0.99


def test_with_the_display_and_no_register_the_truth_is_first() -> None:
    assert share(lambda made: Clue(made.quantity, made.shown)) >= 0.98


def test_with_the_quantity_alone_the_truth_is_first_four_times_in_five() -> None:
    assert share(lambda made: Clue(made.quantity, "", made.address)) >= 0.80


def test_a_verdict_that_says_clear_is_right() -> None:
    """Whoever has no display to compare with must be able to trust the word."""
    rankings = [(made, rank(Clue(made.quantity, "", made.address), {"holding": made.words})) for made in DEVICES]
    clear = [(made, ranking) for made, ranking in rankings if ranking.verdict == "clear"]
    assert len(clear) >= 0.5 * len(DEVICES)
    assert sum(is_first(made, ranking) for made, ranking in clear) >= 0.96 * len(clear)


@pytest.mark.parametrize("order", ["ABCD", "CDAB", "BADC", "DCBA"])
@pytest.mark.parametrize(("kind", "code"), [("float32", ">f"), ("int32", ">i"), ("float64", ">d"), ("int64", ">q")])
def test_each_order_of_a_published_value_is_told(kind: str, code: str, order: str) -> None:
    """-123.45 is what Vaisala's probes hold for finding the order."""
    number = -123.45 if kind.startswith("float") else -12345
    wire = struct.pack(code, number)
    words = [wire[at : at + 2] for at in range(0, len(wire), 2)]
    if order in ("CDAB", "DCBA"):
        words.reverse()
    if order in ("BADC", "DCBA"):
        words = [word[::-1] for word in words]
    stood = {7936 + at: [int.from_bytes(word)] * 2 for at, word in enumerate(words)}
    found = top(rank(Clue("", "-123.45", 7937), {"holding": stood}))
    # An integer of many registers whose upper ones are its sign is no more than that of the lower ones.
    assert found.values[0] == pytest.approx(-123.45, abs=1e-4)
    if kind.startswith("float"):
        assert (found.type, found.byte_order, found.address) == (kind, order, 7936)


def test_what_cannot_be_told_apart_is_said() -> None:
    ranking = rank(Clue("temperature", "23.4", 1), {"input": {1: [234, 235, 234]}})
    assert {each.type for each in ranking.groups[0]} == {"int16", "uint16"}
    assert (ranking.verdict, top(ranking).type) == ("clear", "int16")
    humid = rank(Clue("relative_humidity", "65.1", 1), {"input": {1: [651, 651, 652]}})
    assert top(humid).type == "uint16"


def test_an_open_question_stays_open() -> None:
    assert rank(Clue("current", "", 0), {"input": {0: [689, 689, 689]}}).verdict == "open"


def test_nothing_is_found_where_nothing_fits() -> None:
    words = {"holding": {0: [0x1234, 0x9876, 0x4321], 1: [0xF00D, 0x0BAD, 0xBEEF]}}
    assert rank(Clue("air_pressure", "1013.2"), words).verdict == "nothing"
    assert rank(Clue("temperature", "", 40_500), words).verdict == "nothing"


@pytest.mark.parametrize(
    ("clue", "words", "expected"),
    [
        (Clue("temperature", "-5.3", 1), [10053, 10053], ("uint16", 0.1, 0.0, 10_000)),
        (Clue("temperature", "23.5", 1), [743, 743], ("int16", 0.1 * 5 / 9, -160 / 9, None)),
        (Clue("energy_import", "1234.5", 1), [0x1234, 0x1234], ("bcd16", 1.0, 0.0, None)),
        (Clue("moisture", "0.312", 1), [312, 313], ("uint16", 0.001, 0.0, None)),
        (Clue("air_pressure", "1013", 1), [1013, 1013], ("uint16", 1.0, 0.0, None)),
    ],
)
def test_what_makers_do_otherwise_is_known(
    clue: Clue, words: list[int], expected: tuple[str, float, float, int | None]
) -> None:
    if expected[0] == "bcd16":
        clue = Clue("energy_import", "1234", 1)
    first = top(rank(clue, {"input": {1: words}}))
    assert (first.type, first.negative_from) == (expected[0], expected[3])
    assert first.scale == pytest.approx(expected[1])
    assert first.offset == pytest.approx(expected[2])


def test_a_number_in_letters_is_read() -> None:
    words = {at: [word] * 3 for at, word in enumerate(struct.unpack(">4H", b"+21.5\0\0\0"))}
    first = top(rank(Clue("temperature", "21.5", 0), {"holding": words}))
    assert (first.type, first.words, first.values[0]) == ("string", 3, 21.5)


def test_the_reasons_name_what_counts() -> None:
    words = {"input": {0: [0x41BB, 0x41BB], 1: [0x3333, 0x3333], 2: [0x3333, 0x3333], 3: [0x41BB, 0x41BB]}}
    plain, swapped = (top(rank(Clue("temperature", "23.4", at), words)) for at in (1, 2))
    assert plain.reasons[0] == "equals the display's 23.4"
    assert "the manual's 1 is 0 on the wire: it counts from 1" in plain.reasons
    assert (swapped.address, swapped.byte_order) == (2, "CDAB")
    assert "low word first, as many devices have it" in swapped.reasons


def test_coils_hold_no_numbers() -> None:
    assert rank(Clue("temperature", "1"), {"coil": {0: [1, 1]}}).groups == ()


def test_a_display_that_no_register_agrees_with_is_said() -> None:
    ranking = rank(Clue("temperature", "5.3", 1), {"holding": {0: [183] * 3, 1: [223] * 3, 2: [262] * 3}})
    assert ranking.verdict == "nothing"
    assert top(ranking).values[0] == 22.3  # the least bad is shown all the same
