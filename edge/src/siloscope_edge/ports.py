"""What the core asks of the outside world."""

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

from siloscope_edge.instruments import Instrument
from siloscope_edge.readings import Reading


class InstrumentBus(Protocol):
    """One port and the instruments behind it; its owner asks one thing at a time."""

    @property
    def is_open(self) -> bool:
        """Whether requests can be made."""
        ...

    async def open(self) -> None:
        """Open the port.

        Raises:
            PortUnavailable: It cannot be opened now.
        """
        ...

    def close(self) -> None:
        """Close the port; closing a closed one is harmless."""
        ...

    async def read(self, instrument: Instrument) -> Sequence[Reading]:
        """Return a reading of each channel, in the profile's order; parts that failed are bad readings.

        Raises:
            ReadFailed: The device answered nothing that can be used.
            PortUnavailable: The port vanished.
        """
        ...


@runtime_checkable
class OutputBus(InstrumentBus, Protocol):
    """A bus whose devices have outputs, as the driver's struct of an output describes them."""

    async def switch(self, instrument: Instrument, output: Any, *, on: bool) -> None:
        """Switch an output of a device.

        Raises:
            ReadFailed: The device did not answer, refused, or confirmed something else.
            PortUnavailable: The port vanished.
        """
        ...

    async def is_on(self, instrument: Instrument, output: Any) -> bool | None:
        """Return what the device says of an output; None where it is neither on nor off.

        Raises:
            ReadFailed: The device answered nothing that can be used.
            PortUnavailable: The port vanished.
        """
        ...


class Link(Protocol):
    """One connection to the broker; no acknowledgement crosses to another."""

    async def publish(self, topic: str, payload: bytes, *, qos: int, retain: bool = False) -> None:
        """Publish and, for QoS 1, wait for the broker's acknowledgement.

        Raises:
            LinkLost: The connection broke, or the acknowledgement did not come.
        """
        ...

    async def subscribe(self, topic: str, *, qos: int) -> None:
        """Subscribe, once more where that was done before: what the broker keeps of the topic comes again.

        Raises:
            SubscriptionRefused: The connection stands, and nothing of this topic will come.
            LinkLost: The connection broke, or the answer did not come.
        """
        ...

    async def received(self) -> tuple[str, bytes]:
        """Return the topic and payload of the next message of a subscribed topic.

        Raises:
            LinkLost: The connection broke.
        """
        ...


class Afar(Protocol):
    """Whoever deals with what comes from afar beside watermarks: configuration and commands."""

    def hear(self, topic: str, payload: bytes) -> None:
        """Take a message; in no time, for others wait behind it."""
        ...

    async def talk(self, link: Link) -> None:
        """Say over a connection what is to be said, until cancelled.

        Raises:
            LinkLost: The connection broke; what was not acknowledged is said again over the next.
        """
        ...
