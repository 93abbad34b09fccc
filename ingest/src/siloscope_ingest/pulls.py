"""How many messages were asked of the stream and have not come yet: plain bookkeeping, no I/O."""

from collections import OrderedDict


class Pulls:
    """Requests under way; the stream serves them in their order.

    Args:
        most_under_way: Messages asked for and messages held, together.
        most_a_pull: Messages of one request; small enough that several workers share evenly.
    """

    def __init__(self, most_under_way: int, most_a_pull: int) -> None:
        self._most_under_way = most_under_way
        self._most_a_pull = most_a_pull
        self._asked: OrderedDict[int, int] = OrderedDict()
        self._last = 0
        self.asked = 0

    def next(self, held: int) -> tuple[int, int] | None:
        """Return number and size of the request that is due, or None.

        Args:
            held: Messages that came and are not acknowledged yet.
        """
        if self.asked > self._most_a_pull // 2:
            return None
        size = min(self._most_a_pull, self._most_under_way - held - self.asked)
        if size <= 0:
            return None
        self._last += 1
        self._asked[self._last] = size
        self.asked += size
        return self._last, size

    def came(self) -> None:
        """Note that a message came: it belongs to the oldest request."""
        if not self._asked:
            return
        number, left = next(iter(self._asked.items()))
        self.asked -= 1
        if left == 1:
            del self._asked[number]
        else:
            self._asked[number] = left - 1

    def ended(self, number: int) -> None:
        """Note that the stream answers a request no more."""
        self.asked -= self._asked.pop(number, 0)
