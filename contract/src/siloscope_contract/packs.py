"""Packs: the samples of one MQTT message, as SenML both ways.

The codec, and nothing after it, converts secondary units, rounds times to whole milliseconds and turns what is no
usable value into a quality. Extension labels: ``epoch`` and ``seq`` number the pack, ``q`` carries a reading's quality,
``gaps`` the gap records.
"""

from siloscope_contract import gaps, senml, templates
from siloscope_contract.gaps import Gap
from siloscope_contract.quality import FIRST_BAD, Quality
from siloscope_contract.resolution import resolve
from siloscope_contract.samples import Epoch, Pack, Refusal, Sample
from siloscope_contract.senml import Form, Record

__all__ = ["Epoch", "Form", "Gap", "Pack", "Refusal", "Sample", "decode", "decode_document", "encode"]


def decode(payload: bytes, *, received_ms: int) -> Pack:
    """Read a pack in any of its forms.

    Args:
        payload: The MQTT message's payload.
        received_ms: When it arrived, milliseconds since 1970 UTC; relative times count from there.

    Raises:
        MalformedPack: It cannot be accepted as a whole; ``epoch`` and ``seq`` are set where they could be read.
    """
    return decode_document(*senml.unpack(payload), received_ms=received_ms)


def decode_document(document: bytes, form: Form, *, received_ms: int) -> Pack:
    """Read what `senml.unpack` gave of a payload, as `decode` does.

    Raises:
        MalformedPack: As there.
    """
    if form is not Form.CBOR:
        pack = templates.read(document, received_ms)
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
