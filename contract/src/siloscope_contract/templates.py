"""Templates: messages that differ from an earlier one in nothing but their numbers are read without parsing them again.

A node sends the same text over and over, with another time, another number and other values in it. A template keeps the
text around the values. A message fits when every byte of that text is where it was and what stands between is a JSON
number; so it says what the general decoder would have said, at half of the cost.
"""

import re
from operator import le

import msgspec

from siloscope_contract.resolution import MAX_TIME_S, RELATIVE_BELOW_S
from siloscope_contract.samples import Epoch, Pack, Sample
from siloscope_contract.shapes import Shape

_HEAD = re.compile(
    rb'\[\{"bn":"([^"\\]{1,140})","bt":(\d{1,15}(?:\.\d{1,9})?)'
    rb'(?:,"epoch":"([0-9a-f]{32})","seq":([1-9]\d{0,17}))?,(?="n":)'
)
_VALUE = b'"v":'
_NUMBER_BYTES = b"0123456789+-.eE \t\r\n"
_MOST_KEYS = 65_536
_MOST_ALIKE = 4

_Key = tuple[bytes, bytes, int]
_numbers = msgspec.json.Decoder(list[float]).decode


class _Text:
    """What stands behind each value, up to the next one; shared by all devices that send the same channels."""

    __slots__ = ("fixed_bytes", "suffixes")

    def __init__(self, prefix: bytes, suffixes: tuple[bytes, ...]) -> None:
        self.suffixes = suffixes
        self.fixed_bytes = len(prefix) + sum(len(_VALUE) + len(suffix) for suffix in suffixes)


class _Limits:
    """What is plausible: for most messages one look at the smallest and the largest value settles it."""

    __slots__ = ("highest", "highs", "lowest", "lows")

    def __init__(self, shape: Shape) -> None:
        self.lows, self.highs = shape.lows, shape.highs
        self.lowest, self.highest = max(shape.lows), min(shape.highs)

    def hold(self, values: list[float]) -> bool:
        ascending = sorted(values)
        if ascending[0] >= self.lowest and ascending[-1] <= self.highest:
            return True
        return all(map(le, self.lows, values)) and all(map(le, values, self.highs))


_texts: dict[tuple[bytes, ...], _Text] = {}
_known: dict[_Key, list[tuple[_Text, Shape, _Limits]]] = {}


def read(document: bytes) -> Pack | None:
    """Return the pack of a JSON message that fits a template, or None: then it must be decoded."""
    head = _HEAD.match(document)
    if head is None:
        return None
    at = head.end()
    prefix, *parts = document[at:].split(_VALUE)
    for text, shape, limits in _known.get((head[1], prefix, len(parts)), ()):
        numbers = _fitting(text, parts, head[2], len(document) - at)
        if numbers is not None:
            return _pack(shape, limits, numbers, head)
    return None


def learn(document: bytes, shape: Shape) -> None:
    """Keep the text of a message that was just decoded: one sample, its values good and in their canonical units."""
    head = _HEAD.match(document)
    if head is None:
        return
    prefix, *parts = document[head.end() :].split(_VALUE)
    if len(parts) != len(shape.names):
        return
    if len(_known) >= _MOST_KEYS:
        _known.clear()
        _texts.clear()
    suffixes = tuple(part.lstrip(_NUMBER_BYTES) for part in parts)
    text = _texts.setdefault((prefix, *suffixes), _Text(prefix, suffixes))
    alike = _known.setdefault((head[1], prefix, len(parts)), [])
    if all(known is not text for known, _, _ in alike):
        del alike[: max(0, len(alike) - _MOST_ALIKE + 1)]
        alike.append((text, shape, _Limits(shape)))


def _fitting(text: _Text, parts: list[bytes], time: bytes, tail_bytes: int) -> list[float] | None:
    """Return the time and the values of a message that fits the text."""
    joined = b",".join(map(bytes.removesuffix, parts, text.suffixes))
    if len(joined) - len(parts) + 1 != tail_bytes - text.fixed_bytes:
        return None  # something did not end as it should: nothing was removed from it
    try:
        numbers = _numbers(b"[%b,%b]" % (time, joined))
    except msgspec.MsgspecError:
        return None
    return numbers if len(numbers) == len(parts) + 1 else None


def _pack(shape: Shape, limits: _Limits, numbers: list[float], head: "re.Match[bytes]") -> Pack | None:
    """Return the pack, or None where the general decoder has more to say about it."""
    time_s, *values = numbers
    if not RELATIVE_BELOW_S <= time_s < MAX_TIME_S or not limits.hold(values):
        return None
    sample = Sample(shape.device, round(time_s * 1000), shape.names, shape.units, [*values], [0] * len(values))
    epoch, seq = head[3], head[4]
    return Pack(None, None, [sample]) if epoch is None else Pack(Epoch(epoch.decode()), int(seq), [sample])
