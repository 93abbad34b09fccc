"""When nodes were heard of, and how far they say that their epochs have come: gathered, and written now and then."""

from collections import Counter
from contextlib import suppress
from datetime import datetime
from itertools import islice

from siloscope_contract.births import EpochSpan, State
from siloscope_process.clock import from_ms
from siloscope_store.ledger import Declared
from siloscope_store.registry import Presence

MAX_STORED = 2**63 - 1
_MOST_DECLARED = 100_000
_MOST_OF_A_NODE = 4096
"""A node that makes up epochs takes no room from the others."""


class PresenceBook:
    """Gathers the newest word of each node.

    Args:
        most: How many nodes one writing takes of each kind of news.
    """

    def __init__(self, most: int = 2000) -> None:
        self._most = most
        self._pack_ms: dict[int, int] = {}
        self._heartbeat_ms: dict[int, int] = {}
        self._states: dict[int, tuple[str, int]] = {}
        self._declared: dict[tuple[int, str], Declared] = {}
        self._waiting: Counter[int] = Counter()

    def pack(self, node_id: int, received_ms: int) -> None:
        """Note that a pack came."""
        self._pack_ms[node_id] = received_ms

    def heartbeat(self, node_id: int, received_ms: int) -> None:
        """Note that a heartbeat came."""
        self._heartbeat_ms[node_id] = received_ms

    def state(self, node_id: int, state: State, at_ms: int) -> None:
        """Note what the status topic says."""
        self._states[node_id] = (state.value, at_ms)

    def declare(self, node_id: int, session: str, epochs: list[EpochSpan]) -> None:
        """Note how far epochs have come; what no epoch can be is left out.

        So is what there is no room for while much waits to be written: a node says it again with its next heartbeat.
        """
        for span in epochs:
            key = (node_id, span.epoch)
            if not is_possible(span):
                continue
            if key not in self._declared:
                if len(self._declared) >= _MOST_DECLARED or self._waiting[node_id] >= _MOST_OF_A_NODE:
                    continue
                self._waiting[node_id] += 1
            self._declared[key] = declared(node_id, session, span)

    def take(self) -> tuple[list[Presence], list[Declared]]:
        """Return what is to be written, in order of node: of those that have waited longest, where it is too much."""
        books = (self._pack_ms, self._heartbeat_ms, self._states)
        node_ids = sorted({node_id for book in books for node_id in islice(book, self._most)})
        declared = [self._declared.pop(key) for key in sorted(islice(self._declared, self._most))]
        self._waiting.subtract(each.node_id for each in declared)
        self._waiting = +self._waiting
        return [self._presence(node_id) for node_id in node_ids], declared

    def _presence(self, node_id: int) -> Presence:
        pack_ms = self._pack_ms.pop(node_id, None)
        heartbeat_ms = self._heartbeat_ms.pop(node_id, None)
        state, state_ms = self._states.pop(node_id, (None, None))
        return Presence(
            node_id,
            None if pack_ms is None else from_ms(pack_ms),
            None if heartbeat_ms is None else from_ms(heartbeat_ms),
            state,
            None if state_ms is None else from_ms(state_ms),
        )


def declared(node_id: int, session: str, span: EpochSpan) -> Declared:
    """Return what a node says of an epoch, as the ledger keeps it."""
    return Declared(
        node_id, span.epoch, span.next, span.lowest, session, _time(span.owed_from_ms), _time(span.owed_to_ms)
    )


def _time(ms: int | None) -> datetime | None:
    """Return a time that a node says; None where it is none of our era."""
    if ms is None:
        return None
    with suppress(OverflowError):
        return from_ms(ms)
    return None


def is_possible(span: EpochSpan) -> bool:
    """Say whether the database can hold what a node says of an epoch."""
    hexadecimal = len(span.epoch) == 32 and set(span.epoch) <= set("0123456789abcdef")
    return hexadecimal and 0 <= span.lowest <= MAX_STORED and 0 <= span.next <= MAX_STORED
