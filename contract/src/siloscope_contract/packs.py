"""Packs: the samples of one MQTT message, as SenML both ways.

The codec, and nothing after it, converts secondary units, rounds times to whole milliseconds and turns what is no
usable value into a quality. Extension labels: ``epoch`` and ``seq`` number the pack, ``q`` carries a reading's quality,
``gaps`` the gap records.
"""

from functools import lru_cache
from math import isfinite
from typing import Any, NewType

import msgspec

from siloscope_contract import gaps, senml
from siloscope_contract.errors import ContractError, MalformedPack
from siloscope_contract.gaps import Gap
from siloscope_contract.names import EXPECTED_SLUG, is_slug
from siloscope_contract.quality import BY_REASON, CODES, FIRST_BAD, Quality
from siloscope_contract.quantities import QUANTITIES
from siloscope_contract.senml import Form, PlainRecord, Record
from siloscope_contract.units import Unit, unit

__all__ = ["Epoch", "Form", "Gap", "Pack", "Refusal", "Sample", "decode", "encode"]

Epoch = NewType("Epoch", str)
"""One start of an agent: 128 random bits as 32 lower-case hexadecimal digits."""

DEFAULT_DEVICE = "main"
"""The device of a name that says none: ``{"n": "temperature", …}`` from a node that is its own device."""

RELATIVE_BELOW_S = 2.0**28
"""A time below this is relative to now (RFC 8428, 4.5.3)."""

MAX_SEQ = 2**63 - 2
_MAX_TIME_S = 2.0**43
"""Beyond this a float64 of seconds no longer tells milliseconds apart."""

_NOT_A_NUMBER = int(Quality.NOT_A_NUMBER)
_NOT_PLAUSIBLE = int(Quality.NOT_PLAUSIBLE)


class Sample(msgspec.Struct, gc=False):
    """All channels of one device at one instant, in wire order; the four lists are of one length.

    Attributes:
        device: The device's slug.
        time_ms: Milliseconds since 1970-01-01 UTC.
        names: Channel keys, each once.
        units: Canonical units; ``None`` for a failed reading, ``""`` for a number without unit.
        values: The value in that unit, or ``None`` for a failed reading.
        quality: Codes of ``Quality``; 200 and above exactly where the value is ``None``.
    """

    device: str
    time_ms: int
    names: tuple[str, ...]
    units: tuple[str | None, ...]
    values: list[float | None]
    quality: list[int]


class Refusal(msgspec.Struct, frozen=True):
    """A reading that was not taken as it came, so its message belongs in quarantine; the others stand."""

    device: str
    name: str
    time_ms: int
    reason: str
    detail: str


class Pack(msgspec.Struct):
    """The samples and gap records of one message.

    Attributes:
        epoch: The start of the agent that numbered it; ``None`` from a plain device.
        seq: Its number in that epoch, from 1; ``None`` from a plain device.
        samples: In wire order.
        relative: Some time in it was relative to its arrival.
        refusals: Readings that were not taken as they came.
        gaps: What is known to be absent.
    """

    epoch: Epoch | None
    seq: int | None
    samples: list[Sample]
    relative: bool = False
    refusals: list[Refusal] = []
    gaps: list[Gap] = []


class _Shape(msgspec.Struct, frozen=True):
    """What equal lists of names and units share, checked once."""

    device: str
    names: tuple[str, ...]
    units: tuple[str | None, ...]
    found: tuple[Unit | None, ...]
    lows: tuple[float, ...]
    highs: tuple[float, ...]
    converts: bool
    repeats: bool


def decode(payload: bytes, *, received_ms: int) -> Pack:
    """Read a pack in any of its forms.

    Args:
        payload: The MQTT message's payload.
        received_ms: When it arrived, milliseconds since 1970 UTC; relative times count from there.

    Raises:
        MalformedPack: It cannot be accepted as a whole; ``epoch`` and ``seq`` are set where they could be read.
    """
    document, form = senml.unpack(payload)
    if form is not Form.CBOR and b'_"' not in document:
        parts = senml.split(document)
        if parts is not None:
            pack = _decode_plain(parts[0], parts[1])
            if pack is not None:
                return pack
    return _Reader(received_ms).read(senml.records(document, form))


