"""SenML records on the wire (RFC 8428): JSON, CBOR and zlib-compressed JSON, told apart by the first byte.

This module knows labels, forms and sizes; what the records mean is in ``packs``.
"""

import io
import zlib
from collections.abc import Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Any

import cbor2
import msgspec

from siloscope_contract.errors import MalformedPack, shortened

MAX_WIRE_BYTES = 64 * 1024
MAX_UNPACKED_BYTES = 1024 * 1024
SUPPORTED_VERSION = 10
"""The version of RFC 8428; a pack of a higher one must be refused (4.4)."""


class Form(StrEnum):
    """How a pack is written."""

    JSON = "json"
    CBOR = "cbor"
    ZLIB = "zlib"


class Record(msgspec.Struct, gc=False, omit_defaults=True):
    """One SenML record with every field of RFC 8428, 4.3, and our extension labels.

    Labels that end in ``_`` must be understood (4.4); ours do not, so that other SenML readers ignore them.
    """

    bn: str | None = None
    bt: float | None = None
    bu: str | None = None
    bv: float | None = None
    bs: float | None = None
    bver: int | None = None
    epoch: str | None = None
    seq: int | None = None
    n: str | None = None
    u: str | None = None
    v: float | None = None
    vs: str | None = None
    vb: bool | None = None
    vd: str | None = None
    s: float | None = None
    t: float | None = None
    ut: float | None = None
    q: int | None = None
    gaps: list[dict[str, Any]] | None = None


CBOR_LABELS = MappingProxyType(
    {
        -1: "bver", -2: "bn", -3: "bt", -4: "bu", -5: "bv", -6: "bs",
        0: "n", 1: "u", 2: "v", 3: "vs", 4: "vb", 5: "s", 6: "t", 7: "ut", 8: "vd",
    }
)  # fmt: skip
"""RFC 8428, table 4."""

_CBOR_NUMBERS = MappingProxyType({label: number for number, label in CBOR_LABELS.items()})
_KNOWN_LABELS = frozenset(Record.__struct_fields__)
_JSON_STARTS = b"[ \t\r\n"
_ZLIB_START = 0x78
_CBOR_ARRAYS = range(0x80, 0xA0)

_decode_records = msgspec.json.Decoder(list[Record]).decode
_decode_labels = msgspec.json.Decoder(list[dict[str, msgspec.Raw]]).decode
_encode_json = msgspec.json.Encoder().encode


def unpack(payload: bytes) -> tuple[bytes, Form]:
    """Return the payload without compression, and the form it came in.

    Raises:
        MalformedPack: It is empty, too large, or in none of the three forms.
    """
    if not payload:
        raise MalformedPack("empty", place="payload", found=payload, expected="a SenML pack")
    if len(payload) > MAX_WIRE_BYTES:
        raise _too_large(len(payload), "on the wire", MAX_WIRE_BYTES)
    first = payload[0]
    if first in _JSON_STARTS:
        return payload, Form.JSON
    if first == _ZLIB_START:
        return _inflated(payload), Form.ZLIB
    if first in _CBOR_ARRAYS:
        return payload, Form.CBOR
    raise MalformedPack(
        "unknown_form", place="first byte", found=payload[:12], expected="[ (JSON), 0x78 (zlib) or 0x80-0x9f (CBOR)"
    )


def records(document: bytes, form: Form) -> list[Record]:
    """Read all records of an unpacked document.

    Raises:
        MalformedPack: It is not a list of SenML records, or holds a label that must be understood and is not.
    """
    try:
        if form is Form.CBOR:
            return _records_from_cbor(document)
        document.decode("utf-8")  # msgspec skips what stands under labels unknown to it without looking at it
        found = _decode_records(document)
        if b'_"' in document:
            _refuse_unknown_musts(_decode_labels(document))
    except msgspec.MsgspecError as error:
        raise MalformedPack(
            "malformed", place=_place(str(error)), found=document[:60], expected=_expectation(str(error))
        ) from error
    except RecursionError as error:
        raise MalformedPack(
            "malformed", place="payload", found=document[:60], expected="few levels of lists"
        ) from error
    except UnicodeDecodeError as error:
        raise MalformedPack("malformed", place=f"byte {error.start}", found=document[:60], expected="UTF-8") from error
    return found


