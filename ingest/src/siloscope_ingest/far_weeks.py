"""Which weeks far from now may be written to: a wild clock must not open a chunk for every week of ten years.

Weeks near now are opened by whatever falls into them. A week further back is opened when somebody asks for it, and the
database counts: so many a day for all workers together. A backlog is late but ordered, and comes to each week from the
one beside it; such weeks have a larger allowance of their own. What finds its week closed is kept as undated.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from siloscope_ingest.database import Connection
from siloscope_ingest.shapes import TABLES
from siloscope_store import spans

_DAY_MS = 86_400_000
_CLOSED_FOR_MS = 600_000
_MOST_NODES = 100_000
_MOST_JUMPS = 3
_STEPS_UNDER_WAY = 8
_LONGEST_BRIDGE = 60
_REMEMBERED_WEEKS = 4

Week = int
"""Number of the span since 1970, times the number of tables, plus its table's place in `TABLES`."""

Asked = tuple[int, Week]
"""A node, and a week that it writes to."""


@dataclass(frozen=True)
class Allowance:
    """How many far weeks are opened a day.

    Attributes:
        jumps: Of those that nothing led to.
        walks: Of those that a node came to from the week beside.
    """

    jumps: int = 8
    walks: int = 260


class FarWeeks:
    """What is known of far weeks, and who asks for more.

    Args:
        allowance: How many may be opened a day.
    """

    def __init__(self, allowance: Allowance) -> None:
        self._allowance = allowance
        self._open: set[Week] = set()
        self._closed_until_ms: dict[Week, int] = {}
        self._last: dict[int, tuple[int, ...]] = {}
        self._jumps: dict[int, tuple[int, int]] = {}

    def verdict(self, node_id: int, week: Week, now_ms: int) -> bool | None:
        """Say whether a far week is open, as a node's sample asks; None where the database must be asked."""
        if week in self._open:
            self._note_visit(node_id, week)
            return True
        if not self._is_closed(week, now_ms):
            return None
        # What walks may go on where others must not; the messages that lead there may still wait for their answer.
        return None if self._walks(node_id, week, now_ms, steps=_STEPS_UNDER_WAY) else False

    def _is_closed(self, week: Week, now_ms: int) -> bool:
        until_ms = self._closed_until_ms.get(week)
        # Else nobody knows, or it is long ago; so it is where this machine's own clock was set back.
        return until_ms is not None and 0 < until_ms - now_ms <= _CLOSED_FOR_MS

    async def ask(self, connection: Connection, node_id: int, week: Week, now_ms: int, ahead: Sequence[Asked]) -> None:
        """Ask the database to open a week, and others in the same transaction.

        Args:
            connection: Outside of a transaction.
            node_id: On whose behalf.
            week: Which.
            now_ms: When the message came.
            ahead: What this message and those behind it write to, in order: far weeks that are open among them.
        """
        first: Asked | None = (node_id, week)
        wanted = ahead if first in ahead else [(node_id, week), *ahead]
        opened: set[Week] = set()
        try:
            async with connection.transaction():
                book = await spans.open_book(connection, {_span_of(each) for _, each in wanted})
                for asked in wanted:
                    if asked[1] in self._open:
                        self._note_visit(*asked)
                    elif asked == first or not self._is_closed(asked[1], now_ms) or self._walks(*asked, now_ms):
                        first = None if asked == first else first
                        if self._is_granted(book, *asked, now_ms):
                            opened.add(asked[1])
                            self._open.add(asked[1])
                await spans.write_book(connection, book)
        except BaseException:
            self._open -= opened  # they may not have been written down
            raise

    def _is_granted(self, book: spans.Book, node_id: int, week: Week, now_ms: int) -> bool:
        walks = self._walks(node_id, week, now_ms)
        if not walks:
            self._note_jump(node_id, now_ms)
        most = self._allowance.walks if walks else self._allowance.jumps
        is_open = book.grant(_span_of(week), node_id, walks=walks, most=most)
        if is_open:
            self._closed_until_ms.pop(week, None)
            self._note_visit(node_id, week)
        else:
            self._closed_until_ms[week] = now_ms + _CLOSED_FOR_MS
            self._last.pop(node_id, None)
        return is_open

    def _walks(self, node_id: int, week: Week, now_ms: int, steps: int = 1) -> bool:
        if all(self._steps(last, week) > steps for last in self._last.get(node_id, ())):
            return False
        jumps, since_ms = self._jumps.get(node_id, (0, now_ms))
        return jumps <= _MOST_JUMPS or not 0 <= now_ms - since_ms <= _DAY_MS

    def _steps(self, last: int, week: Week) -> int:
        """Return how far a week is from another; weeks between them that are open already are as stepped on.

        Another node may have opened them: messages of such a week are let by while earlier ones wait for their answer.
        """
        number, table = divmod(week, len(TABLES))
        distance = abs(number - last)
        if not 1 < distance <= _LONGEST_BRIDGE:
            return distance
        between = range(min(number, last) + 1, max(number, last))
        return distance - sum(each * len(TABLES) + table in self._open for each in between)

    def _note_visit(self, node_id: int, week: Week) -> None:
        """Remember where a node was, a few weeks of it: what comes later may be let by before what came first."""
        number, known = week // len(TABLES), self._last.get(node_id, ())
        if known[-1:] != (number,):
            self._last[node_id] = (*(each for each in known if each != number), number)[-_REMEMBERED_WEEKS:]

    def _note_jump(self, node_id: int, now_ms: int) -> None:
        for known in (self._jumps, self._last):
            if len(known) > _MOST_NODES:
                known.clear()
        jumps, since_ms = self._jumps.get(node_id, (0, now_ms))
        self._jumps[node_id] = (jumps + 1, since_ms) if 0 <= now_ms - since_ms <= _DAY_MS else (1, now_ms)


def _span_of(week: Week) -> spans.Span:
    number, table = divmod(week, len(TABLES))
    return TABLES[table], number
