"""Packing samples and gap records: numbered, encoded, and within the wire's bounds."""

from collections.abc import Iterator, Sequence

from msgspec import Struct, structs

from siloscope_contract.gaps import Gap
from siloscope_contract.packs import Epoch, Form, Pack, Sample, encode
from siloscope_contract.senml import MAX_WIRE_BYTES

READINGS_PER_PACK = 2000
"""At no more than 400 bytes a reading a pack stays below the 1 MiB that it may unpack to."""
GAPS_PER_PACK = 500
_LONGEST_DETAIL = 1000


class PackedPack(Struct, frozen=True):
    """An encoded pack and what the spool notes about it; the times are None where it carries gap records only."""

    seq: int
    payload: bytes
    first_ms: int | None
    last_ms: int | None
    gaps: int = 0


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
    payload = encode(Pack(epoch, seq, batch), form=form)
    if len(payload) > MAX_WIRE_BYTES and len(batch) > 1:
        half = _encoded(batch[: len(batch) // 2], epoch, seq, form)
        return half + _encoded(batch[len(batch) // 2 :], epoch, seq + len(half), form)
    if len(payload) > MAX_WIRE_BYTES and len(batch[0].names) > 1:
        middle = (
            len(batch[0].names) // 2
        )  # what is of one device and instant becomes one sample again where it is stored
        half = _encoded([_part(batch[0], slice(middle))], epoch, seq, form)
        return half + _encoded([_part(batch[0], slice(middle, None))], epoch, seq + len(half), form)
    times = [sample.time_ms for sample in batch]
    return [PackedPack(seq, payload, min(times), max(times))]


def _part(sample: Sample, of: slice) -> Sample:
    columns = (sample.names[of], sample.units[of], sample.values[of], sample.quality[of])
    return Sample(sample.device, sample.time_ms, *columns)


def _encoded_gaps(gaps: Sequence[Gap], epoch: Epoch, seq: int, form: Form) -> list[PackedPack]:
    payload = encode(Pack(epoch, seq, [], gaps=list(gaps)), form=form)
    if len(payload) <= MAX_WIRE_BYTES:
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