def write(found: list[Record], form: Form) -> bytes:
    """Return the records in the form."""
    if form is Form.CBOR:
        plain: list[dict[str, Any]] = msgspec.to_builtins(found)
        return cbor2.dumps([{_CBOR_NUMBERS.get(label, label): item for label, item in row.items()} for row in plain])
    document = _encode_json(found)
    return zlib.compress(document, 6) if form is Form.ZLIB else document


def _records_from_cbor(document: bytes) -> list[Record]:
    rows = _cbor_rows(document)
    named = [{_cbor_label(label, at): _cbor_value(value) for label, value in row.items()} for at, row in rows]
    _refuse_unknown_musts(named)
    return msgspec.convert(named, list[Record])


def _cbor_rows(document: bytes) -> list[tuple[int, dict[Any, Any]]]:
    stream = io.BytesIO(document)
    try:
        rows = cbor2.CBORDecoder(stream).decode()
    except (cbor2.CBORDecodeError, ValueError, RecursionError, OverflowError, MemoryError) as error:
        raise MalformedPack("malformed", place="payload", found=document[:24], expected=f"CBOR ({error})") from error
    if stream.read(1):
        raise MalformedPack("malformed", place="payload", found="bytes behind the array", expected="one CBOR array")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise MalformedPack("malformed", place="payload", found=type(rows).__name__, expected="an array of maps")
    return list(enumerate(rows))


def _cbor_label(label: object, at: int) -> str:
    if isinstance(label, str):
        return label
    if isinstance(label, int) and label in CBOR_LABELS:
        return CBOR_LABELS[label]
    if isinstance(label, int):
        return f"label {label}"  # a numeric label of a newer registry: optional by definition
    raise MalformedPack("malformed", place=f"record {at + 1}", found=label, expected="a text or integer label")


def _cbor_value(value: object) -> object:
    """Return a CBOR number as JSON could have said it: RFC 8428, 6, allows decimal fractions."""
    return float(value) if isinstance(value, Decimal) else value


def _inflated(payload: bytes) -> bytes:
    inflater = zlib.decompressobj()
    try:
        document = inflater.decompress(payload, MAX_UNPACKED_BYTES + 1)
    except zlib.error as error:
        raise MalformedPack("malformed", place="payload", found=payload[:24], expected=f"zlib ({error})") from error
    if len(document) > MAX_UNPACKED_BYTES:
        raise _too_large(len(document), "unpacked", MAX_UNPACKED_BYTES)
    if not inflater.eof or inflater.unused_data:
        raise MalformedPack("malformed", place="payload", found="a torn zlib stream", expected="one whole zlib stream")
    if document[:1] not in (b"[", b" ", b"\t", b"\r", b"\n"):
        raise MalformedPack("malformed", place="unpacked payload", found=document[:12], expected="JSON")
    return document


def _refuse_unknown_musts(rows: Sequence[Mapping[str, object]]) -> None:
    for at, row in enumerate(rows):
        for label in row:
            if label.endswith("_") and label not in _KNOWN_LABELS:
                raise MalformedPack(
                    "must_understand",
                    place=f"record {at + 1}",
                    found=label,
                    expected="no label that ends in _ and is unknown here (RFC 8428, 4.4)",
                )


def _too_large(found: int, where: str, limit: int) -> MalformedPack:
    return MalformedPack("too_large", place="payload", found=f"{found} bytes {where}", expected=f"at most {limit}")


def _place(message: str) -> str:
    """Return where msgspec says it found the fault: ``record 3, v`` for ``$[2].v``."""
    _, _, path = message.rpartition("`$")
    if not path or path == message:
        return "payload"
    index, _, label = path.rstrip("`").strip("[]").partition("].")
    if not index.isdigit():
        return "payload"
    return f"record {int(index) + 1}" + (f", {label}" if label else "")


def _expectation(message: str) -> str:
    return shortened(message.partition(" - at")[0])[1:-1]
