"""A message read by a template says what the general decoder says of it, or is left to the general decoder."""

import json
import re
from collections.abc import Iterator
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from siloscope_contract import senml, shapes, templates, texts
from siloscope_contract.errors import MalformedPack
from siloscope_contract.packs import Epoch, Pack, Sample, decode, encode
from siloscope_contract.resolution import resolve

EPOCH = Epoch("5" * 32)
RECEIVED_MS = 1_750_000_000_000
NUMBERS = re.compile(rb"-?\d+(\.\d+)?")


@pytest.fixture(autouse=True)
def _nothing_known() -> Iterator[None]:
    templates.forget()
    yield
    templates.forget()


def message(*values: float, seq: int | None = 7, device: str = "head", time_ms: int = 1_700_000_000_000) -> bytes:
    names = tuple(f"t{at}" for at in range(len(values)))
    sample = Sample(device, time_ms, names, ("Cel",) * len(values), list(values), [0] * len(values))
    return encode(Pack(EPOCH if seq else None, seq, [sample]))


def generally(document: bytes) -> Pack | str:
    """What the general decoder says, or the reason of its refusal."""
    try:
        return resolve(senml.records(*senml.unpack(document)), RECEIVED_MS)
    except MalformedPack as error:
        return error.reason


def shortly(document: bytes) -> Pack | str:
    """What the usual way says."""
    try:
        return decode(document, received_ms=RECEIVED_MS)
    except MalformedPack as error:
        return error.reason


VALUES = st.floats(-200, 1000).map(lambda value: round(value, 3))


@given(st.lists(VALUES, min_size=1, max_size=6), st.integers(1, 10**18 - 1), st.booleans())
def test_another_message_of_the_same_kind_is_read_by_its_template(values: list[float], seq: int, plain: bool) -> None:
    decode(message(*[1.0] * len(values), seq=None if plain else 1), received_ms=RECEIVED_MS)
    document = message(*values, seq=None if plain else seq, time_ms=1_800_000_000_123)
    found = templates.read(document, RECEIVED_MS)
    assert found is not None
    assert found == generally(document)


@given(st.integers(0, 2**32))
def test_a_damaged_message_is_never_read_differently(seed: int) -> None:
    random = Random(seed)
    document = message(1.5, 22.25, -3.0, 400.0)
    decode(document, received_ms=RECEIVED_MS)
    damaged = _damaged(document, random)
    assert shortly(damaged) == generally(damaged)


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
    decode(document, received_ms=RECEIVED_MS)
    changed = document.replace(b"22.25", number.encode())
    assert shortly(changed) == generally(changed)


def test_times_that_count_from_the_arrival_are_read_from_a_plain_device_alone() -> None:
    for seq in (7, None):
        relative = NUMBERS.sub(b"268435455", message(1.5, seq=seq), count=1)
        assert json.loads(relative)[0]["bt"] == 268435455
        assert (templates.read(relative, RECEIVED_MS) is None) is (seq is not None)
        assert shortly(relative) == generally(relative)


def test_devices_that_send_the_same_text_keep_their_names() -> None:
    for device in ("one", "two"):
        decode(message(1.0, 2.0, device=device), received_ms=RECEIVED_MS)
    for device in ("one", "two"):
        found = templates.read(message(3.0, 4.0, device=device), RECEIVED_MS)
        assert found is not None
        assert found.samples[0].device == device


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(templates._known, "most", 8)
    for at in range(20):
        names = ("a", "b", f"c{at}")
        sample = Sample("head", 1_700_000_000_000, names, ("Cel",) * 3, [1.0, 2.0, 3.0], [0, 0, 0])
        assert decode(encode(Pack(None, None, [sample])), received_ms=RECEIVED_MS).samples == [sample]
        assert len(templates._known) <= 8


def test_what_packs_of_many_samples_leave_behind_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(templates._series, "heaviest", 20_000)
    monkeypatch.setattr(texts._shared, "heaviest", 1_000)
    random = Random(3)
    for _ in range(200):
        failed = [random.random() < 0.5 for _ in range(10)]
        found = [
            Sample(
                "head",
                1_700_000_000_000 + at,
                ("a", "b"),
                ("Cel", None if bad else "Cel"),
                [1.0, None if bad else 2.0],
                [0, 202 if bad else 0],
            )
            for at, bad in enumerate(failed)
        ]
        assert decode(encode(Pack(None, None, found)), received_ms=RECEIVED_MS).samples == found
        assert sum(map(len, texts._shared)) <= 1_000
        assert sum(each.fixed_bytes for each in templates._series.values()) <= 20_000


