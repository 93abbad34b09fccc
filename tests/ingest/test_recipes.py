"""What goes by recipes becomes the same rows, to the byte, as what goes the way that knows none."""

import string
import zlib
from collections.abc import Callable, Sequence
from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.fuzz.both_ways import BothWays
from tests.fuzz.conversations import ODD_NUMBERS, ODD_TIMES, talk
from tests.fuzz.harm import flipped, repeated, truncated

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


def test_of_many_texts_of_a_device_the_newest_four_are_known() -> None:
    ways = BothWays()
    texts = ["", *(f',"q":{code}' for code in (100, 101, 102, 103, 104))]
    for _ in range(2):
        for behind in texts:
            ways.resolve(document("1.5", behind))
    assert ways.book.taken == 0
    for behind in texts[-4:]:
        ways.resolve(document("1.5", behind))
    assert ways.book.taken == 4
    assert len(ways.nodes[0].recipes[b"d/"]) == 4


def test_a_node_whose_texts_hardly_come_twice_is_seldom_learnt_from_until_one_does() -> None:
    ways = BothWays()
    codes = "", ',"q":101', ',"q":103', ',"q":104'
    for turn in range(256):
        readings = [f'"n":"{name}","u":"Cel","v":1.5{codes[turn >> 2 * at & 3]}' for at, name in enumerate("abcd")]
        ways.resolve(document("1.5", "},{" + "},{".join(readings)).replace(b'"n":"a","u":"Cel","v":1.5},{', b""))
    assert ways.book.taken == 0
    assert len(ways.book._forms) == 16 + 256 // 16 - 1
    for _ in range(30):
        ways.resolve(document("1.5"))
    assert ways.book.taken == 14
    for _ in range(3):
        ways.resolve(document("2.5", ',"q":103'))  # and is learnt from at once again
    assert ways.book.taken == 16


def test_what_was_learnt_holds_when_other_shapes_came_between() -> None:
    ways = BothWays()
    first, other = several(["1.5"] * 4), document("1.5", '},{"n":"v7","u":"V","v":3')
    failed = document("1.5").replace(b'"u":"Cel","v":1.5', b'"vs":"comm_failure"')
    for message in (first, other, failed) * 3:
        ways.resolve(message)
    assert ways.book.taken == 5  # the new channel of the second one made the first one forgotten


def test_compressed_or_not_the_same_recipes_are_learnt_and_followed() -> None:
    ways = BothWays()
    for message in (zlib.compress(several(["1.5"] * 4)), several(["2.5"] * 4), zlib.compress(several(["3.5"] * 4))):
        ways.resolve(message)
    assert ways.book.taken == 2


@pytest.mark.parametrize("between", ['"bn":"d/"', '"bt":1789999999.5', '"bt":1789999998', '"bn":"","bt":1789999999.5'])
@pytest.mark.parametrize("name", ["a", "c", "d/a", "d/c"])
def test_one_device_twice_in_a_document_is_the_same_both_ways(between: str, name: str) -> None:
    ways = BothWays()
    for value in ("1.5", "2.5", "2.5"):
        ways.resolve(document("1.5", f'}},{{{between},"n":"{name}","u":"Cel","v":{value}'))
        ways.resolve(document("1.5"))


# ---- By chance: whatever comes, the rows are the same bytes


DIGITS = st.text(string.digits, min_size=1, max_size=20)
NUMBERS = st.one_of(
    st.sampled_from(ODD_NUMBERS),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.floats(-300, 1500).map("{:.2f}".format),
    st.integers(-(2**65), 2**65).map(str),
    st.builds(
        "{}{}.{}{}".format, st.sampled_from(["", "-"]), DIGITS, DIGITS, st.sampled_from(["", "E5", "e-3", "e+0"])
    ),
    st.text("0123456789-+.eE \t\n", max_size=12),
)
SPACES = st.text(" \t\r\n", max_size=2)
HEAD = ["bn", '"d/"'], ["bt", "1789999999.5"], ["epoch", f'"{"ab" * 16}"'], ["seq", "1"]
Fields = list[list[str]]


