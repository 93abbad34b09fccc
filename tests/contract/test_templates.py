"""A message read by a template says what the general decoder says of it, or is left to the general decoder."""

import json
import re
from collections.abc import Iterator
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from siloscope_contract import senml, templates
from siloscope_contract.errors import MalformedPack
from siloscope_contract.packs import Epoch, Pack, Sample, decode, encode
from siloscope_contract.resolution import resolve

EPOCH = Epoch("5" * 32)
NUMBERS = re.compile(rb"-?\d+(\.\d+)?")


@pytest.fixture(autouse=True)
def _nothing_known() -> Iterator[None]:
    templates._known.clear()
    yield
    templates._known.clear()


def message(*values: float, seq: int | None = 7, device: str = "head", time_ms: int = 1_700_000_000_000) -> bytes:
    names = tuple(f"t{at}" for at in range(len(values)))
    sample = Sample(device, time_ms, names, ("Cel",) * len(values), list(values), [0] * len(values))
    return encode(Pack(EPOCH if seq else None, seq, [sample]))


def generally(document: bytes) -> Pack | str:
    """What the general decoder says, or the reason of its refusal."""
    try:
        return resolve(senml.records(*senml.unpack(document)), 0)
    except MalformedPack as error:
        return error.reason


def shortly(document: bytes) -> Pack | str:
    """What the usual way says."""
    try:
        return decode(document, received_ms=0)
    except MalformedPack as error:
        return error.reason


VALUES = st.floats(-200, 1000).map(lambda value: round(value, 3))


@given(st.lists(VALUES, min_size=1, max_size=6), st.integers(1, 10**18 - 1), st.booleans())
def test_another_message_of_the_same_kind_is_read_by_its_template(values: list[float], seq: int, plain: bool) -> None:
    decode(message(*[1.0] * len(values), seq=None if plain else 1), received_ms=0)
    document = message(*values, seq=None if plain else seq, time_ms=1_800_000_000_123)
    found = templates.read(document)
    assert found is not None
    assert found == generally(document)


@given(st.integers(0, 2**32))
def test_a_damaged_message_is_never_read_differently(seed: int) -> None:
    random = Random(seed)
    document = message(1.5, 22.25, -3.0, 400.0)
    decode(document, received_ms=0)
    damaged = bytearray(document)
    for _ in range(random.randint(1, 3)):
        at = random.randrange(len(damaged))
        kind = random.randrange(4)
        if kind == 0:
            damaged[at] = random.choice(b'0123456789.eE+-,:"{}[] tv\\/')
        elif kind == 1:
            del damaged[at : at + random.randint(1, 12)]
        elif kind == 2:
            damaged[at:at] = random.choice([b"1", b",", b'"v":', b"}", b"{", b" ", b"0", b"-", b"1,2", b"],[", b"e9"])
        else:
            other = random.randrange(len(damaged))
            damaged[at:at] = damaged[other : other + random.randint(1, 30)]
    assert shortly(bytes(damaged)) == generally(bytes(damaged))


@pytest.mark.parametrize(
    "number",
    [
        "01",
        "1.",
        ".5",
        "+1",
        "1e5",
        "1E-2",
        "-0",
        "1_0",
        "nan",
        "inf",
        "1e999",
        "null",
        "[1]",
        "1,2",
        "",
        " 7 ",
        "9999",
    ],
)
def test_what_stands_for_a_value_must_be_a_json_number(number: str) -> None:
    document = message(1.5, 22.25, 3.5)
    decode(document, received_ms=0)
    changed = document.replace(b"22.25", number.encode())
    assert shortly(changed) == generally(changed)


def test_times_before_they_are_absolute_are_left_to_the_decoder() -> None:
    document = message(1.5)
    decode(document, received_ms=0)
    relative = NUMBERS.sub(b"268435455", document, count=1)
    assert json.loads(relative)[0]["bt"] == 268435455
    assert templates.read(relative) is None


def test_devices_that_send_the_same_text_keep_their_names() -> None:
    for device in ("one", "two"):
        decode(message(1.0, 2.0, device=device), received_ms=0)
    for device in ("one", "two"):
        found = templates.read(message(3.0, 4.0, device=device))
        assert found is not None
        assert found.samples[0].device == device


def test_what_is_remembered_of_one_device_is_bounded() -> None:
    for at in range(20):
        names = ("a", "b", f"c{at}")
        sample = Sample("head", 1_700_000_000_000, names, ("Cel",) * 3, [1.0, 2.0, 3.0], [0, 0, 0])
        assert decode(encode(Pack(None, None, [sample])), received_ms=0).samples == [sample]
    (alike,) = templates._known.values()
    assert len(alike) == 4


@pytest.mark.parametrize("document", [b'[{"n":"d/a\xff","v":1}]', b'[{"n":"d/a\xff","v":1},{"n":"d/b","v":1}]'])
def test_bytes_that_are_no_text_are_refused_one_record_or_two(document: bytes) -> None:
    assert shortly(document) == generally(document) == "malformed"
