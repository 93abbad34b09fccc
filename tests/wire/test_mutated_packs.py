"""Packs that were harmed on their way: refused by name or read rightly, never a crash and never a wrong value.

`tests.fuzz.oracle` reads every accepted pack a second time, from the standard alone, and compares; it also holds the
codec's fast ways against its slow one. The same is done by hand for hours with `python -m tests.fuzz.pack_decoder`.
"""

import json
import zlib
from random import Random
from typing import Any

import cbor2
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from siloscope_contract.errors import MalformedPack
from siloscope_contract.packs import Form, Pack, Sample, decode, encode
from siloscope_contract.senml import MAX_UNPACKED_BYTES, MAX_WIRE_BYTES
from tests.fuzz.harm import flipped, repeated, truncated
from tests.fuzz.oracle import RECEIVED_MS, check
from tests.fuzz.seeds import seeds

SEEDS = [seed for seed in seeds() if seed]
HARM = st.tuples(st.sampled_from(SEEDS), st.randoms(use_true_random=False))


def spliced(message: bytes, random: Random) -> bytes:
    other = random.choice(SEEDS)
    return message[: random.randrange(len(message))] + other[random.randrange(len(other)) :]


@pytest.mark.parametrize("harm", [flipped, truncated, spliced, repeated], ids=lambda harm: harm.__name__)
@settings(max_examples=400)
@given(given_=HARM)
def test_a_harmed_message_is_refused_or_read_rightly(harm: Any, given_: tuple[bytes, Random]) -> None:
    message, random = given_
    check(harm(message, random))


@settings(max_examples=200)
@given(given_=HARM)
def test_harmed_json_inside_a_whole_zlib_stream_is_refused_or_read_rightly(given_: tuple[bytes, Random]) -> None:
    message, random = given_
    if message[:1] == b"[":
        check(zlib.compress(flipped(message, random)))


NUMBERS = (
    st.floats(allow_nan=False, allow_infinity=False)
    | st.integers(-(2**70), 2**70)
    | st.sampled_from([0, -0.0, 2**28, 2**28 - 1, 2**43, 2**63 - 1, 2**63, 5e-324, 1e308, -273.15, 105.0, 105.1])
)
NAMES = st.sampled_from(["d/", "d/a", "a", "b", "", "/", "d//a", "D/a", "x" * 70, "d/a/b"])
ODD = st.none() | st.booleans() | NUMBERS | st.text(max_size=4) | st.lists(st.none(), max_size=2)
LABELS: dict[str, st.SearchStrategy[Any]] = {
    "bn": NAMES,
    "bt": NUMBERS,
    "bu": st.sampled_from(["Cel", "K", "%RH", "mV", "furlong"]),
    "bv": NUMBERS,
    "bs": NUMBERS,
    "bver": st.integers(-1, 12),
    "epoch": st.sampled_from(["0" * 32, "F" * 32, "0" * 31]),
    "seq": st.sampled_from([0, 1, 2**63 - 2, 2**63 - 1, 2**64]),
    "n": NAMES,
    "u": st.sampled_from(["Cel", "K", "%RH", "mV", "%", "", "dBm", "furlong"]),
    "v": NUMBERS,
    "vs": st.sampled_from(["comm_failure", "good", "stuck", "gaps", "21.5", ""]),
    "vb": st.booleans(),
    "vd": st.just("AAAA"),
    "s": NUMBERS,
    "t": NUMBERS,
    "ut": NUMBERS,
    "q": st.sampled_from([0, 100, 101, 104, 105, 200, 207, -1, 2**40]),
    "gaps": st.lists(st.dictionaries(st.sampled_from(["kind", "from_ms", "to_ms", "x"]), ODD, max_size=3), max_size=2),
    "must_": ODD,
    "other": ODD,
}
PLAIN = st.fixed_dictionaries(
    {"n": st.sampled_from(["a", "b", "c"]), "v": st.floats(-50, 50)}, optional={"u": LABELS["u"]}
)
NUMBERED = {"bn": st.just("d/"), "bt": st.floats(1e9, 3e9)}
FIRST = st.fixed_dictionaries(NUMBERED, optional={label: LABELS[label] for label in LABELS if label not in NUMBERED})
RECORD = PLAIN | st.fixed_dictionaries({}, optional=LABELS) | st.dictionaries(st.sampled_from(sorted(LABELS)), ODD)
DOCUMENTS = st.builds(lambda first, rest: [first, *rest], FIRST | PLAIN, st.lists(RECORD, max_size=5))


