"""Resolves SenML records of every kind (RFC 8428, 4.6) into samples.

Nearly every pack takes the shorter way in ``packs``; this one takes them all, and says what is wrong and where.
"""

from math import isfinite
from typing import NamedTuple

from siloscope_contract import gaps, senml
from siloscope_contract.errors import ContractError, MalformedPack
from siloscope_contract.gaps import Gap
from siloscope_contract.quality import BY_REASON, CODES, FIRST_BAD, Quality
from siloscope_contract.samples import Epoch, Pack, Refusal, Sample
from siloscope_contract.senml import Record
from siloscope_contract.shapes import Shape, device_and_key, shape
from siloscope_contract.units import unit

RELATIVE_BELOW_S = 2.0**28
"""A time below this is relative to now (RFC 8428, 4.5.3)."""

MAX_TIME_S = 2.0**43
"""Beyond this a float64 of seconds no longer tells milliseconds apart."""

MAX_SEQ = 2**63 - 2
_HEX = frozenset("0123456789abcdef")


class _Reading(NamedTuple):
    """One resolved record: the unit as it came, the value before conversion."""

    key: str
    symbol: str | None
    value: float | None
    code: int


def resolve(rows: list[Record], received_ms: int) -> Pack:
    """Return the pack that the records spell.

    Args:
        rows: All records of a message.
        received_ms: When it arrived, milliseconds since 1970 UTC.

    Raises:
        MalformedPack: It cannot be accepted as a whole.
    """
    if not rows:
        raise MalformedPack("empty", place="payload", found="[]", expected="at least one record")
    epoch, seq = number(rows[0])
    try:
        pack = _Resolver(received_ms).pack(rows, epoch, seq)
        if seq is not None and pack.relative:
            raise MalformedPack(
                "relative_time_with_seq", place="t", found="a time below 2^28 s", expected="absolute times with seq"
            )
    except ContractError as error:
        refused = MalformedPack(error.reason, place=error.place, found=error.found, expected=error.expected)
        refused.epoch, refused.seq = epoch, seq
        raise refused from error
    return pack


