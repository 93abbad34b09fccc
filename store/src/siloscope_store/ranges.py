"""Half-open ranges [first, end) of numbers: the arithmetic of the ledger, without a database."""

from collections.abc import Iterable, Sequence

Range = tuple[int, int]


def of_numbers(numbers: Sequence[int]) -> list[Range]:
    """Return the fewest ranges that hold exactly these numbers, ascending.

    >>> of_numbers([3, 1, 2, 7])
    [(1, 4), (7, 8)]
    """
    if len(numbers) == 1:  # as nearly always, where many nodes send now and then
        return [(numbers[0], numbers[0] + 1)]
    ranges: list[Range] = []
    first = end = None
    for number in sorted(numbers):
        if end is not None and first is not None and number <= end:
            end = max(end, number + 1)
            continue
        if first is not None and end is not None:
            ranges.append((first, end))
        first, end = number, number + 1
    if first is not None and end is not None:
        ranges.append((first, end))
    return ranges


def merged(ranges: Iterable[Range]) -> list[Range]:
    """Return the fewest ranges that cover the same numbers, ascending and apart from each other.

    >>> merged([(5, 9), (1, 3), (3, 6)])
    [(1, 9)]
    """
    found: list[Range] = []
    for first, end in sorted(ranges):
        if found and first <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((first, end))
    return found


def folded(ranges: Sequence[Range], most: int) -> tuple[list[Range], list[Range]]:
    """Split ascending ranges into the older ones, and at most `most` newest ones that stay at hand."""
    cut = max(0, len(ranges) - most)
    return list(ranges[:cut]), list(ranges[cut:])
