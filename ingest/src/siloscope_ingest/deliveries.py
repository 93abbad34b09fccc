"""A message as the broker delivered it, bound to the connection that alone may acknowledge it."""

from collections.abc import Sequence
from typing import Protocol

import msgspec


class Acknowledger(Protocol):
    """One connection to the broker."""

    def acknowledge(self, packet_ids: Sequence[int]) -> None:
        """Acknowledge messages of this connection; nothing happens where it is gone."""
        ...


class Delivery(msgspec.Struct, eq=False):
    """One message.

    Attributes:
        topic: As received.
        payload: As received.
        received_ms: When it arrived, milliseconds since 1970 UTC.
        packet_id: The broker's number for it, meaningful on `line` alone; None at QoS 0.
        line: The connection that it came on.
        duplicate: The broker says that it may have delivered it before.
        retained: The broker had kept it from before this subscription.
    """

    topic: str
    payload: bytes
    received_ms: int
    packet_id: int | None
    line: Acknowledger
    duplicate: bool = False
    retained: bool = False


def acknowledge(deliveries: Sequence[Delivery]) -> None:
    """Acknowledge messages, each on the connection that it came on or not at all."""
    packet_ids: dict[Acknowledger, list[int]] = {}
    for delivery in deliveries:
        if delivery.packet_id is not None:
            packet_ids.setdefault(delivery.line, []).append(delivery.packet_id)
    for line, ids in packet_ids.items():
        line.acknowledge(ids)
