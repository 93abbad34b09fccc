"""Samples on their way into a file and out of it: named as people name them, in one order, merged by one rule."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

EMPTY = None, None


class GroupName(NamedTuple):
    """A group as it is named for ever; files are ordered by it."""

    node: str
    device: str
    group: str


class ChannelName(NamedTuple):
    """What stands at a position of a group."""

    channel: str
    quantity: str
    unit: str


class Sample(NamedTuple):
    """One row of a sample table, by its group's name; `quality` None says that every value that is there is good."""

    group: GroupName
    time_us: int
    values: tuple[float | None, ...]
    quality: tuple[int | None, ...] | None

    @property
    def key(self) -> tuple[GroupName, int]:
        """What identifies it, and what samples are ordered by."""
        return self.group, self.time_us


def canonical(
    group: GroupName, time_us: int, values: Sequence[float | None], quality: Sequence[int | None] | None
) -> Sample:
    """Return a sample in the one form that it has in a file: 0 and no code beside a value mean the same.

    >>> canonical(GroupName("pi", "head", "main"), 0, [1.5, None], [None, 201]).quality
    (0, 201)
    """
    if quality is None:
        return Sample(group, time_us, tuple(values), None)
    codes = [*quality, *[None] * (len(values) - len(quality))]
    return Sample(
        group,
        time_us,
        tuple(values),
        tuple(0 if value is not None and not code else code for value, code in zip(values, codes, strict=False)),
    )


def merged(first: Iterator[Sample], second: Iterator[Sample]) -> Iterator[Sample]:
    """Return the samples of two ordered streams in one: where both know a sample, the first one's elements stay.

    An element is empty when it has neither value nor quality; only an empty one is filled, as in the database.
    """
    one, two = next(first, None), next(second, None)
    while one is not None or two is not None:
        if two is None or (one is not None and one.key < two.key):
            assert one is not None
            yield one
            one = next(first, None)
        elif one is None or two.key < one.key:
            yield two
            two = next(second, None)
        else:
            yield _filled(one, two)
            one, two = next(first, None), next(second, None)


def readings(sample: Sample) -> int:
    """Return how many elements of a sample say something."""
    quality = sample.quality or ()
    failed = sum(code is not None and value is None for value, code in zip(sample.values, quality, strict=False))
    return failed + sum(value is not None for value in sample.values)


def _filled(kept: Sample, other: Sample) -> Sample:
    if kept == other:
        return kept
    length = max(len(kept.values), len(other.values))
    pairs = [
        mine if mine != EMPTY else theirs
        for mine, theirs in zip(_pairs(kept, length), _pairs(other, length), strict=True)
    ]
    codes = [0 if value is not None and not code else code for value, code in pairs]
    plain = kept.quality is None and other.quality is None
    return Sample(kept.group, kept.time_us, tuple(value for value, _ in pairs), None if plain else tuple(codes))


def _pairs(sample: Sample, length: int) -> list[tuple[float | None, int | None]]:
    values = [*sample.values, *[None] * (length - len(sample.values))]
    codes = [*(sample.quality or ()), *[None] * (length - len(sample.quality or ()))]
    return list(zip(values, codes, strict=True))
