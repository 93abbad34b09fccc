"""Packs: the samples of one MQTT message, as SenML both ways.

The codec, and nothing after it, converts secondary units, rounds times to whole milliseconds and turns what is no
usable value into a quality. Extension labels: ``epoch`` and ``seq`` number the pack, ``q`` carries a reading's quality,
``gaps`` the gap records.
"""

from operator import le

from siloscope_contract import gaps, senml, templates
from siloscope_contract.errors import ContractError
from siloscope_contract.gaps import Gap
from siloscope_contract.quality import FIRST_BAD, Quality
from siloscope_contract.resolution import MAX_TIME_S, RELATIVE_BELOW_S, number, resolve
from siloscope_contract.samples import Epoch, Pack, Refusal, Sample
from siloscope_contract.senml import Form, PlainRecord, Record
from siloscope_contract.shapes import Shape, shape

__all__ = ["Epoch", "Form", "Gap", "Pack", "Refusal", "Sample", "decode", "encode"]


def decode(payload: bytes, *, received_ms: int) -> Pack:
    """Read a pack in any of its forms.

    Args:
        payload: The MQTT message's payload.
        received_ms: When it arrived, milliseconds since 1970 UTC; relative times count from there.

    Raises:
        MalformedPack: It cannot be accepted as a whole; ``epoch`` and ``seq`` are set where they could be read.
    """
    document, form = senml.unpack(payload)
    if form is not Form.CBOR:
        pack = templates.read(document) or _plain(document)
        if pack is not None:
            return pack
    return resolve(senml.records(document, form), received_ms)


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


_NOTHING_UNUSUAL = (None,) * 10


def _plain(document: bytes) -> Pack | None:
    """Decode what nearly every message is: one sample, each record a name and a good value; ``None`` for all else."""
    parts = senml.split(document) if b'_"' not in document else None
    found = _plain_sample(*parts) if parts is not None else None
    if parts is None or found is None:
        return None
    sample, known = found
    pack = Pack(*number(parts[0]), [sample])
    templates.learn(document, known)
    return pack


def _plain_sample(first: Record, rest: list[PlainRecord]) -> tuple[Sample, Shape] | None:
    bn, bt, n, v = first.bn, first.bt, first.n, first.v
    if bn is None or bt is None or n is None or v is None or not RELATIVE_BELOW_S <= bt < MAX_TIME_S:
        return None
    unusual = (first.bu, first.bv, first.bs, first.bver, first.vs, first.vb, first.vd, first.s, first.t, first.gaps)
    if unusual != _NOTHING_UNUSUAL:
        return None
    names = (n, *[row.n for row in rest])
    units = (first.u or "", *[row.u or "" for row in rest])
    try:
        known = shape(bn, names, units)
    except ContractError:
        return None  # the general way says which record
    if known is None or known.converts or known.repeats:
        return None
    values = [v, *[row.v for row in rest]]
    quality = [first.q or 0, *[row.q for row in rest]]
    if any(quality) or not (all(map(le, known.lows, values)) and all(map(le, values, known.highs))):
        return None
    return Sample(known.device, round(bt * 1000), known.names, known.units, [*values], quality), known
