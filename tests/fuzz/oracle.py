"""A second reader of SenML packs, written from RFC 8428 alone and slowly, to hold the codec against.

It shares the tables of units and limits with the contract (they are data, and have tests of their own) and nothing
else: its JSON is the standard library's, its arithmetic is exact, and it knows no fast way.
"""

import io
import json
import zlib
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from math import isinf, isnan, ulp
from typing import Any

import cbor2

from siloscope_contract import templates
from siloscope_contract.errors import MalformedPack
from siloscope_contract.packs import Pack, decode
from siloscope_contract.quality import BY_REASON, FIRST_BAD, Quality
from siloscope_contract.quantities import QUANTITIES
from siloscope_contract.units import UNITS

RECEIVED_MS = 1_790_000_000_000
_LABELS = {-1: "bver", -2: "bn", -3: "bt", -4: "bu", -5: "bv", -6: "bs"}
_LABELS |= dict(enumerate(("n", "u", "v", "vs", "vb", "s", "t", "ut", "vd")))
_RELATIVE_BELOW_S = 2**28
Reading = tuple[str, str, Fraction, Fraction | None, int]
"""Device, key, time in milliseconds, value in the canonical unit, quality."""


def check(payload: bytes) -> Pack | None:
    """Decode a payload; return the pack, or None where it was refused.

    Raises:
        AssertionError: The codec accepted what it should not, or understood it differently; its two ways disagree.
        Exception: Anything but a refusal is a crash of the codec.
    """
    found = _outcome(payload)
    known = _outcome(payload)  # the codec may have learnt a template from it
    templates.forget()
    unlearnt = _outcome(payload)
    assert found == known == unlearnt, "the codec's ways disagree"
    if isinstance(found, Pack):
        _agree(found, payload)
        return found
    return None


def _outcome(payload: bytes) -> Pack | tuple[str, str, str | None, int | None]:
    try:
        pack = decode(payload, received_ms=RECEIVED_MS)
    except MalformedPack as error:
        str(error)
        return error.reason, error.place, error.epoch, error.seq
    return pack


def _agree(pack: Pack, payload: bytes) -> None:
    """Compare an accepted pack, reading by reading, with what this module reads."""
    rows = _records(payload)
    assert (pack.epoch, pack.seq) == (rows[0].get("epoch"), rows[0].get("seq")), "another number"
    taken = [
        (sample.device, name, sample.time_ms, value, code)
        for sample in pack.samples
        for name, value, code in zip(sample.names, sample.values, sample.quality, strict=True)
    ]
    expected = list(_readings(rows))
    assert len(taken) == len(expected), f"{len(taken)} readings, expected {len(expected)}"
    for (device, name, time_ms, value, code), wanted in zip(taken, expected, strict=True):
        assert (device, name, code) == (wanted[0], wanted[1], wanted[4]), f"{device, name, code} for {wanted}"
        assert abs(time_ms - wanted[2]) <= _rounding_ms(wanted[2]), f"{time_ms} ms for {wanted}"
        assert (value is None) == (wanted[3] is None), f"{value} for {wanted}"
        if value is not None and wanted[3] is not None:
            assert abs(Fraction(value) - wanted[3]) <= _precision(wanted[3]), f"{value} for {wanted}"


def _rounding_ms(time_ms: Fraction) -> Fraction:
    """Half a millisecond, and what a float64 of seconds cannot tell apart."""
    return Fraction(1, 2) + 1000 * Fraction(ulp(float(time_ms / 1000)))


def _precision(value: Fraction) -> Fraction:
    return max(abs(value), Fraction(300)) * Fraction(1, 10**12)


def _records(payload: bytes) -> list[dict[str, Any]]:
    if 0x80 <= payload[0] < 0xA0:
        rows = cbor2.load(io.BytesIO(payload))
        return [{_LABELS.get(key, str(key)): value for key, value in row.items()} for row in rows]
    document = zlib.decompress(payload) if payload[0] == 0x78 else payload
    parsed: list[dict[str, Any]] = json.loads(document.decode("utf-8"), parse_float=Decimal, parse_int=Decimal)
    return parsed


def _readings(rows: list[dict[str, Any]]) -> Iterator[Reading]:
    base: dict[str, Any] = {}
    for row in rows:
        base |= {label: row[label] for label in ("bn", "bt", "bu", "bv") if row.get(label) is not None}
        is_gap_record = row.get("gaps") is not None and row.get("vs") == "gaps"
        if is_gap_record or all(row.get(label) is None for label in ("v", "vs", "vb", "vd")):
            continue
        device, _, key = ((base.get("bn") or "") + (row.get("n") or "")).rpartition("/")
        yield device or "main", key, _time_ms(base, row), *_value(base, row)


def _time_ms(base: dict[str, Any], row: dict[str, Any]) -> Fraction:
    time_s = Fraction(float(base.get("bt") or 0)) + Fraction(float(row.get("t") or 0))
    return time_s * 1000 + (RECEIVED_MS if time_s < _RELATIVE_BELOW_S else 0)


def _value(base: dict[str, Any], row: dict[str, Any]) -> tuple[Fraction | None, int]:
    if row.get("vs") is not None:
        return None, int(BY_REASON[row["vs"]])
    code = int(row.get("q") or 0)
    assert code < FIRST_BAD, "a value of bad quality"
    is_switch = row.get("vb") is not None
    unit = UNITS[row.get("u") or base.get("bu") or ("/" if is_switch else "")]
    number = float(row["vb"]) if is_switch else float(row["v"])
    added = 0.0 if is_switch else float(base.get("bv") or 0)
    if any(isinf(each) or isnan(each) for each in (number, added, number + added)):
        return None, int(Quality.NOT_A_NUMBER)
    value = Fraction(number) + Fraction(added)
    value = value * Fraction(unit.factor) / Fraction(unit.divisor) + Fraction(unit.offset)
    limit = QUANTITIES[unit.quantity]
    margin = _precision(value)
    if limit.low + margin <= value <= limit.high - margin:
        return value, code
    if value < Fraction(limit.low) - margin or value > Fraction(limit.high) + margin:
        return None, int(Quality.NOT_PLAUSIBLE)
    return _at_the_limit(number, added, unit.to_canonical, limit.low, limit.high, value, code)


def _at_the_limit(
    number: float, added: float, convert: Any, low: float, high: float, exact: Fraction, code: int
) -> tuple[Fraction | None, int]:
    """Within a rounding error of what is possible, the codec's own arithmetic says on which side a value is."""
    return (exact, code) if low <= convert(number + added) <= high else (None, int(Quality.NOT_PLAUSIBLE))
