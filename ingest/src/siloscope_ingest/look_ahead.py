"""What the registrar will ask for next, asked for at once: after a restart, every node is unknown at the same time."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from siloscope_contract.packs import Sample
from siloscope_contract.topics import NodeName
from siloscope_ingest.database import Connection
from siloscope_ingest.deliveries import Delivery
from siloscope_ingest.intake import Route
from siloscope_ingest.nodes import KnownNode
from siloscope_ingest.shapes import ChannelsMissing, Shape, shape
from siloscope_store import registry
from siloscope_store.registry import Channel

MANY = 20
MOST_AT_ONCE = 500
MOST_LOOKED_AT = 5000
"""So many waiting messages are looked at for nodes to ask for."""


def next_of_nodes(waiting: Iterable[tuple[Route, Delivery]]) -> Iterator[tuple[Route, Delivery]]:
    """Yield the next waiting messages that are asked for together: many, but of no more than `MOST_AT_ONCE` nodes."""
    nodes: set[NodeName] = set()
    for each in islice(waiting, MOST_LOOKED_AT):
        nodes.add(each[0].topic.node)
        if len(nodes) > MOST_AT_ONCE:
            return
        yield each


class LookAhead:
    """Devices and their channels of nodes whose messages wait.

    What it holds was true when it was asked for. It may be incomplete since, never wrong: what changes is forgotten.
    """

    def __init__(self) -> None:
        self._devices: dict[tuple[int, str], tuple[int, list[Channel]]] = {}
        self._changed: set[int] = set()
        self._left = 0

    @property
    def is_used_up(self) -> bool:
        """Whether as many messages were settled as it was filled for."""
        return self._left <= 0

    def settled(self) -> None:
        """Note that a message was settled."""
        self._left -= 1

    async def fill(
        self, connection: Connection, names: Sequence[NodeName], nodes: dict[NodeName, KnownNode], messages: int
    ) -> None:
        """Ask for the nodes of so many waiting messages, adding to `nodes`, and for all their channels."""
        self._left = messages
        unknown = [name for name in names if name not in nodes]
        if unknown:
            for node in await registry.find_nodes(connection, unknown):
                nodes[node.name] = KnownNode(node)
        node_ids = [nodes[name].node_id for name in names if name in nodes]
        self._changed.clear()
        found = await registry.layouts(connection, node_ids)
        # What changed while the answer was on its way may be in it as it was before.
        self._devices = {key: layout for key, layout in found.items() if key[0] not in self._changed}

    def knows(self, node_id: int, device: str) -> bool:
        """Say whether a device was asked for and has channels."""
        return (node_id, device) in self._devices

    def forget(self, node_id: int) -> None:
        """Forget a node whose channels have changed."""
        self._changed.add(node_id)
        for key in [key for key in self._devices if key[0] == node_id]:
            del self._devices[key]

    def has_changed(self, node_id: int) -> bool:
        """Say whether channels of a node have changed since it was last asked for."""
        return node_id in self._changed

    def shape(self, node: KnownNode, sample: Sample) -> Shape | None:
        """Return where the readings of a sample go, where that was asked for and all of them have a channel."""
        found = self._devices.get((node.node_id, sample.device))
        if found is None:
            return None
        try:
            return shape(sample.names, sample.units, found[1])
        except ChannelsMissing:
            return None

    async def device(self, connection: Connection, node_id: int, device: str) -> tuple[int | None, list[Channel]]:
        """Return a device's id and channels, asking the database where they were not asked for before."""
        self._changed.discard(node_id)
        found = self._devices.pop((node_id, device), None)
        if found is not None:
            return found
        device_id = await registry.find_device(connection, node_id, device)
        return device_id, [] if device_id is None else await registry.channels(connection, device_id)
