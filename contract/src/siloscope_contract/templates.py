"""Templates: samples that differ from an earlier one in nothing but their numbers are read without parsing them again.

A node sends the same text over and over, with other times, another number and other values in it. A document is cut
where a record begins with a base field, which is where a sample begins. Of each sample the text around the values is
compiled once, by a decoder that takes nothing unusual. A later sample fits when every byte of that text is where it was
and what stands between is a JSON number; so it says what the general decoder would have said, at a sixth of the cost.
"""

import re

import msgspec

from siloscope_contract.bounded import Bounded
from siloscope_contract.errors import ContractError
from siloscope_contract.quality import BY_REASON, CODES, FIRST_BAD
from siloscope_contract.resolution import MAX_TIME_S, RELATIVE_BELOW_S
from siloscope_contract.samples import Epoch, Pack, Sample
from siloscope_contract.shapes import shape
from siloscope_contract.texts import VALUE, Found, Series, Text, between, forget_shared

_HEAD = re.compile(
    rb'\[\{(?:"bn": ?"([^"\\]{0,140})", ?)?(?:"bt": ?(\d{1,15}(?:\.\d{1,9})?), ?)?'
    rb'(?:"epoch": ?"([0-9a-f]{32})", ?"seq": ?([1-9]\d{0,17}), ?)?(?="n":)'
)
_CUT = b'},{"b'
_NEXT_BASE = re.compile(rb'n":"([^"\\]{1,140})",(?:"bt":(\d{1,15}(?:\.\d{1,9})?),)?(?="n":)')
_NEXT_TIME = b't":'
_VALUES = re.compile(rb'"v":[-+.0-9eE \t\r\n]+')
_NUMBER_BYTES = b"0123456789+-.eE \t\r\n"

_numbers = msgspec.json.Decoder(list[float]).decode


