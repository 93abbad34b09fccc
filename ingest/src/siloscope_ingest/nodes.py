"""What ingest remembers of nodes between messages, all of it found again in the database."""

from siloscope_contract.topics import NodeName
from siloscope_ingest.shapes import Shape
from siloscope_ingest.twins import Epochs
from siloscope_store.registry import Node

_MOST_SHAPES = 4096


class KnownNode:
    """A registered node and the shapes of its samples.

    Attributes:
        node_id: Its id.
        org_id: Its organisation's.
        name: Its full name.
        kind: "agent" or "plain".
        epochs: Which of its starts are alive.
    """

    __slots__ = (
        "_last",
        "_shapes",
        "_streams",
        "epochs",
        "kind",
        "name",
        "node_id",
        "org_id",
    )

    def __init__(self, node: Node) -> None:
        self.node_id = node.node_id
        self.org_id = node.org_id
        self.name: NodeName = node.name
        self.kind = node.kind
        self.epochs = Epochs()
        self._last: dict[str, Shape] = {}
        self._shapes: dict[tuple[str, tuple[str, ...], tuple[str | None, ...]], Shape] = {}
        self._streams: dict[str, tuple[int, str]] = {}

    def shape(self, device: str, names: tuple[str, ...], units: tuple[str | None, ...]) -> Shape | None:
        """Return the shape of such samples of a device, where it is known.

        The codec hands out the same tuples for the same names and units, so that two comparisons of identity settle
        nearly every look-up.
        """
        last = self._last.get(device)
        if last is not None and last.names is names and last.units is units:
            return last
        found = self._shapes.get((device, names, units))
        if found is not None:
            found.names, found.units = names, units
            self._last[device] = found
        return found

    def remember(self, device: str, shape: Shape) -> None:
        """Keep a shape."""
        if len(self._shapes) >= _MOST_SHAPES:
            self.forget()
        self._shapes[device, shape.names, shape.units] = shape

    def forget(self) -> None:
        """Forget all shapes: channels have changed."""
        self._shapes.clear()
        self._last.clear()

    def stream(self, epoch: str) -> tuple[int, str]:
        """Return (node_id, epoch), the same object each time."""
        found = self._streams.get(epoch)
        if found is None:
            found = self._streams[epoch] = (self.node_id, epoch)
        return found