def test_long_texts_are_remembered_up_to_so_many_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(templates._known, "heaviest", 20_000)
    monkeypatch.setattr(shapes._known, "heaviest", 1_000)
    for at in range(40):
        names = tuple(f"c{at}-{place}" for place in range(50))
        sample = Sample("head", 1_700_000_000_000, names, ("Cel",) * 50, [1.0] * 50, [0] * 50)
        assert decode(encode(Pack(None, None, [sample])), received_ms=RECEIVED_MS).samples == [sample]
        assert sum(len(skeleton) for _, skeleton in templates._known) <= 20_000
        assert sum(len(names) for _, names, _ in shapes._known) <= 1_000


UNITS = ("Cel", "%RH", "hPa", "K", "km/h", "")


@st.composite
def samples(draw: st.DrawFn) -> Sample:
    """A sample of one of a few devices, in part failed."""
    width = draw(st.integers(1, 5))
    units = draw(st.lists(st.sampled_from(UNITS), min_size=width, max_size=width))
    failed = draw(st.lists(st.booleans(), min_size=width, max_size=width))
    values = [None if bad else draw(st.floats(0, 400).map(lambda value: round(value, 2))) for bad in failed]
    return Sample(
        draw(st.sampled_from(("one", "two"))),
        1_700_000_000_000 + draw(st.integers(0, 3)) * 500,
        tuple(f"t{at}" for at in range(width)),
        tuple(None if bad else unit for unit, bad in zip(units, failed, strict=True)),
        values,
        [draw(st.sampled_from((201, 202))) if bad else draw(st.sampled_from((0, 0, 100, 103))) for bad in failed],
    )


PACKS = st.lists(samples(), min_size=1, max_size=6)


@given(PACKS, st.sampled_from((None, 1, 10**17)))
def test_packs_of_many_samples_and_failures_are_read_as_the_general_decoder_reads_them(
    found: list[Sample], seq: int | None
) -> None:
    document = encode(Pack(EPOCH if seq else None, seq, found))
    expected = generally(document)
    assert shortly(document) == expected
    assert shortly(document) == expected
    read = templates.read(document, RECEIVED_MS)
    assert read is None or read == expected


def test_a_pack_of_many_samples_with_failures_takes_the_short_way() -> None:
    found = [
        Sample(
            "head", 1_700_000_000_000 + at * 1000, ("a", "b", "c"), ("Cel", None, "%RH"), [at, None, 5.5], [0, 202, 0]
        )
        for at in range(10)
    ]
    found.append(Sample("other", 1_700_000_000_000, ("a", "b"), (None, None), [None, None], [201, 201]))
    document = encode(Pack(EPOCH, 3, found))
    read = templates.read(document, RECEIVED_MS)
    assert read == generally(document)
    assert read is not None
    assert len(read.samples) == 11


@given(PACKS, st.integers(0, 2**32))
def test_a_damaged_pack_of_many_samples_is_never_read_differently(found: list[Sample], seed: int) -> None:
    document = encode(Pack(EPOCH, 5, found))
    shortly(document)
    damaged = _damaged(document, Random(seed))
    assert shortly(damaged) == generally(damaged)


def test_an_escaped_label_never_moves_a_value_to_another_channel() -> None:
    document = b'[{"bn":"d/","bt":1700000000,"n":"a","u":"Cel","\\u0076":5},{"n":"b","u":"Cel","v":1,"v":2}]'
    assert shortly(document) == generally(document)
    assert shortly(document) == generally(document)


def _damaged(document: bytes, random: Random) -> bytes:
    damaged = bytearray(document)
    for _ in range(random.randint(1, 3)):
        at = random.randrange(len(damaged))
        kind = random.randrange(4)
        if kind == 0:
            damaged[at] = random.choice(b'0123456789.eE+-,:"{}[] tv\\/')
        elif kind == 1:
            del damaged[at : at + random.randint(1, 12)]
        elif kind == 2:
            damaged[at:at] = random.choice(
                [b"1", b",", b'"v":', b"}", b"{", b" ", b"0", b"-", b"1,2", b"],[", b"e9", b'"bt":']
            )
        else:
            other = random.randrange(len(damaged))
            damaged[at:at] = damaged[other : other + random.randint(1, 30)]
    return bytes(damaged)


@pytest.mark.parametrize("document", [b'[{"n":"d/a\xff","v":1}]', b'[{"n":"d/a\xff","v":1},{"n":"d/b","v":1}]'])
def test_bytes_that_are_no_text_are_refused_one_record_or_two(document: bytes) -> None:
    assert shortly(document) == generally(document) == "malformed"
