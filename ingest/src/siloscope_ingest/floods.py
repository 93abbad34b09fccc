"""How many refused messages of one sender are kept a minute: beyond that they are only counted.

A device gone mad, or a firmware that nobody can read, must fill neither the disk nor the transactions of the others.
"""

from siloscope_ingest.entries import Entry
from siloscope_process.clock import from_ms
from siloscope_store.quarantine import Withheld

_MINUTE_MS = 60_000
_MOST_SENDERS = 50_000


class Floods:
    """Counts what is quarantined, by node, or by topic where the node is unknown.

    Args:
        most_a_minute: How many messages of one sender are kept.
    """

    def __init__(self, most_a_minute: int) -> None:
        self._most = most_a_minute
        self._minute = 0
        self._counted: dict[int | str, int] = {}

    def judge(self, entry: Entry) -> None:
        """Let an entry's message be only counted where its sender has filled its share of the minute."""
        if not entry.quarantined:
            return
        minute = entry.delivery.received_ms // _MINUTE_MS
        if minute != self._minute or len(self._counted) > _MOST_SENDERS:
            self._minute = minute
            self._counted.clear()
        sender = entry.delivery.topic if entry.node_id is None else entry.node_id
        counted = self._counted[sender] = self._counted.get(sender, 0) + 1
        if counted > self._most:
            at, size = from_ms(entry.delivery.received_ms), len(entry.delivery.payload)
            reason = entry.quarantined[0].reason
            entry.withheld = Withheld(entry.org_id, entry.node_id, at, reason, size)
            entry.quarantined = ()
