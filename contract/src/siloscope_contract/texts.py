"""Texts: what stands around the numbers of samples that differ from earlier ones in nothing else."""

from collections.abc import Sequence
from operator import le
from typing import Any

from siloscope_contract.bounded import Bounded
from siloscope_contract.samples import Sample
from siloscope_contract.shapes import Shape

VALUE, TIME = b'"v":', b'"bt":'

_shared: Bounded[tuple[bytes, ...], tuple[bytes, ...]] = Bounded(most=65_536, heaviest=1_000_000)
"""Many devices send the same text, each under its own name: what is equal is kept once.

It weighs as many pieces as it has. Where failures come and go, hardly two messages of many samples are of one text.
"""


def forget_shared() -> None:
    """Forget what texts share; those that are in use keep it."""
    _shared.forget()


def _kept_once(pieces: tuple[bytes, ...]) -> tuple[bytes, ...]:
    found = _shared.get(pieces)
    if found is None:
        _shared.put(pieces, pieces, len(pieces))
        return pieces
    return found


class Text:
    """What stands around the values of one sample of one device.

    Attributes:
        base: The base name that stands before it.
        prefix: Up to the first value.
        suffixes: What stands behind each value, up to the next one.
        fixed_bytes: How long all of that is together.
        values: How many values that are.
        shape: What samples of this text share.
    """

    __slots__ = (
        "_converts",
        "_good",
        "_highest",
        "_highs",
        "_lowest",
        "_lows",
        "_quality",
        "_width",
        "base",
        "fixed_bytes",
        "prefix",
        "shape",
        "suffixes",
        "values",
    )

    def __init__(
        self, base: bytes, prefix: bytes, suffixes: tuple[bytes, ...], found: Shape, quality: list[int]
    ) -> None:
        self.base = base
        self.prefix = prefix
        self.suffixes = _kept_once(suffixes)
        self.values = len(suffixes)
        self.fixed_bytes = len(prefix) + sum(len(VALUE) + len(suffix) for suffix in suffixes)
        self.shape = found
        good = [at for at, unit in enumerate(found.found) if unit is not None]
        self._quality = quality
        self._width = len(found.names)
        self._good = None if len(good) == self._width else good
        self._lows = tuple(found.lows[at] for at in good)
        self._highs = tuple(found.highs[at] for at in good)
        self._lowest, self._highest = max(self._lows, default=0.0), min(self._highs, default=0.0)
        units = [unit for unit in found.found if unit is not None]
        self._converts = [unit.to_canonical for unit in units] if found.converts else None

    @property
    def good(self) -> Sequence[int]:
        """The readings that have values, as places in the sample."""
        return range(self._width) if self._good is None else self._good

    @property
    def pieces(self) -> tuple[bytes, ...]:
        """What stands before each value, and behind the last one."""
        around = (self.prefix, *self.suffixes)
        return (*(piece + VALUE for piece in around[:-1]), around[-1])

    def sample(self, time_ms: int, numbers: list[float]) -> Sample | None:
        """Return the sample, or None where the general decoder has more to say about its values."""
        if self._converts is not None:
            numbers = [convert(number) for convert, number in zip(self._converts, numbers, strict=True)]
        if not self._hold(numbers):
            return None
        shape = self.shape
        values: list[Any] = numbers
        if self._good is not None:
            values = [None] * self._width
            for at, number in zip(self._good, numbers, strict=True):
                values[at] = number
        return Sample(shape.device, time_ms, shape.names, shape.units, values, self._quality[:])

    def _hold(self, numbers: list[float]) -> bool:
        """Say whether all is plausible; for most samples one look at the smallest and the largest settles it."""
        ascending = sorted(numbers)
        if not ascending or (ascending[0] >= self._lowest and ascending[-1] <= self._highest):
            return True
        return all(map(le, self._lows, numbers)) and all(map(le, numbers, self._highs))


Found = tuple[Text, bool]
"""The text of a sample, and whether its time stands before its values; it has else that of the one before."""


class Series:
    """What stands around all numbers of a message of several samples, times among them.

    Attributes:
        found: Its samples.
        prefix: Up to the first number.
        suffixes: What stands behind each number, up to the label of the next one.
        times: Which of the numbers are times, but for the first sample's, which stands before all of this; the last
            one first.
        values: How many others there are.
        fixed_bytes: How long all of that is together.
    """

    __slots__ = ("fixed_bytes", "found", "prefix", "suffixes", "times", "values")

    def __init__(self, found: list[Found], heads: list[bytes]) -> None:
        """
        Args:
            found: Its samples.
            heads: What stands before each sample, up to its time where it has one.
        """
        pieces, times = [b""], []
        for at, ((text, timed), head) in enumerate(zip(found, heads, strict=True)):
            pieces[-1] += head
            if timed and at > 0:
                times.append(len(pieces) - 1)
                pieces.append(b",")
            pieces[-1] += text.prefix
            pieces += text.suffixes
        self.found = found
        self.prefix, *suffixes = pieces
        self.suffixes = _kept_once(tuple(suffixes))
        self.times = times[::-1]
        self.values = len(suffixes) - len(times)
        self.fixed_bytes = sum(map(len, pieces)) + len(times) * len(TIME) + self.values * len(VALUE)

    def between(self, body: bytes) -> bytes | None:
        """Return all numbers, between commas, or None where something else is not as here."""
        prefix, *parts = body.split(VALUE)
        if len(parts) != self.values:
            return None
        # Each time stands within one part, whose place is by so many parts lower as there are times before it.
        for behind, place in enumerate(self.times, start=1 - len(self.times)):
            at = place + behind - 1
            if at < 0:
                prefix, label, time = prefix.rpartition(TIME)
            else:
                parts[at], label, time = parts[at].rpartition(TIME)
            if not label:
                return None
            parts.insert(at + 1, time)
        return _joined(self, prefix, parts, body)


def between(text: Text, body: bytes) -> bytes | None:
    """Return what stands where the text has values, or None where something else is not as in the text.

    Whether those are as many JSON numbers is for the decoder of numbers to say.
    """
    prefix, *parts = body.split(VALUE)
    return _joined(text, prefix, parts, body)


def _joined(text: Text | Series, prefix: bytes, parts: list[bytes], body: bytes) -> bytes | None:
    if prefix != text.prefix or len(parts) != len(text.suffixes):
        return None
    joined = b",".join(map(bytes.removesuffix, parts, text.suffixes))
    commas = max(0, len(parts) - 1)
    if len(joined) - commas != len(body) - text.fixed_bytes:
        return None  # something did not end as it should: nothing was removed from it
    # Nothing at all in a value's place would not be missed where another value is two numbers with a comma between.
    return joined if joined or not parts else None