def number(first: Record) -> tuple[Epoch | None, int | None]:
    """Return the epoch and number that a pack's first record states, or two ``None``.

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


class _Resolver:
    """Carries the base fields from record to record, and collects what belongs to one device and instant."""

    def __init__(self, received_ms: int) -> None:
        self._received_ms = received_ms
        self._bn, self._bt, self._bv = "", 0.0, 0.0
        self._bu: str | None = None
        self._relative = False
        self._open: dict[str, _Reading] = {}
        self._open_at = ("", 0)
        self._samples: list[Sample] = []
        self._refusals: list[Refusal] = []
        self._gaps: list[Gap] = []

    def pack(self, rows: list[Record], epoch: Epoch | None, seq: int | None) -> Pack:
        for at, row in enumerate(rows, start=1):
            self._take_base(row, at)
            self._take(row, at)
        self._close()
        return Pack(epoch, seq, self._samples, self._relative, self._refusals, self._gaps)

    def _take_base(self, row: Record, at: int) -> None:
        if row.bver is not None and not 1 <= row.bver <= senml.SUPPORTED_VERSION:
            raise MalformedPack(
                "unsupported_version", place=f"record {at}, bver", found=row.bver, expected="1 to 10 (RFC 8428)"
            )
        self._bn = self._bn if row.bn is None else row.bn
        self._bt = self._bt if row.bt is None else row.bt
        self._bu = self._bu if row.bu is None else row.bu
        self._bv = self._bv if row.bv is None else row.bv

    def _take(self, row: Record, at: int) -> None:
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
        device, key = device_and_key(self._bn + (row.n or ""), f"record {at}, name")
        time_ms = self._time_ms(row, at)
        if row.s is not None:
            detail = f"record {at}, s: sums are not stored; send the counter itself as a value"
            self._refusals.append(Refusal(device, key, time_ms, "sum_not_stored", detail))
        if held:
            self._add(device, time_ms, _Reading(key, *self._value(row, at)))

    def _time_ms(self, row: Record, at: int) -> int:
        time_s = self._bt + (row.t or 0.0)
        if not isfinite(time_s) or abs(time_s) >= MAX_TIME_S:
            raise MalformedPack("malformed_time", place=f"record {at}, t", found=time_s, expected="seconds since 1970")
        if time_s < RELATIVE_BELOW_S:
            self._relative = True
            return self._received_ms + round(time_s * 1000)
        return round(time_s * 1000)

    def _value(self, row: Record, at: int) -> tuple[str | None, float | None, int]:
        """Return unit, value before conversion, and quality of a record."""
        if row.vs is not None or row.vd is not None:
            return None, None, _failed(row, at)
        code = row.q or 0
        if code >= FIRST_BAD or code not in CODES:
            raise MalformedPack(
                "malformed_quality", place=f"record {at}, q", found=code, expected="a good or uncertain quality"
            )
        symbol = row.u or self._bu
        if row.vb is not None:
            return symbol or "/", float(row.vb), code
        unit(symbol or "", f"record {at}, u")
        return symbol or "", (row.v or 0.0) + self._bv if self._bv else row.v, code

    def _add(self, device: str, time_ms: int, reading: _Reading) -> None:
        if self._open_at != (device, time_ms) or reading.key in self._open:
            self._close()
            self._open_at = (device, time_ms)
        self._open[reading.key] = reading

    def _close(self) -> None:
        """Make one sample of the open readings."""
        if not self._open:
            return
        device, time_ms = self._open_at
        names, symbols, values, codes = zip(*self._open.values(), strict=True)
        self._open = {}
        known = shape(f"{device}/", names, symbols)
        assert known is not None  # they share the device
        settled = [
            self._settled(known, at, value, code, time_ms)
            for at, (value, code) in enumerate(zip(values, codes, strict=True))
        ]
        units = tuple(
            None if value is None else symbol for symbol, (value, _) in zip(known.units, settled, strict=True)
        )
        sample_values = [value for value, _ in settled]
        self._samples.append(Sample(device, time_ms, known.names, units, sample_values, [code for _, code in settled]))

    def _settled(self, known: Shape, at: int, value: float | None, code: int, time_ms: int) -> tuple[float | None, int]:
        """Return value and quality in the canonical unit; what is no possible value becomes a failed reading."""
        found = known.found[at]
        if found is None or value is None:
            return value, code
        if isfinite(value):
            # As templates do it: where no unit converts, a value stays what it is to the bit, -0.0 too.
            converted = found.to_canonical(value) if known.converts else value
            if known.lows[at] <= converted <= known.highs[at]:
                return converted, code
            failed, expected = Quality.NOT_PLAUSIBLE, f"{known.lows[at]:g} to {known.highs[at]:g} {found.canonical}"
        else:
            failed, expected = Quality.NOT_A_NUMBER, "a finite number"
        detail = f"{known.device}/{known.names[at]}: found {value!r} {found.symbol}, expected {expected}"
        self._refusals.append(Refusal(known.device, known.names[at], time_ms, failed.reason, detail))
        return None, int(failed)


def _failed(row: Record, at: int) -> int:
    """Return the quality of a failed reading, which says its reason in place of a value."""
    known = BY_REASON.get(row.vs or "")
    if known is None or known < FIRST_BAD:
        raise MalformedPack(
            "text_value",
            place=f"record {at}, {'vd' if row.vs is None else 'vs'}",
            found=row.vd if row.vs is None else row.vs,
            expected="a number in v, or the reason of a failed reading in vs",
        )
    if row.q is not None and row.q != known:
        raise MalformedPack("malformed_quality", place=f"record {at}, q", found=row.q, expected=f"{int(known)}")
    return int(known)
