"""Messages of the quarantine, tried again: they go the way of every message, as if they came when they first did."""

from collections.abc import Callable, Sequence

from siloscope_contract.topics import Kind, Topic
from siloscope_ingest.database import Connection
from siloscope_ingest.deliveries import Delivery
from siloscope_ingest.entries import Entry
from siloscope_process.clock import to_ms
from siloscope_store import quarantine, registry
from siloscope_store.quarantine import Replayed

_AT_ONCE = 50


class Replays:
    """Stands where a broker's connection stands: delivers, and is acknowledged to. Rows are told by their ids.

    Nothing is remembered that a kill could lose: a row asks to be tried again until the transaction that takes it in
    has removed it, or has noted why it is refused again.

    Args:
        receive: Takes messages.
        is_full: Says whether messages of brokers already wait in plenty.
    """

    def __init__(self, receive: Callable[[Delivery], None], is_full: Callable[[], bool]) -> None:
        self._receive = receive
        self._is_full = is_full
        self._under_way: set[int] = set()

    def acknowledge(self, packet_ids: Sequence[int]) -> None:
        """Take note that messages are settled."""
        self._under_way.difference_update(packet_ids)

    async def look(self, connection: Connection) -> None:
        """Deliver what is to be tried again, where this session is the one that does so."""
        if self._is_full() or len(self._under_way) >= _AT_ONCE or not await quarantine.lock_replays(connection):
            return
        for quarantine_id, topic, payload, at in await quarantine.due_replays(
            connection, sorted(self._under_way), _AT_ONCE
        ):
            self._under_way.add(quarantine_id)
            self._receive(Delivery(topic, payload, to_ms(at), quarantine_id, self))


def outcome(entry: Entry) -> Replayed:
    """Return what became of a message that was tried again."""
    quarantine_id = entry.delivery.packet_id
    assert quarantine_id is not None
    number = None if entry.stream is None or entry.seq is None else (*entry.stream, entry.seq)
    refused = entry.quarantined[0] if entry.quarantined else None
    return Replayed(quarantine_id, refused, number, entry.refused is not None)


async def is_past(connection: Connection, topic: Topic, delivery: Delivery) -> bool:
    """Say whether a message that is tried again told how its node was then, and newer ones have come since."""
    if topic.kind is Kind.SAMPLES:
        return False
    if topic.kind is not Kind.BIRTH:
        return True
    node = await registry.find_node(connection, topic.node)
    assert delivery.packet_id is not None
    return node is not None and await quarantine.is_overtaken(connection, delivery.packet_id, node.node_id)
