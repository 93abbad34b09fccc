"""Packs under property tests: exact both ways, and no input ever raises anything but ``MalformedPack``."""

import json
import zlib
from typing import Any

import cbor2
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from siloscope_contract import senml
from siloscope_contract.errors import MalformedPack
from siloscope_contract.gaps import GapKind
from siloscope_contract.packs import Epoch, Form, Gap, Pack, Sample, decode, encode
from siloscope_contract.quality import FIRST_BAD, Quality
from siloscope_contract.quantities import QUANTITIES
from siloscope_contract.resolution import resolve
from siloscope_contract.units import UNITS

SLUGS = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,12}", fullmatch=True)
STORED_UNITS = sorted(unit.symbol for unit in UNITS.values() if unit.symbol == unit.canonical)
EPOCHS = st.from_regex(r"[0-9a-f]{32}", fullmatch=True).map(Epoch)
TIMES_MS = st.integers(2**28 * 1000, 4_102_444_800_000)
BAD = [int(quality) for quality in Quality if quality >= FIRST_BAD]
NOT_BAD = [int(quality) for quality in Quality if quality < FIRST_BAD]


@st.composite
def readings(draw: st.DrawFn) -> tuple[str | None, float | None, int]:
    if draw(st.integers(0, 4)) == 0:
        return None, None, draw(st.sampled_from(BAD))
    unit = UNITS[draw(st.sampled_from(STORED_UNITS))]
    limits = QUANTITIES[unit.quantity]
    value = draw(st.floats(limits.low, limits.high, allow_nan=False, allow_infinity=False))
    return unit.symbol, value, draw(st.sampled_from(NOT_BAD))


@st.composite
def samples(draw: st.DrawFn) -> Sample:
    names = draw(st.lists(SLUGS, min_size=1, max_size=6, unique=True))
    columns = [draw(readings()) for _ in names]
    units, values, quality = (list(column) for column in zip(*columns, strict=True))
    return Sample(draw(SLUGS), draw(TIMES_MS), tuple(names), tuple(units), values, quality)


GAPS = st.builds(
    Gap,
    kind=st.sampled_from(GapKind),
    from_ms=TIMES_MS,
    to_ms=TIMES_MS,
    device=st.none() | SLUGS,
    count=st.none() | st.integers(1, 1000),
    detail=st.text(max_size=20),
)


@st.composite
def packs(draw: st.DrawFn) -> Pack:
    found = draw(st.lists(samples(), min_size=1, max_size=4, unique_by=lambda sample: (sample.device, sample.time_ms)))
    gaps = draw(st.lists(GAPS, max_size=2))
    return Pack(draw(EPOCHS), draw(st.integers(1, 2**62)), found, gaps=gaps)


@given(packs(), st.sampled_from(Form))
def test_a_pack_is_read_back_exactly_as_it_was_written(pack: Pack, form: Form) -> None:
    assert decode(encode(pack, form=form), received_ms=0) == pack


@given(packs())
def test_the_short_way_and_the_general_way_agree(pack: Pack) -> None:
    payload = encode(pack)
    assert decode(payload, received_ms=0) == resolve(senml.records(payload, Form.JSON), 0)


@given(packs())
def test_a_written_pack_is_valid_senml_for_other_readers(pack: Pack) -> None:
    """RFC 8428, 4.6: each resolved record has a name of the allowed characters, an absolute time and one value."""
    base_name, base_time = "", 0.0
    for record in json.loads(encode(pack)):
        base_name, base_time = record.get("bn", base_name), record.get("bt", base_time)
        name = base_name + record.get("n", "")
        assert name[0].isalnum()
        assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-:./_")
        assert sum(label in record for label in ("v", "vs", "vb", "vd")) == 1
        assert not any(label.endswith("_") for label in record)
        assert record.get("u", "/") in UNITS
        assert "u" not in record or "v" in record


def refusal_of(payload: bytes) -> MalformedPack | None:
    try:
        decode(payload, received_ms=1_700_000_000_000)
    except MalformedPack as refusal:
        return refusal
    return None


@given(st.binary(max_size=400))
@example(b"[" * 60_000)
@example(b"\x81" * 60_000)
@example(b'[{"n":"a","v":1e999}]')
@example(b'[{"n":"d/a","v":' + b"9" * 400 + b"}]")
@example(b'[{"n":"d/a","bt":1e300,"v":1}]')
@example(b'[{"n":"d/a","t":-1e300,"v":1}]')
@example(b'[{"n":"d/a\xff","v":1}]')
@example(cbor2.dumps([{0: "d/a", 2: 2**70}]))
@example(cbor2.dumps([{0: "d/a", 6: float("inf"), 2: 1}]))
@example(cbor2.dumps([{(1, 2): 3}]))
@example(cbor2.dumps([{0: "d/a", 1: "Cel", 2: float("inf")}]))
def test_no_bytes_raise_anything_but_a_refusal(payload: bytes) -> None:
    for candidate in (payload, zlib.compress(payload)):
        refusal = refusal_of(candidate)
        assert refusal is None or (refusal.reason and "\n" not in str(refusal))


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8) | st.integers(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)
LABELS = st.sampled_from([*senml.Record.__struct_fields__, "x_", "y"])


@given(st.lists(st.dictionaries(LABELS, JSON_VALUES, max_size=6), max_size=4), st.sampled_from(Form))
def test_records_of_any_content_are_read_or_refused(rows: list[dict[str, Any]], form: Form) -> None:
    document = json.dumps(rows).encode()
    payload = {Form.JSON: document, Form.ZLIB: zlib.compress(document), Form.CBOR: cbor2.dumps(rows)}[form]
    try:
        pack = decode(payload, received_ms=1_700_000_000_000)
    except MalformedPack:
        return
    for sample in pack.samples:
        assert len(sample.names) == len(sample.units) == len(sample.values) == len(sample.quality)
        for value, code in zip(sample.values, sample.quality, strict=True):
            assert (value is None) == (code >= FIRST_BAD)


@given(packs(), st.data())
def test_a_flipped_bit_never_changes_a_compressed_pack_unseen(pack: Pack, data: st.DataObject) -> None:
    payload = bytearray(encode(pack, form=Form.ZLIB))
    at = data.draw(st.integers(0, len(payload) * 8 - 1))
    payload[at // 8] ^= 1 << at % 8
    if refusal_of(bytes(payload)) is None:  # a bit of the header that zlib does not look at
        assert decode(bytes(payload), received_ms=0) == pack


def test_a_pack_larger_than_the_wire_allows_is_refused() -> None:
    with pytest.raises(MalformedPack, match="at most 65536"):
        decode(b"[" + b" " * senml.MAX_WIRE_BYTES, received_ms=0)


def test_a_small_message_cannot_unpack_into_a_large_one() -> None:
    with pytest.raises(MalformedPack, match="unpacked"):
        decode(zlib.compress(b"[" + b" " * senml.MAX_UNPACKED_BYTES), received_ms=0)


def test_a_value_that_contradicts_its_quality_is_not_written() -> None:
    sample = Sample("d", 1_700_000_000_000, ("a",), ("Cel",), [1.0], [int(Quality.COMM_FAILURE)])
    with pytest.raises(ValueError, match="quality 201"):
        encode(Pack(None, None, [sample]))
