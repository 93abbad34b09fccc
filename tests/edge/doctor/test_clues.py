"""What a technician types becomes a clue, or one clear complaint."""

import pytest

from siloscope_edge.doctor.clues import Clue, clue


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("23.4", Clue("", "23.4")),
        ("-5:temperature", Clue("temperature", "-5")),
        ("40002=23.40:temperature", Clue("temperature", "23.40", 40_002)),
        ("0x1F4=3.2", Clue("", "3.2", 500)),
    ],
)
def test_a_value_with_what_is_known_of_it(text: str, expected: Clue) -> None:
    assert clue(text, is_shown=True) == expected


def test_a_quantity_alone_and_a_default() -> None:
    assert clue("7=co2", is_shown=False) == Clue("co2", "", 7)
    assert clue("412", is_shown=True, default_quantity="co2") == Clue("co2", "412")


@pytest.mark.parametrize(
    ("text", "is_shown", "complaint"),
    [
        ("warm", True, "expected a number as the display shows it"),
        ("nan", True, "expected a number"),
        ("1=", True, "expected a number"),
        ("first=3", True, "expected a register number"),
        ("70000000=3", True, "expected 0 to 65535"),
        ("23.4:temprature", True, "temperature"),
        ("wind_sped", False, "wind_speed"),
    ],
)
def test_what_cannot_be_meant_is_refused(text: str, complaint: str, *, is_shown: bool) -> None:
    with pytest.raises(ValueError, match=complaint):
        clue(text, is_shown=is_shown)


def test_the_last_digit_of_a_display_is_its_step() -> None:
    assert [Clue("", text).step for text in ("23", "23.4", "23.40", "")] == pytest.approx([1, 0.1, 0.01, 1])


@pytest.mark.parametrize(
    ("register", "first", "others"),
    [
        (5, ("holding", 5), {("holding", 4), ("input", 5), ("input", 4), ("input", 6), ("holding", 6)}),
        (30_002, ("input", 1), {("input", 2), ("input", 30_002), ("input", 30_001)}),
        (40_001, ("holding", 0), {("holding", 1), ("holding", 40_001), ("holding", 40_000)}),
        (400_101, ("holding", 100), {("holding", 101)}),
        (0, ("holding", 0), {("holding", 1), ("input", 0), ("input", 1)}),
    ],
)
def test_a_printed_number_may_stand_at_few_places(
    register: int, first: tuple[str, int], others: set[tuple[str, int]]
) -> None:
    places = Clue("", "1", register).places()
    assert places is not None
    assert max(places, key=lambda place: places[place]) == first
    assert set(places) == {first, *others}


def test_without_a_number_it_may_be_anywhere() -> None:
    assert Clue("", "1").places() is None
