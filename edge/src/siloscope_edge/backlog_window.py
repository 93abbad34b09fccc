"""How much of the backlog may be under way: as much as the platform keeps up with. No I/O, no clock of its own.

What is live waits behind all that is under way, from whichever agent. So an agent looks, at each watermark, at the
oldest pack that is still not committed: while that is young, nothing piles up anywhere, be it on the link, in the
broker or before the database, and more may be under way; when it is old, less. Every agent adds the same, gives up a
share of what it has, and is the more patient the less it has, so that those who drain at the same time end up with
about the same. A window is sent spread over the time that it takes to be committed: in one burst, one agent's packs
would stand together in the queue, and it would not see that others wait behind them.

Source: additive increase, multiplicative decrease by delay, with a target that falls with the window: G. Kumar et al.,
Swift: Delay is Simple and Effective for Congestion Control in the Datacenter, SIGCOMM 2020, 3.1 and 3.5.
"""

from math import log

from msgspec import Struct

FIRST, LEAST, MOST = 32, 8, 8000
PATIENT_S, IMPATIENT_S = 1.0, 0.5
"""How old the oldest uncommitted pack may be at a watermark, for one who has the least under way, and the most."""
_MORE, _MORE_SHARE = 64, 0.25
"""How much is added in the time that a window takes to be committed, and at most what share of it."""
_KEPT = 0.7
_FIRST_PER_S = 200.0
_AHEAD = 1.25
"""A window is sent a little faster than it is committed: else it would never be full, and never grow."""
_SMOOTHED = 0.25
_SHORTEST_S = 0.05


class BacklogWindow(Struct):
    """The bound of one connection.

    Attributes:
        most: Whatever the platform can do, it is never more.
        size: Packs that may be sent and not committed.
    """

    most: int
    size: float = 0
    _starting: bool = True
    _cut_at_s: float = 0.0
    _takes_s: float | None = None

    def __post_init__(self) -> None:
        self.restart()

    @property
    def target_s(self) -> float:
        """How old the oldest uncommitted pack may be at a watermark."""
        share = log(min(max(self.size, LEAST), MOST) / LEAST) / log(MOST / LEAST)
        return PATIENT_S - share * (PATIENT_S - IMPATIENT_S)

    @property
    def per_s(self) -> float:
        """How many packs a second are sent at most."""
        return _FIRST_PER_S if self._takes_s is None else _AHEAD * self.size / self._takes_s

    def restart(self) -> None:
        """Begin anew: on a fresh connection, and when a backlog is gone."""
        self.size = min(self.most, FIRST)
        self._starting = True
        self._takes_s = None

    def watermark(
        self, committed: int, took_s: float, oldest_at_s: float | None, now_s: float, *, was_full: bool
    ) -> None:
        """Take in what a watermark shows.

        Args:
            committed: How many packs it accounts for that were under way.
            took_s: How long ago the first of them was sent.
            oldest_at_s: When the oldest of those was sent that still are; None where there are none.
            now_s: When.
            was_full: Whether more would have been sent, had the bound allowed it.
        """
        took_s = max(took_s, _SHORTEST_S)
        self._takes_s = took_s if self._takes_s is None else self._takes_s + _SMOOTHED * (took_s - self._takes_s)
        if oldest_at_s is not None and oldest_at_s < self._cut_at_s:
            return  # it was sent before the bound came down, and says nothing about what it is now
        age_s = now_s - oldest_at_s if oldest_at_s is not None else 0.0
        if age_s > self.target_s:
            self.size = max(min(LEAST, self.most), self.size * max(_KEPT, self.target_s / age_s))
            self._starting = False
            self._cut_at_s = now_s
        elif was_full:
            more = 1.0 if self._starting else min(_MORE / self.size, _MORE_SHARE)
            self.size = min(self.most, self.size + more * committed)
