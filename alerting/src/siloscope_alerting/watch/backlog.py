"""Marks of late data, gathered until a node's backlog pauses: what it shows is then looked at as a whole. Pure."""

from collections.abc import Mapping, Sequence

from siloscope_process.clock import to_ms
from siloscope_store.alert_late import BUCKET, LateMark

PAUSE_MS = 10_000
"""So long without a mark, and a node's backlog has paused."""
LONGEST_MS = 60_000
"""What has waited for longer is looked at, pause or not."""
MOST_AT_ONCE = 20_000
BUCKET_MS = round(BUCKET.total_seconds() * 1000)


class Backlog:
    """The marks that nobody has taken yet, as they were seen last."""

    def __init__(self) -> None:
        self.marked_ms: dict[int, int] = {}
        """When late data of a site came last, on the server's clock."""
        self._marks: Sequence[LateMark] = ()

    def see(self, marks: Sequence[LateMark], site_of: Mapping[int, int], now_ms: int) -> None:
        """Take what waits; `site_of` says where each group stands."""
        self._marks = marks
        for mark in marks:
            site_id = site_of.get(mark.group_id)
            if site_id is not None:
                # A mark that waits keeps its site's backlog open, however long ago it was set.
                arrived_ms = now_ms if now_ms - to_ms(mark.arrived_at) > PAUSE_MS else to_ms(mark.arrived_at)
                self.marked_ms[site_id] = max(arrived_ms, self.marked_ms.get(site_id, 0))

    def ready(self, node_of: Mapping[int, int], now_ms: int) -> list[LateMark]:
        """Return the marks of nodes whose backlog pauses or has waited long enough, at most so many."""
        newest_ms: dict[int | None, int] = {}
        oldest_ms: dict[int | None, int] = {}
        for mark in self._marks:
            node_id, arrived_ms = node_of.get(mark.group_id), to_ms(mark.arrived_at)
            newest_ms[node_id] = max(arrived_ms, newest_ms.get(node_id, arrived_ms))
            oldest_ms[node_id] = min(arrived_ms, oldest_ms.get(node_id, arrived_ms))
        due = {
            node_id
            for node_id, at_ms in newest_ms.items()
            if node_id is None or now_ms - at_ms >= PAUSE_MS or now_ms - oldest_ms[node_id] >= LONGEST_MS
        }
        found = [mark for mark in self._marks if node_of.get(mark.group_id) in due][:MOST_AT_ONCE]
        taken = {mark.place for mark in found}
        self._marks = [mark for mark in self._marks if mark.place not in taken]
        return found


def spans_of(marks: Sequence[LateMark]) -> dict[tuple[int, int, int], int]:
    """Return what marks cover, as (group, begin, end), each with when its newest samples came; none overlap."""
    arrived_ms: dict[tuple[int, int], int] = {}
    for mark in marks:
        key = (mark.group_id, to_ms(mark.bucket))
        arrived_ms[key] = max(to_ms(mark.arrived_at), arrived_ms.get(key, 0))
    spans: list[tuple[int, int, int, int]] = []
    for (group_id, begin_ms), at_ms in sorted(arrived_ms.items()):
        if spans and spans[-1][0] == group_id and spans[-1][2] == begin_ms:
            _, first_ms, _, before_ms = spans.pop()
            spans.append((group_id, first_ms, begin_ms + BUCKET_MS, max(before_ms, at_ms)))
        else:
            spans.append((group_id, begin_ms, begin_ms + BUCKET_MS, at_ms))
    return {(group_id, begin_ms, end_ms): at_ms for group_id, begin_ms, end_ms, at_ms in spans}