@settings(max_examples=1500)
@given(DOCUMENTS)
@example([{"bn": "d/", "bt": 1e9, "n": "a", "v": 1, "bu": "K"}, {"n": "b", "v": 300}])
@example([{"bn": "d/", "bt": 1e9, "n": "a", "vb": True, "bv": 3}])
def test_any_records_are_refused_or_read_rightly_in_every_form(document: list[dict[str, Any]]) -> None:
    spelled = json.dumps(document).encode()
    check(spelled)
    check(json.dumps(document, separators=(",", ":")).encode())
    check(zlib.compress(spelled))
    check(cbor2.dumps(document))


CBOR_VALUES = st.sampled_from(
    [
        bytes.fromhex(spelled)
        for spelled in (
            "f97e00",  # NaN as a half
            "f97c00",  # infinity as a half
            "fbfff0000000000000",  # minus infinity
            "fa7f800000",  # infinity as a single
            "c482390133191234",  # a decimal fraction
            "c4821b7fffffffffffffff01",  # 1e9223372036854775807
            "c482206473 4e614e".replace(" ", ""),  # a decimal fraction of a text
            "c249010000000000000000",  # 2^64 as a bignum
            "c25902" + "00" + "ff" * 512,  # a bignum beyond every float
            "d81e820102",  # 1/2 as a rational
            "d81e820100",  # 1/0 as a rational
            "c11a514b67b0",  # a time
            "c074323031332d30332d32315432303a30343a30305a",  # a time as text
            "d81d00",  # a shared value that is not there
            "d81c81d81d00",  # a list that holds itself
            "f7",  # undefined
            "f0",  # an unassigned simple value
            "a0",
            "80",
            "5f4101ff",  # bytes in pieces
            "d9010280",  # a set
            "d823617b",  # a regular expression
            "d8256101",  # a UUID of the wrong length
            "d9010461" + "78",  # an IP address
            "c600",  # an unknown tag
            "1c",  # a reserved length
        )
    ]
)


@given(st.sampled_from(["bt", "bv", "v", "t", "s", "q", "n", "epoch", "gaps", "x"]), CBOR_VALUES)
def test_odd_cbor_is_refused_or_read_rightly(label: str, value: bytes) -> None:
    known = {"bn": "d/", "bt": 1e9, "n": "a", "u": "Cel", "v": 20.5}
    known.pop(label, None)
    pairs = b"".join(cbor2.dumps(key) + cbor2.dumps(item) for key, item in known.items())
    check(bytes([0x81, 0xA0 + len(known) + 1]) + pairs + cbor2.dumps(label) + value)
    check(bytes([0x81, 0xA0 + len(known) + 1]) + pairs + value + cbor2.dumps(1))  # and as a label


@pytest.mark.parametrize("opening", [b"[", b'[{"x":', b"\x81", b"\x9f", b"\x81\xa1\x61x\x81"], ids=repr)
def test_nesting_without_end_is_refused(opening: bytes) -> None:
    with pytest.raises(MalformedPack):
        decode(opening * 10_000, received_ms=RECEIVED_MS)


def test_a_number_of_thousands_of_digits_under_an_unknown_label_says_nothing() -> None:
    pack = check(b'[{"bn":"d/","bt":1e9,"n":"a","u":"Cel","v":1,"x":%b,"y":"_"}]' % (b"1" * 9_000))
    assert pack is not None
    assert _reason(b'[{"bn":"d/","bt":1e9,"n":"a","u":"Cel","v":1,"x_":%b}]' % (b"1" * 9_000)) == "must_understand"


def test_a_zip_bomb_is_refused_before_it_is_unpacked() -> None:
    bomb = zlib.compress(b"[" + b" " * (64 * MAX_UNPACKED_BYTES), 9)
    assert len(bomb) > MAX_WIRE_BYTES or _reason(bomb) == "too_large"
    small = zlib.compress(b"[" + b" " * MAX_UNPACKED_BYTES, 9)
    assert _reason(small) == "too_large"


