"""Packing samples and gap records: numbered, encoded, and within the wire's bounds.

What has no date yet is no SenML that anybody would take, so it waits in a form of the spool's own.
"""

import zlib
from collections.abc import Iterator, Sequence

import msgspec
from msgspec import Struct, structs

from siloscope_contract.gaps import Gap
from siloscope_contract.packs import Epoch, Form, Pack, Sample, decode, encode
from siloscope_contract.senml import MAX_WIRE_BYTES
from siloscope_edge.instants import EARLIEST_MS, Stamp, dated_gap, dated_sample, is_since_boot

READINGS_PER_PACK = 2000
"""At no more than 400 bytes a reading a pack stays below the 1 MiB that it may unpack to."""
GAPS_PER_PACK = 500
_LONGEST_DETAIL = 1000
_UNDATED = b"\0"
"""The first byte of a payload without dates; no form of SenML begins with it."""
_DATES_TAKE_BYTES = 2048
"""Room for what compressing another date can cost a pack that had none."""
_LATEST = Stamp(10 * EARLIEST_MS + 7, known=False)
_undated = msgspec.msgpack.Decoder(Pack)


class PackedPack(Struct, frozen=True):
    """An encoded pack and what the spool notes about it; the times are None where it carries gap records only."""

    seq: int
    payload: bytes
    first_ms: int | None
    last_ms: int | None
    gaps: int = 0

    @property
    def dated(self) -> bool:
        """Whether it can be sent."""
        return not self.payload.startswith(_UNDATED)


def packed(
    samples: Sequence[Sample], gaps: Sequence[Gap], *, epoch: Epoch, first_seq: int, form: Form
) -> list[PackedPack]:
    """Return the packs that carry these samples, in order, and behind them those that carry the gap records."""
    found: list[PackedPack] = []
    for batch in _batches(samples):
        found += _encoded(batch, epoch, first_seq + len(found), form)
    for at in range(0, len(gaps), GAPS_PER_PACK):
        found += _encoded_gaps(gaps[at : at + GAPS_PER_PACK], epoch, first_seq + len(found), form)
    return found


def unpacked(payload: bytes) -> Pack:
    """Return what a spooled payload holds, with dates or without."""
    if payload.startswith(_UNDATED):
        return _undated.decode(zlib.decompress(payload[1:]))
    return decode(payload, received_ms=0)


def with_dates(payload: bytes, stamp: Stamp, form: Form) -> PackedPack:
    """Return a pack that had no dates with those that the stamp gives it: what is sent, and never changes again."""
    held = unpacked(payload)
    samples = [dated_sample(sample, stamp) for sample in held.samples]
    gaps = [dated_gap(gap, stamp) for gap in held.gaps]
    pack = Pack(held.epoch, held.seq, samples, gaps=gaps)
    times = [sample.time_ms for sample in samples]
    return PackedPack(
        held.seq or 0, encode(pack, form=form), min(times, default=None), max(times, default=None), len(gaps)
    )


def merged(gaps: Sequence[Gap]) -> list[Gap]:
    """Return the gap records with those of neighbouring numbers and of one kind, epoch and device made one."""
    numbered = [gap for gap in gaps if gap.first_seq is not None]
    order = sorted(numbered, key=lambda gap: (gap.kind, gap.epoch or "", gap.device or "", gap.first_seq or 0))
    found: list[Gap] = []
    for gap in order:
        if found and _touches(found[-1], gap):
            found[-1] = _joined(found[-1], gap)
        else:
            found.append(gap)
    return found + [gap for gap in gaps if gap.first_seq is None]


def _batches(samples: Sequence[Sample]) -> Iterator[list[Sample]]:
    batch: list[Sample] = []
    readings = 0
    for sample in samples:
        if batch and readings + len(sample.names) > READINGS_PER_PACK:
            yield batch
            batch, readings = [], 0
        batch.append(sample)
        readings += len(sample.names)
    if batch:
        yield batch


def _encoded(batch: list[Sample], epoch: Epoch, seq: int, form: Form) -> list[PackedPack]:
    payload, too_large = _payload(Pack(epoch, seq, batch), form)
    if too_large and len(batch) > 1:
        half = _encoded(batch[: len(batch) // 2], epoch, seq, form)
        return half + _encoded(batch[len(batch) // 2 :], epoch, seq + len(half), form)
    if too_large and len(batch[0].names) > 1:
        middle = (
            len(batch[0].names) // 2
        )  # what is of one device and instant becomes one sample again where it is stored
        half = _encoded([_part(batch[0], slice(middle))], epoch, seq, form)
        return half + _encoded([_part(batch[0], slice(middle, None))], epoch, seq + len(half), form)
    times = [sample.time_ms for sample in batch]
    return [PackedPack(seq, payload, min(times), max(times))]


def _payload(pack: Pack, form: Form) -> tuple[bytes, bool]:
    """Return a pack as the spool keeps it, and whether no message could hold it."""
    ends = [instant for gap in pack.gaps for instant in (gap.from_ms, gap.to_ms)]
    if not any(map(is_since_boot, [*ends, *(sample.time_ms for sample in pack.samples)])):
        payload = encode(pack, form=form)
        return payload, len(payload) > MAX_WIRE_BYTES
    payload = _UNDATED + zlib.compress(msgspec.msgpack.encode(pack), 6)
    return payload, len(with_dates(payload, _LATEST, form).payload) > MAX_WIRE_BYTES - _DATES_TAKE_BYTES


def _part(sample: Sample, of: slice) -> Sample:
    columns = (sample.names[of], sample.units[of], sample.values[of], sample.quality[of])
    return Sample(sample.device, sample.time_ms, *columns)


def _encoded_gaps(gaps: Sequence[Gap], epoch: Epoch, seq: int, form: Form) -> list[PackedPack]:
    payload, too_large = _payload(Pack(epoch, seq, [], gaps=list(gaps)), form)
    if not too_large:
        return [PackedPack(seq, payload, None, None, len(gaps))]
    if len(gaps) == 1:
        return _encoded_gaps([structs.replace(gaps[0], detail=gaps[0].detail[:_LONGEST_DETAIL])], epoch, seq, form)
    half = _encoded_gaps(gaps[: len(gaps) // 2], epoch, seq, form)
    return half + _encoded_gaps(gaps[len(gaps) // 2 :], epoch, seq + len(half), form)


def _touches(last: Gap, gap: Gap) -> bool:
    same = (last.kind, last.epoch, last.device, last.detail) == (gap.kind, gap.epoch, gap.device, gap.detail)
    return same and (gap.first_seq or 0) <= (last.last_seq or 0) + 1


def _joined(last: Gap, gap: Gap) -> Gap:
    counts = [each.count for each in (last, gap) if each.count is not None]
    return Gap(
        kind=last.kind,
        from_ms=min(last.from_ms, gap.from_ms),
        to_ms=max(last.to_ms, gap.to_ms),
        epoch=last.epoch,
        first_seq=last.first_seq,
        last_seq=max(last.last_seq or 0, gap.last_seq or 0),
        device=last.device,
        count=sum(counts) if len(counts) == 2 else None,
        detail=last.detail,
    )
