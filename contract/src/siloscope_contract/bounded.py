"""A memory that begins anew when it has become too large: what it holds is found again, and costs no more than time."""

from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Bounded(dict[K, V], Generic[K, V]):
    """A dictionary of which each entry has a weight.

    Args:
        most: So many entries.
        heaviest: So much they may weigh together, unless a single one weighs more.
    """

    def __init__(self, most: int, heaviest: int) -> None:
        super().__init__()
        self.most = most
        self.heaviest = heaviest
        self._weights: dict[K, int] = {}
        self.weight = 0

    def has_room(self, key: K, weight: int) -> bool:
        """Say whether an entry goes in beside what is there."""
        if key not in self and len(self) >= self.most:
            return False
        return self.weight - self._weights.get(key, 0) + weight <= self.heaviest

    def put(self, key: K, value: V, weight: int) -> None:
        """Keep an entry; where there is no room, it alone."""
        if not self.has_room(key, weight):
            self.forget()
        self.weight += weight - self._weights.get(key, 0)
        self._weights[key] = weight
        self[key] = value

    def forget(self) -> None:
        """Forget all of it."""
        self.clear()
        self._weights.clear()
        self.weight = 0
