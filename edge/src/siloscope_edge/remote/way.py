"""The way to the broker, as a change of configuration changes it."""

from collections.abc import Callable

from siloscope_edge import announcing
from siloscope_edge.config import Mqtt
from siloscope_edge.installation import Installation
from siloscope_edge.link import Connect
from siloscope_edge.outbox import Outbox, Windows
from siloscope_edge.sender import Sender


class Way:
    """The sender and its outbox.

    Args:
        sender: Announces and connects.
        outbox: Keeps within bounds.
        connect: Makes what connects by other settings.
        mqtt: The settings of now.
    """

    def __init__(self, sender: Sender, outbox: Outbox, connect: Callable[[Mqtt], Connect], mqtt: Mqtt) -> None:
        self._sender = sender
        self._outbox = outbox
        self._connect = connect
        self._mqtt = mqtt

    @property
    def introductions(self) -> int:
        return self._sender.introductions

    def change_to(self, installation: Installation) -> None:
        self._sender.announce(announcing.devices(installation))
        mqtt = installation.config.mqtt
        if mqtt != self._mqtt:
            self._outbox.bound(windows(mqtt))
            self._sender.reach(self._connect(mqtt), mqtt)
            self._mqtt = mqtt


def windows(mqtt: Mqtt) -> Windows:
    """Return the bounds of an outbox that settings ask for."""
    return Windows(
        mqtt.unacknowledged_packs,
        mqtt.uncommitted_packs,
        mqtt.draining_packs,
        mqtt.backlog_packs_per_s,
        resend_after_s=mqtt.resend_after_s,
        probe_after_s=mqtt.probe_after_s,
    )