class _Reading(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """A record as nearly all are: a name with a value or the reason of a failure, and neither base fields nor time."""

    n: str
    v: float | None = None
    vs: str | None = None
    u: str | None = None
    q: int | None = None


_readings = msgspec.json.Decoder(list[_Reading]).decode


_known: Bounded[tuple[bytes, bytes], Text] = Bounded(most=65_536, heaviest=2**25)
_last: dict[bytes, Text] = {}
_series: Bounded[tuple[bytes, int], Series] = Bounded(most=16_384, heaviest=2**25)
"""Both weigh as many bytes as their texts are long: a message may bring a megabyte of them."""


def forget() -> None:
    """Forget all texts."""
    _known.forget()
    _last.clear()
    _series.forget()
    forget_shared()


def read(document: bytes, received_ms: int) -> Pack | None:
    """Return the pack of a JSON message of samples without anything unusual, or None: then it must be decoded."""
    head = _HEAD.match(document)
    if head is None or document[-2:] != b"}]":
        return None
    base, time, epoch, seq = head.groups(b"")
    rest = document[head.end() : -2]
    text = _last.get(base)
    if text is not None and len(rest) < 2 * text.fixed_bytes:
        joined = between(text, rest)
        if joined is not None:
            return _single(text, time, joined, epoch, seq, received_ms)
    key = base, rest.count(b"b")  # each sample begins with a label that has one
    series = _series.get(key)
    if series is not None:
        joined = series.between(rest)
        if joined is not None:
            return _decoded(series.found, [time or b"0", joined], epoch, seq, received_ms)
    return _read_each(key, time, rest.split(_CUT), epoch, seq, received_ms)


def texts(document: bytes) -> list[Text] | None:
    """Return the texts that the samples of a message fit, in order, or None where it must be decoded."""
    head = _HEAD.match(document)
    if head is None or document[-2:] != b"}]":
        return None
    base = head.group(1) or b""
    first, *others = document[head.end() : -2].split(_CUT)
    fitting = _fitting(base, first)
    if fitting is None:
        return None
    found: list[Found] = [(fitting[0], True)]
    joined = [b"", fitting[1]]
    if not _read_others(base, others, found, joined, []):
        return None
    fit = all(_holds(text, numbers) for (text, _), numbers in zip(found, joined[1::2], strict=True))
    return [text for text, _ in found] if fit else None


def _single(text: Text, time: bytes, joined: bytes, epoch: bytes, seq: bytes, received_ms: int) -> Pack | None:
    """Return the pack of one sample, which most packs are."""
    try:
        time_s, *numbers = _numbers(b"[%b,%b]" % (time or b"0", joined) if joined else b"[%b]" % (time or b"0"))
    except msgspec.MsgspecError:
        return None
    if len(numbers) != len(text.suffixes):
        return None
    if RELATIVE_BELOW_S <= time_s < MAX_TIME_S:
        sample = text.sample(round(time_s * 1000), numbers)
        if sample is None:
            return None
        return Pack(Epoch(epoch.decode()), int(seq), [sample]) if seq else Pack(None, None, [sample])
    if seq or time_s >= MAX_TIME_S:
        return None
    sample = text.sample(received_ms + round(time_s * 1000), numbers)
    return None if sample is None else Pack(None, None, [sample], True)


def _read_each(
    key: tuple[bytes, int], time: bytes, chunks: list[bytes], epoch: bytes, seq: bytes, received_ms: int
) -> Pack | None:
    """Return the pack of several samples, or of a text that is not the last one of its device."""
    base, (first, *others) = key[0], chunks
    fitting = _fitting(base, first)
    if fitting is None:
        return None
    found: list[Found] = [(fitting[0], True)]
    joined = [time or b"0", fitting[1]]
    heads = [b""]
    if others and not _read_others(base, others, found, joined, heads):
        return None
    if others:
        series = Series(found, heads)
        _series.put(key, series, series.fixed_bytes)
    return _decoded(found, joined, epoch, seq, received_ms)


def _read_others(base: bytes, chunks: list[bytes], found: list[Found], joined: list[bytes], heads: list[bytes]) -> bool:
    """Read all samples behind the first; return whether that could be done."""
    for chunk in chunks:
        if chunk.startswith(_NEXT_TIME):
            time, _, body = chunk[3:].partition(b",")
            if not time:
                return False
            timed = True
            heads.append(_CUT[:-2])
        else:
            follows = _NEXT_BASE.match(chunk)
            if follows is None:
                return False
            base, time = follows.groups(b"")
            timed = bool(time)
            body = chunk[follows.end() :]
            heads.append(b'%bn":"%b",' % (_CUT, base))
        fitting = _fitting(base, body)
        if fitting is None:
            return False
        found.append((fitting[0], timed))
        joined += (time, fitting[1])
    return True


def _decoded(found: list[Found], joined: list[bytes], epoch: bytes, seq: bytes, received_ms: int) -> Pack | None:
    """Return the pack of samples, given all their numbers in order, as text."""
    try:
        numbers = _numbers(b"[%b]" % b",".join(filter(None, joined)))
    except msgspec.MsgspecError:
        return None
    return _pack(found, numbers, epoch, seq, received_ms)


def _fitting(base: bytes, body: bytes) -> tuple[Text, bytes] | None:
    """Return the text that the records of a sample fit, and their numbers, between commas."""
    text = _last.get(base)
    if text is not None:
        numbers = between(text, body)
        if numbers is not None and not numbers.translate(None, _NUMBER_BYTES + b","):
            return text, numbers
    skeleton = _VALUES.sub(VALUE, body)
    text = _known.get((base, skeleton))
    if text is None:
        text = _compiled(base, body)
        if text is None:
            return None
        if not _known.has_room((base, skeleton), len(skeleton)):
            forget()
        _known.put((base, skeleton), text, len(skeleton))
    numbers = between(text, body)
    if numbers is None:
        return None
    _last[base] = text
    return text, numbers


def _holds(text: Text, joined: bytes) -> bool:
    """Say whether what stands where a text has values are as many numbers."""
    try:
        return len(_numbers(b"[%b]" % joined)) == text.values
    except msgspec.MsgspecError:
        return False


def _pack(found: list[Found], numbers: list[float], epoch: bytes, seq: bytes, received_ms: int) -> Pack | None:
    """Return the pack, or None where the general decoder has more to say about it."""
    samples: list[Sample] = []
    relative = False
    device, before_ms = "", 0
    at = time_ms = 0
    for text, timed in found:
        if timed:
            if at == len(numbers):
                return None
            time_s = numbers[at]
            at += 1
            if RELATIVE_BELOW_S <= time_s < MAX_TIME_S:
                time_ms = round(time_s * 1000)
            elif seq or not 0 <= time_s < RELATIVE_BELOW_S:
                return None
            else:
                relative = True
                time_ms = received_ms + round(time_s * 1000)
        end = at + text.values
        if end > len(numbers):
            return None
        sample = text.sample(time_ms, numbers[at:end])
        if sample is None or (time_ms == before_ms and sample.device == device):
            return None  # what is of one device and instant is one sample, unless it contradicts itself
        at = end
        device, before_ms = sample.device, time_ms
        samples.append(sample)
    if at != len(numbers):
        return None
    if seq:
        return Pack(Epoch(epoch.decode()), int(seq), samples)
    return Pack(None, None, samples, relative)


def _compiled(base: bytes, body: bytes) -> Text | None:
    """Return the text of a sample, or None where anything in it is unusual."""
    if b"\\" in body or not body.isascii():
        return None  # an escaped label would be a value that stands where the text does not say
    try:
        rows = _readings(b"[{%b}]" % body)
        symbols = tuple(_symbol(row) for row in rows)
        found = shape(base.decode(), tuple(row.n for row in rows), symbols)
    except (msgspec.MsgspecError, UnicodeDecodeError, ContractError, KeyError):
        return None
    prefix, *parts = body.split(VALUE)
    values = sum(symbol is not None for symbol in symbols)
    if found is None or found.repeats or values != len(parts):
        return None
    quality = [_code(row) for row in rows]
    suffixes = tuple(part.lstrip(_NUMBER_BYTES) for part in parts)
    return Text(base, prefix, suffixes, found, quality) if _holds_all_values(prefix, suffixes) else None


def _holds_all_values(prefix: bytes, suffixes: tuple[bytes, ...]) -> bool:
    """Say whether every value stands where the text is cut: of a label that stands twice, the last one counts.

    With numbers of ours in those places, exactly these must come out.
    """
    numbered = b"".join(b"%b%d%b" % (VALUE, at, suffix) for at, suffix in enumerate(suffixes))
    values = [row.v for row in _readings(b"[{%b%b}]" % (prefix, numbered))]
    return [value for value in values if value is not None] == list(range(len(suffixes)))


def _symbol(row: _Reading) -> str | None:
    """Return the unit of a reading as it came, None where it failed.

    Raises:
        KeyError: It says neither a value nor a known failure, or both, or a quality that does not go with it.
    """
    if row.vs is None:
        if row.v is None or (row.q is not None and (row.q >= FIRST_BAD or row.q not in CODES)):
            raise KeyError(row.n)
        return row.u or ""
    code = BY_REASON[row.vs]
    if row.v is not None or code < FIRST_BAD or row.q not in (None, int(code)):
        raise KeyError(row.n)
    return None


def _code(row: _Reading) -> int:
    return int(BY_REASON[row.vs]) if row.vs is not None else row.q or 0
