"""What ingest needs of whatever brings it messages: an MQTT broker or a JetStream stream."""

from collections.abc import Sequence
from typing import Protocol

from siloscope_ingest.batches import Batch


class Inlet(Protocol):
    """One connection that brings messages; it dies with its socket, and acknowledgements with it."""

    def acknowledge(self, packet_ids: Sequence[int]) -> None:
        """Acknowledge messages that came here; nothing happens where the connection is gone."""
        ...

    def pause(self) -> None:
        """Take no more for now: the other side keeps the rest."""
        ...

    def resume(self) -> None:
        """Go on."""
        ...

    async def lost(self) -> str:
        """Wait for the end of the connection; return the reason."""
        ...

    async def close(self) -> None:
        """Close; what was acknowledged before goes out first."""
        ...


class Traces(Protocol):
    """Tells of packs on their way, to whoever wants to see where time goes."""

    def committed(self, batch: Batch) -> None:
        """Note that a batch was committed just now."""
        ...

    def close(self) -> None:
        """Send what waits."""
        ...
