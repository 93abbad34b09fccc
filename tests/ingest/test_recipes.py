"""What goes by recipes becomes the same rows, to the byte, as what goes the way that knows none."""

import pytest

from tests.fuzz.both_ways import BothWays

pytestmark = pytest.mark.usefixtures("compiled")


def document(value: str, behind: str = "", seq: int = 1, bt: str = "1789999999.5") -> bytes:
    epoch = "ab" * 16
    text = f'[{{"bn":"d/","bt":{bt},"epoch":"{epoch}","seq":{seq},"n":"a","u":"Cel","v":{value}{behind}}}]'
    return text.encode()


def test_a_quality_that_came_once_is_not_stored_with_what_comes_without() -> None:
    ways = BothWays()
    for seq, behind in enumerate(["", ',"q":103', "", ',"q":103', ""], start=1):
        assert ways.resolve(document("1.5", behind, seq)) is not None
    assert ways.book.taken == 3


@pytest.mark.parametrize(
    "value",
    [
        "21",
        "-0",
        "-0.0",
        "1e1",
        "1E-2",
        "5e-324",
        "1e-400",
        "1e999",
        "-273.15",
        "-273.16",
        "1500",
        "1500.1",
        " 7 ",
        "007",
        "0." + "3" * 40,
        "9" * 16,
        "1." + "0" * 70,
        "1.7976931348623157e308",
        "1.",
        ".5",
        "+1",
        "NaN",
        "",
    ],
)
def test_numbers_of_every_form_are_the_same_both_ways(value: str) -> None:
    ways = BothWays()
    ways.resolve(document("1.5"))
    ways.resolve(document(value, seq=2))
    ways.resolve(document("2.5", seq=3))
    assert ways.book.taken >= 1


@pytest.mark.parametrize(
    "bt", ["1790000000.0005", "1790000000.0015", "5", "300000000", "8796093022208", "01790000000", "1."]
)
def test_times_of_every_form_are_the_same_both_ways(bt: str) -> None:
    ways = BothWays()
    ways.resolve(document("1.5"))
    ways.resolve(document("1.5", seq=2, bt=bt))


def test_minus_zero_keeps_its_sign_where_no_unit_converts() -> None:
    ways = BothWays()
    for behind in (',"q":103', "", ',"q":103'):
        ways.resolve(document("-0.0", behind))


def test_what_spaces_stand_around_a_number_does_not_keep_it_from_its_recipe() -> None:
    ways = BothWays()
    for value in (" 1.5", "2.5", " 3.5 "):
        ways.resolve(document(value))
    assert ways.book.taken == 2


def test_changed_channels_and_a_full_book_are_learnt_anew() -> None:
    ways = BothWays()
    for _ in range(2):
        ways.resolve(document("1.5"))
    ways.forget()
    ways.resolve(document("1.5"))
    assert ways.book.taken == 1
    full = BothWays(heaviest=1)
    for _ in range(3):
        full.resolve(document("1.5"))
    assert (full.book.taken, full.nodes[0].recipes) == (0, {})