def fields(values: Sequence[str]) -> list[Fields]:
    """Two devices, the first with two groups, and some values in units that are converted."""
    names = ("a", "K"), ("v1", "V"), ("a", "Cel"), ("b", "Pa")
    readings = [
        [["n", f'"{name}"'], ["u", f'"{unit}"'], ["v", value]]
        for (name, unit), value in zip(names, values, strict=True)
    ]
    first, second, third, fourth = readings
    return [[*map(list, HEAD), *first], second, [["bn", '"e/"'], *third], fourth]


def spelled(records: list[Fields], colon: str = ":", comma: str = ",", between: str = "},{") -> bytes:
    """A document of these."""
    found = (comma.join(f'"{label}"{colon}{value}' for label, value in record) for record in records)
    return f"[{{{between.join(found)}}}]".encode()


def several(values: Sequence[str]) -> bytes:
    """As nodes write it."""
    return spelled(fields(values))


def among_known(*messages: bytes) -> BothWays:
    """Send each message twice to who knows the usual ones, and then a usual one, which must still be known."""
    ways = BothWays()
    ways.resolve(several(["1.5"] * 4))
    for message in messages:
        ways.resolve(message)
        ways.resolve(message)
    ways.resolve(several(["2.5"] * 4))
    return ways


@settings(max_examples=300)
@given(st.tuples(NUMBERS, NUMBERS, NUMBERS, NUMBERS), st.booleans())
@example(("-0.0", "-0.0", "-0.0", "-0.0"), False)
def test_any_spelling_of_numbers_is_the_same_both_ways(values: tuple[str, ...], compressed: bool) -> None:
    message = several(values)
    among_known(zlib.compress(message) if compressed else message)


@pytest.mark.parametrize("time", ODD_TIMES)
def test_any_spelling_of_a_time_is_the_same_both_ways(time: str) -> None:
    records = fields(["1.5"] * 4)
    records[0][1][1] = time
    among_known(spelled(records))
    records[2].insert(1, ["bt", time])
    among_known(spelled(records))
    records[2].insert(0, records[2].pop(1))
    among_known(spelled(records))


@settings(max_examples=120)
@given(st.data())
def test_any_spaces_are_the_same_both_ways(data: st.DataObject) -> None:
    def around(sign: str) -> str:
        return data.draw(SPACES) + sign + data.draw(SPACES)

    between = around("}") + "," + around("{")
    assert among_known(spelled(fields(["1.5"] * 4), around(":"), around(","), between)).book.taken >= 1


@settings(max_examples=120)
@given(st.data())
def test_any_order_of_fields_is_the_same_both_ways(data: st.DataObject) -> None:
    records = [data.draw(st.permutations(record)) for record in fields(["1.5", "-2.5", "3.5", "4.5"])]
    among_known(spelled(data.draw(st.permutations(records))))


def test_any_letter_that_is_escaped_is_the_same_both_ways() -> None:
    usual = several(["1.5"] * 4)
    for at, byte in enumerate(usual):
        for escape in (b"\\u%04x" % byte, b"\\" + bytes([byte])):
            among_known(usual[:at] + escape + usual[at + 1 :])


def test_any_field_that_comes_again_is_the_same_both_ways() -> None:
    for at, record in enumerate(fields(["1.5"] * 4)):
        for label in ("bn", "bt", "bu", "bv", "epoch", "seq", "n", "u", "v", "vs", "q", "t", "s", "x", "x_"):
            for value in ("2", "null", '"d/"', '"a"', "1789999998.5", '"comm_failure"', '"Cel"'):
                for place in (0, len(record)):
                    records = fields(["1.5"] * 4)
                    records[at].insert(place, [label, value])
                    among_known(spelled(records))


@pytest.mark.parametrize("harm", [flipped, truncated, repeated], ids=lambda harm: harm.__name__)
@settings(max_examples=150)
@given(random=st.randoms(use_true_random=False), is_packed=st.booleans())
def test_what_is_harmed_is_the_same_both_ways(
    harm: Callable[[bytes, Random], bytes], random: Random, is_packed: bool
) -> None:
    usual = several(["21.5", "-3.25", "1e1", "99999.5"])
    harmed = harm(usual, random)
    among_known(zlib.compress(harmed, 1) if is_packed else harmed, harm(zlib.compress(usual), random))


@settings(max_examples=150)
@given(st.integers(0, 2**40))
def test_whatever_a_node_says_is_the_same_both_ways(seed: int) -> None:
    talk(Random(seed))
