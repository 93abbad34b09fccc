"""Login throttling: failures are counted per user and address and per address, and each one too many doubles the wait.

An attempt counts as failed from its start and is forgiven when it succeeds, so attempts sent at once gain nothing. The
counts live in this process: they bound guessing, the hash bounds its worth.
"""

from collections import OrderedDict
from dataclasses import dataclass

from siloscope_dashboards.errors import Throttled
from siloscope_process.clock import Clock

PER_USER = 5
PER_ADDRESS = 50
FIRST_WAIT_S = 15
LONGEST_WAIT_S = 900
_REMEMBERED = 10_000

_Key = tuple[str, str]


@dataclass
class _Failures:
    count: int = 0
    last_s: float = 0.0


class LoginThrottle:
    """Refuses logins where too many have failed.

    Args:
        clock: Judges the waits by its monotonic time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failures: OrderedDict[_Key, _Failures] = OrderedDict()

    def begin(self, username: str, address: str) -> None:
        """Count an attempt that is about to be checked.

        Raises:
            Throttled: It must wait; the attempt is not counted.
        """
        keys = _keys(username, address)
        wait_s = max(self._wait_s(key, free) for key, free in keys.items())
        if wait_s > 0:
            raise Throttled(int(wait_s) + 1)
        for key in keys:
            self._count(key)

    def forgive(self, username: str, address: str) -> None:
        """Forget the user's failures from this address and the one count that `begin` put on the address."""
        own, whole_address = _keys(username, address)
        self._failures.pop(own, None)
        if whole_address in self._failures:
            self._failures[whole_address].count -= 1

    def _wait_s(self, key: _Key, free: int) -> float:
        failures = self._failures.get(key)
        if failures is None:
            return 0.0
        since_s = self._clock.monotonic_s() - failures.last_s
        if since_s >= LONGEST_WAIT_S:
            del self._failures[key]
            return 0.0
        if failures.count < free:
            return 0.0
        return min(FIRST_WAIT_S * 2.0 ** min(failures.count - free, 10), LONGEST_WAIT_S) - since_s

    def _count(self, key: _Key) -> None:
        failures = self._failures.setdefault(key, _Failures())
        failures.count += 1
        failures.last_s = self._clock.monotonic_s()
        self._failures.move_to_end(key)
        if len(self._failures) > _REMEMBERED:
            self._failures.popitem(last=False)


def _keys(username: str, address: str) -> dict[_Key, int]:
    return {(username.casefold(), address): PER_USER, ("", address): PER_ADDRESS}
