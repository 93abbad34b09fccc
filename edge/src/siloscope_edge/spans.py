"""Sets of whole numbers as ranges: what is pending, what is accounted for. Long runs cost as much as one number."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator

Span = tuple[int, int]
"""Half-open: first number, and the one behind the last."""


class Spans:
    """A mutable set of numbers, kept as ascending half-open ranges that never touch each other.

    >>> numbers = Spans([(1, 4)]); numbers.add(4, 6); numbers.remove(2, 3); list(numbers.ranges())
    [(1, 2), (3, 6)]
    """

    def __init__(self, ranges: Iterable[Span] = ()) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        for first, end in ranges:
            self.add(first, end)

    def add(self, first: int, end: int) -> None:
        """Take in every number of [first, end)."""
        if first >= end:
            return
        low = bisect_left(self._ends, first)
        high = bisect_right(self._starts, end)
        if low < high:
            first = min(first, self._starts[low])
            end = max(end, self._ends[high - 1])
        self._starts[low:high] = [first]
        self._ends[low:high] = [end]

    def remove(self, first: int, end: int) -> None:
        """Leave out every number of [first, end)."""
        if first >= end:
            return
        low = bisect_right(self._ends, first)
        high = bisect_left(self._starts, end)
        if low >= high:
            return
        kept = []
        if self._starts[low] < first:
            kept.append((self._starts[low], first))
        if self._ends[high - 1] > end:
            kept.append((end, self._ends[high - 1]))
        self._starts[low:high] = [start for start, _ in kept]
        self._ends[low:high] = [stop for _, stop in kept]

    def add_all(self, other: "Spans") -> None:
        """Take in every number of ``other``."""
        for first, end in other.ranges():
            self.add(first, end)

    def remove_all(self, other: "Spans") -> None:
        """Leave out every number of ``other``."""
        for first, end in other.ranges():
            self.remove(first, end)

    def first_from(self, number: int) -> int | None:
        """Return the least member that is not below ``number``."""
        at = bisect_right(self._ends, number)
        return max(number, self._starts[at]) if at < len(self._starts) else None

    def within(self, first: int, end: int) -> "Spans":
        """Return the members in [first, end)."""
        low, high = bisect_right(self._ends, first), bisect_left(self._starts, end)
        found = Spans()
        found._starts, found._ends = self._starts[low:high], self._ends[low:high]
        if low < high:
            found._starts[0] = max(found._starts[0], first)
            found._ends[-1] = min(found._ends[-1], end)
        return found

    def shifted(self, by: int) -> "Spans":
        """Return the members, each plus ``by``."""
        moved = Spans()
        moved._starts = [start + by for start in self._starts]
        moved._ends = [end + by for end in self._ends]
        return moved

    def without(self, other: "Spans") -> "Spans":
        """Return the members that are not in ``other``."""
        left = Spans(self.ranges())
        left.remove_all(other)
        return left

    def ranges(self) -> Iterator[Span]:
        """Yield the ranges, ascending."""
        return iter(list(zip(self._starts, self._ends, strict=True)))

    def __contains__(self, number: int) -> bool:
        at = bisect_right(self._starts, number) - 1
        return at >= 0 and number < self._ends[at]

    def __len__(self) -> int:
        return sum(self._ends) - sum(self._starts)

    def __bool__(self) -> bool:
        return bool(self._starts)

    def __iter__(self) -> Iterator[int]:
        for first, end in self.ranges():
            yield from range(first, end)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Spans) and list(self.ranges()) == list(other.ranges())

    __hash__ = None  # type: ignore[assignment]  # it is mutable, as list is

    def __repr__(self) -> str:
        return f"Spans({list(self.ranges())})"
