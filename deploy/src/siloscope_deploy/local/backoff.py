"""How long to wait before a child that died is started again."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Backoff:
    """Doubling waits that forget the past once a child has run well for a while.

    Attributes:
        first_s: Before the first restart.
        longest_s: No wait is longer.
        forgiven_after_s: A child that ran this long counts as sound again.
    """

    first_s: float = 0.5
    longest_s: float = 30
    forgiven_after_s: float = 60

    def deaths(self, earlier: int, ran_s: float) -> int:
        """Return how many deaths in a row this one makes."""
        return 1 if ran_s >= self.forgiven_after_s else earlier + 1

    def wait_s(self, deaths: int) -> float:
        """Return the wait after the nth death in a row, n from 1."""
        return min(math.ldexp(self.first_s, min(deaths - 1, 20)), self.longest_s)
