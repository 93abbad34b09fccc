"""What ingest remembers of nodes between messages, all of it found again in the database."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from siloscope_contract.topics import NodeName
from siloscope_ingest.shapes import Shape
from siloscope_ingest.twins import Epochs
from siloscope_store.registry import Node

if TYPE_CHECKING:
    from siloscope_native import Recipe

AGENT, PLAIN = "agent", "plain"
"""Kinds of nodes: one that announces itself, and one that merely sends."""

_MOST_SHAPES = 4096
_MOST_STREAMS = 256
_LOOK_EVERY_MS = 4000


class KnownNode:
    """A registered node and the shapes of its samples.

    Attributes:
        node_id: Its id.
        org_id: Its organisation's.
        name: Its full name.
        kind: "agent" or "plain".
        epochs: Which of its starts are alive.
        announced: Its devices as they were last announced, by name, for as long as its shapes are good.
        recipes: How samples that fit an earlier one become rows, by base name, for as long as its shapes are good.
        recipes_of: The generation of the book that they are of.
        unlike: So many of its messages fitted none; each that fits halves it.
    """

    __slots__ = (
        "_last",
        "_last_stream",
        "_seen_ms",
        "_seen_stream",
        "_shapes",
        "_streams",
        "announced",
        "epochs",
        "kind",
        "name",
        "node_id",
        "org_id",
        "recipes",
        "recipes_of",
        "unlike",
    )

    def __init__(self, node: Node) -> None:
        self.node_id = node.node_id
        self.org_id = node.org_id
        self.name: NodeName = node.name
        self.kind = node.kind
        self.epochs = Epochs()
        self.announced: dict[str, bytes] = {}
        self.recipes: dict[bytes, tuple[Recipe, ...]] = {}
        self.recipes_of = 0
        self.unlike = 0
        self._last: dict[str, Shape] = {}
        self._shapes: dict[tuple[str, tuple[str, ...], tuple[str | None, ...]], Shape] = {}
        self._streams: dict[str, tuple[int, str]] = {}
        self._last_stream = (self.node_id, "")
        self._seen_stream: tuple[int, str] | None = None
        self._seen_ms = -_LOOK_EVERY_MS

    @property
    def is_announced(self) -> bool:
        """Whether a birth of it was registered, ever."""
        return self.kind == "agent"

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
        self.announced.clear()
        self.recipes.clear()
        self._shapes.clear()
        self._last.clear()

    def knows(self, devices: Mapping[str, bytes]) -> bool:
        """Say whether each of these devices was announced just so before, and nothing has changed since."""
        return devices.items() <= self.announced.items()

    def stream(self, epoch: str) -> tuple[int, str]:
        """Return (node_id, epoch), the same object each time unless there are more epochs than an honest node has."""
        last = self._last_stream
        if last[1] == epoch:
            return last
        if not last[1]:  # the first one, and mostly the only one: it needs no table
            self._last_stream = (self.node_id, epoch)
            return self._last_stream
        if not self._streams:
            self._streams[last[1]] = last
        found = self._streams.get(epoch)
        if found is None:
            if len(self._streams) >= _MOST_STREAMS:
                self._streams.clear()
            found = self._streams[epoch] = (self.node_id, epoch)
        self._last_stream = found
        return found

    def is_news(self, stream: tuple[int, str] | None, received_ms: int) -> bool:
        """Say whether somebody should look: another epoch than before, or some seconds have gone by."""
        if stream is self._seen_stream and 0 <= received_ms - self._seen_ms < _LOOK_EVERY_MS:
            return False
        self._seen_stream, self._seen_ms = stream, received_ms
        return True