def encode(pack: Pack, *, form: Form = Form.JSON) -> bytes:
    """Write a pack; ``decode`` gives it back exactly.

    Raises:
        ValueError: A sample's lists differ in length, or a value and its quality contradict each other.
    """
    rows: list[Record] = []
    device, time_ms = None, None
    for sample in pack.samples:
        head = Record(
            bn=f"{sample.device}/" if sample.device != device else None,
            bt=sample.time_ms / 1000 if sample.time_ms != time_ms else None,
        )
        device, time_ms = sample.device, sample.time_ms
        rows.extend(_rows(sample, head))
    if pack.gaps:
        rows.append(Record(bn="agent/", n="gaps", vs=gaps.MARK, gaps=gaps.to_wire(pack.gaps)))
    if rows:
        rows[0].epoch, rows[0].seq = pack.epoch, pack.seq
    return senml.write(rows, form)


def _rows(sample: Sample, head: Record) -> list[Record]:
    rows = []
    columns = zip(sample.names, sample.units, sample.values, sample.quality, strict=True)
    for at, (name, symbol, value, code) in enumerate(columns):
        if (value is None) != (code >= FIRST_BAD):
            raise ValueError(f"{sample.device}/{name}: value {value} with quality {code}")
        row = head if at == 0 else Record()
        row.n = name
        if value is None:
            row.vs, row.q = Quality(code).reason, code
        else:
            row.v, row.u, row.q = value, symbol or None, code or None
        rows.append(row)
    return rows


def _decode_plain(first: Record, rest: list[PlainRecord]) -> Pack | None:
    """Decode what nearly every message is: one sample, each record a name and a value; ``None`` for all else."""
    bn, bt, n, v = first.bn, first.bt, first.n, first.v
    if bn is None or bt is None or n is None or v is None or not RELATIVE_BELOW_S <= bt < _MAX_TIME_S:
        return None
    unusual = (first.bu, first.bv, first.bs, first.bver, first.vs, first.vb, first.vd, first.s, first.t, first.gaps)
    if unusual != _NOTHING_UNUSUAL:
        return None
    names = (n, *[row.n for row in rest])
    units = (first.u or "", *[row.u or "" for row in rest])
    try:
        shape = _shape(bn, names, units)
    except ContractError:
        return None  # the general path says which record
    if shape is None or shape.converts or shape.repeats:
        return None
    values = [v, *[row.v for row in rest]]
    quality = [first.q or 0, *[row.q for row in rest]]
    if any(quality) or not all(map(_within, values, shape.lows, shape.highs)):
        return None
    epoch, seq = _number(first)
    sample = Sample(shape.device, round(bt * 1000), shape.names, shape.units, [*values], quality)
    return Pack(epoch, seq, [sample])


_NOTHING_UNUSUAL = (None,) * 10


def _within(value: float, low: float, high: float) -> bool:
    return low <= value <= high


@lru_cache(maxsize=65_536)
def _shape(base: str, names: tuple[str, ...], units: tuple[str | None, ...]) -> _Shape | None:
    """Return what readings of these names and units share; ``None`` where they are of several devices."""
    full = [_device_and_key(base + name, at) for at, name in enumerate(names)]
    device = full[0][0]
    if any(other != device for other, _ in full):
        return None
    found = tuple(None if symbol is None else unit(symbol, f"record {at + 1}, u") for at, symbol in enumerate(units))
    limits = [QUANTITIES[each.quantity if each else "dimensionless"] for each in found]
    keys = tuple(key for _, key in full)
    return _Shape(
        device,
        keys,
        tuple(None if each is None else each.canonical for each in found),
        found,
        tuple(limit.low for limit in limits),
        tuple(limit.high for limit in limits),
        any(each is not None and each.converts for each in found),
        len(set(keys)) != len(keys),
    )