@pytest.mark.parametrize("spelled", ["NaN", "Infinity", "-Infinity", "1e999", "0x10", "01", "1.", ".5", "+1", "1_000"])
def test_what_is_no_json_number_is_no_value(spelled: str) -> None:
    assert _reason(b'[{"bn":"d/","bt":1e9,"n":"a","u":"Cel","v":%b}]' % spelled.encode()) == "malformed"


def test_of_a_label_that_stands_twice_the_last_counts_in_every_form_and_way() -> None:
    twice = b'[{"bn":"d/","bt":1e9,"n":"a","u":"Cel","v":1,"v":2}]'
    pack = check(twice)
    assert pack is not None
    assert pack.samples[0].values == [2.0]


@pytest.mark.parametrize("hidden", ['"v" :9', '"v"\n:9', '"v"  : 9.5e0'])
def test_a_second_value_is_found_wherever_it_hides(hidden: str) -> None:
    for document in (
        f'[{{"bn":"d/","bt":1e9,"n":"a","v":1,{hidden}}}]',
        f'[{{"bn":"d/","bt":1700000000,"n":"a","v":1,{hidden}}}]',
        f'[{{"bn":"d/","bt":1700000000,"n":"a","v":1,"v":2}},{{"n":"b",{hidden}}}]',
        f'[{{"bn":"d/","bt":1700000000,"n":"a","v":1}},{{"n":"b","v":2,{hidden}}}]',
    ):
        assert check(document.encode()) is not None


@pytest.mark.parametrize(
    "document",
    [
        '[{"bn":"d/","n":"a","v":2.0},{"bt":,"n":"a","v":2,0},{"bt":967587207.5,"n":"a","v":3.0}]',
        '[{"bn":"d/","bt":967587207.5,"n":"a","v":2,0},{"bt":967587208.5,"n":"a","v":}]',
        '[{"bn":"d/","bt":967587207.5,"n":"a","v":},{"bt":967587208.5,"n":"a","v":1,2}]',
        '[{"bn":"d/","bt":967587207.5,"n":"a","v":1},{"bn":"e/","bt":,"n":"a","v":1,2}]',
    ],
)
def test_what_one_value_lacks_another_does_not_make_up_for(document: str) -> None:
    for known in ('[{"bn":"d/","bt":967587207.5,"n":"a","v":1}]', '[{"bn":"e/","bt":967587207.5,"n":"a","v":1}]'):
        decode(known.encode(), received_ms=RECEIVED_MS)
    assert _reason(document.encode()) == "malformed"


def test_what_is_no_utf8_is_refused_wherever_it_stands() -> None:
    for document in (
        b'[{"bn":"d/","bt":1e9,"n":"a","u":"Cel","v":1,"\xff":2}]',
        b'[{"bn":"d/","bt":1e9,"n":"a","u":"Cel","v":1},{"n":"b","v":1,"x":"\xff"}]',
        b'[{"bn":"d/","bt":1e9,"n":"a","u":"Cel","v":1}]\xff',
    ):
        assert _reason(document) == "malformed"


@given(st.lists(st.floats(-200, 800), min_size=1, max_size=5), st.integers(0, 4), st.integers(0, 255))
def test_a_flipped_byte_of_a_known_message_is_never_read_by_its_template_as_something_else(
    values: list[float], cut: int, byte: int
) -> None:
    names = tuple("abcde"[: len(values)])

    sample = Sample("d", 1_700_000_000_123, names, ("Cel",) * len(values), list(values), [0] * len(values))
    message = encode(Pack(None, None, [sample]), form=Form.JSON)
    decode(message, received_ms=RECEIVED_MS)
    at = cut * len(message) // 5
    check(message[:at] + bytes([byte]) + message[at + 1 :])


def _reason(payload: bytes) -> str:
    with pytest.raises(MalformedPack) as refused:
        decode(payload, received_ms=RECEIVED_MS)
    assert check(payload) is None
    return refused.value.reason
