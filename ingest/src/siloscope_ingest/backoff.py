"""Pauses between tries: short at first, then longer, up to a limit."""

from dataclasses import dataclass

_FIRST_S = 0.1
_LONGEST_S = 5.0


@dataclass
class Backoff:
    """Doubles from `first_s` to `longest_s`.

    >>> pauses = Backoff(first_s=0.1, longest_s=0.3)
    >>> [pauses.next_s() for _ in range(3)]
    [0.1, 0.2, 0.3]
    """

    first_s: float = _FIRST_S
    longest_s: float = _LONGEST_S

    def next_s(self) -> float:
        """Return the next pause."""
        pause_s = self.first_s
        self.first_s = min(self.longest_s, self.first_s * 2)
        return pause_s