def _device_and_key(name: str, at: int) -> tuple[str, str]:
    device, slash, key = name.rpartition("/")
    if not slash:
        device = DEFAULT_DEVICE
    if is_slug(device) and is_slug(key):
        return device, key
    raise MalformedPack(
        "malformed_name",
        place=f"record {at + 1}, name",
        found=name,
        expected=f"<device>/<channel>, each {EXPECTED_SLUG}",
    )


def _number(first: Record) -> tuple[Epoch | None, int | None]:
    """Return the epoch and number that the first record states.

    Raises:
        MalformedPack: One of the two is missing, or is not what it should be.
    """
    epoch, seq = first.epoch, first.seq
    if epoch is None and seq is None:
        return None, None
    if epoch is None or len(epoch) != 32 or not _HEX.issuperset(epoch):
        raise MalformedPack("malformed_epoch", place="record 1, epoch", found=epoch, expected="32 digits of 0-9, a-f")
    if seq is None or not 1 <= seq <= MAX_SEQ:
        raise MalformedPack("malformed_seq", place="record 1, seq", found=seq, expected=f"1 to {MAX_SEQ}")
    return Epoch(epoch), seq


_HEX = frozenset("0123456789abcdef")


class _Reader:
    """Resolves records of every kind (RFC 8428, 4.6) into samples."""

    def __init__(self, received_ms: int) -> None:
        self._received_ms = received_ms
        self._bn, self._bt, self._bv = "", 0.0, 0.0
        self._bu: str | None = None
        self._relative = False
        self._open: list[tuple[str, str | None, float | None, int]] = []
        self._open_at: tuple[str, int] | None = None
        self._samples: list[Sample] = []
        self._refusals: list[Refusal] = []
        self._gaps: list[Gap] = []

    def read(self, rows: list[Record]) -> Pack:
        if not rows:
            raise MalformedPack("empty", place="payload", found="[]", expected="at least one record")
        epoch, seq = _number(rows[0])
        try:
            for at, row in enumerate(rows, start=1):
                self._read_row(row, at)
            self._close()
            if seq is not None and self._relative:
                raise MalformedPack(
                    "relative_time_with_seq", place="t", found="a time below 2^28 s", expected="absolute times with seq"
                )
        except ContractError as error:
            refused = error if isinstance(error, MalformedPack) else _as_malformed(error)
            refused.epoch, refused.seq = epoch, seq
            raise refused from error
        return Pack(epoch, seq, self._samples, self._relative, self._refusals, self._gaps)

    def _read_row(self, row: Record, at: int) -> None:
        self._take_base(row, at)
        if row.gaps is not None:
            self._gaps.extend(gaps.from_wire(row.gaps, f"record {at}, gaps"))
            if row.vs == gaps.MARK:
                return
        held = (row.v is not None) + (row.vs is not None) + (row.vb is not None) + (row.vd is not None)
        if held == 0 and row.s is None:
            if row.n is None and row.t is None and row.u is None:
                return  # a record of base fields alone
            raise MalformedPack("no_value", place=f"record {at}", found="no value", expected="one of v, vs, vb")
        if held > 1:
            raise MalformedPack("many_values", place=f"record {at}", found=f"{held} values", expected="one value")
        device, key = _device_and_key(self._bn + (row.n or ""), at - 1)
        time_ms = self._time_ms(row, at)
        if row.s is not None:
            detail = f"record {at}, s: sums are not stored; send the counter itself as a value"
            self._refusals.append(Refusal(device, key, time_ms, "sum_not_stored", detail))
        if held:
            symbol, value, code = self._value(row, at)
            self._add(device, time_ms, key, symbol, value, code)

    def _take_base(self, row: Record, at: int) -> None:
        if row.bver is not None and not 1 <= row.bver <= senml.SUPPORTED_VERSION:
            raise MalformedPack(
                "unsupported_version", place=f"record {at}, bver", found=row.bver, expected="1 to 10 (RFC 8428)"
            )
        self._bn = self._bn if row.bn is None else row.bn
        self._bt = self._bt if row.bt is None else row.bt
        self._bu = self._bu if row.bu is None else row.bu
        self._bv = self._bv if row.bv is None else row.bv

    def _time_ms(self, row: Record, at: int) -> int:
        time_s = self._bt + (row.t or 0.0)
        if not isfinite(time_s) or abs(time_s) >= _MAX_TIME_S:
            raise MalformedPack("malformed_time", place=f"record {at}, t", found=time_s, expected="seconds since 1970")
        if time_s < RELATIVE_BELOW_S:
            self._relative = True
            return self._received_ms + round(time_s * 1000)
        return round(time_s * 1000)

    def _value(self, row: Record, at: int) -> tuple[str | None, float | None, int]:
        """Return unit, value (before conversion) and quality of a record."""
        if row.vs is not None or row.vd is not None:
            return None, None, _failed(row, at)
        code = row.q or 0
        if code >= FIRST_BAD or code not in CODES:
            raise MalformedPack(
                "malformed_quality", place=f"record {at}, q", found=code, expected="a good or uncertain quality"
            )
        if row.vb is not None:
            return "/" if row.u is None and self._bu is None else (row.u or self._bu), float(row.vb), code
        value = (row.v or 0.0) + self._bv if self._bv else row.v
        return row.u or self._bu or "", value, code

    def _add(self, device: str, time_ms: int, key: str, symbol: str | None, value: float | None, code: int) -> None:
        if symbol is not None:
            unit(symbol, f"{device}/{key}, u")
        repeated = any(key == name for name, *_ in self._open)
        if self._open_at != (device, time_ms) or repeated:
            self._close()
            self._open_at = (device, time_ms)
        self._open.append((key, symbol, value, code))

    def _close(self) -> None:
        if not self._open or self._open_at is None:
            return
        device, time_ms = self._open_at
        names, units, values, quality = map(list, zip(*self._open, strict=True))
        shape = _shape(f"{device}/", tuple(names), tuple(units))
        assert shape is not None  # all names share the device
        for at in range(len(values)):
            self._settle(shape, at, values, quality, time_ms)
        symbols = tuple(
            None if code >= FIRST_BAD else symbol for symbol, code in zip(shape.units, quality, strict=True)
        )
        self._samples.append(Sample(device, time_ms, shape.names, symbols, values, quality))
        self._open = []

    def _settle(self, shape: _Shape, at: int, values: list[Any], quality: list[int], time_ms: int) -> None:
        """Convert one value to its canonical unit; what is no possible value becomes a failed reading."""
        found = shape.found[at]
        if found is None:
            return
        value = values[at]
        if isfinite(value):
            value = found.to_canonical(value)
            if shape.lows[at] <= value <= shape.highs[at]:
                values[at] = value
                return
            reason, code = "not_plausible", _NOT_PLAUSIBLE
            expected = f"{shape.lows[at]:g} to {shape.highs[at]:g} {found.canonical}"
        else:
            reason, code, expected = "not_a_number", _NOT_A_NUMBER, "a finite number"
        detail = f"{shape.device}/{shape.names[at]}: found {values[at]!r} {found.symbol}, expected {expected}"
        self._refusals.append(Refusal(shape.device, shape.names[at], time_ms, reason, detail))
        values[at], quality[at] = None, code


def _failed(row: Record, at: int) -> int:
    """Return the quality of a failed reading, which says its reason in place of a value."""
    known = BY_REASON.get(row.vs or "")
    if known is None or known < FIRST_BAD:
        raise MalformedPack(
            "text_value",
            place=f"record {at}, {'vs' if row.vs is not None else 'vd'}",
            found=row.vs if row.vs is not None else row.vd,
            expected="a number in v, or the reason of a failed reading in vs",
        )
    if row.q is not None and row.q != known:
        raise MalformedPack("malformed_quality", place=f"record {at}, q", found=row.q, expected=f"{int(known)}")
    return int(known)


def _as_malformed(error: ContractError) -> MalformedPack:
    return MalformedPack(error.reason, place=error.place, found=error.found, expected=error.expected)
