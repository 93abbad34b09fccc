"""Waiting samples that need nothing from the database any more are settled at once, without a wait for each.

After a restart tens of thousands wait for the first few answers. Meanwhile later ones of nodes that are known by then
overtake them, and an MQTT broker pays for every acknowledgement that is out of order: Mosquitto searches for it among
all that are older.
"""

from collections import deque
from collections.abc import Mapping

import structlog

from siloscope_contract.topics import NodeName
from siloscope_ingest.deliveries import Delivery
from siloscope_ingest.errors import RegistryNeeded, Rejected
from siloscope_ingest.intake import Intake, Route
from siloscope_ingest.look_ahead import LookAhead
from siloscope_ingest.nodes import KnownNode
from siloscope_ingest.resolving import ShapeMissing

_log = structlog.get_logger(__name__)
_MOST_SHAPES = 256


def settle_at_once(
    waiting: deque[tuple[Route, Delivery]],
    intake: Intake,
    ahead: LookAhead,
    nodes: Mapping[NodeName, KnownNode],
    most: int,
) -> int:
    """Settle samples from the head of the queue, up to the first message for which the database must be asked.

    Args:
        waiting: The queue; what is settled is taken from it.
        intake: Where they go.
        ahead: What was asked for at once.
        nodes: Those that are known.
        most: So many, then others have their turn.

    Returns:
        How many were settled.
    """
    settled = 0
    while waiting and settled < most:
        route, delivery = waiting[0]
        if route.node is None:
            route.node = nodes.get(route.topic.node)
        if not route.is_samples or route.node is None:
            break
        try:
            if not _admitted(intake, ahead, route.node, delivery):
                break
        except Rejected as error:
            intake.refuse(route, delivery, error)
        except Exception as error:  # a message that trips a mistake of ours must not stop those behind it
            _log.exception("message_failed", topic=delivery.topic)
            intake.refuse(route, delivery, Rejected("internal_error", f"{type(error).__name__}: {error}"))
        waiting.popleft()
        ahead.settled()
        settled += 1
    return settled


def _admitted(intake: Intake, ahead: LookAhead, node: KnownNode, delivery: Delivery) -> bool:
    for _ in range(_MOST_SHAPES):
        try:
            intake.admit(node, delivery)
        except ShapeMissing as missing:
            found = ahead.shape(node, missing.sample)
            if found is None:
                return False
            node.remember(missing.sample.device, found)
        except RegistryNeeded:
            return False
        else:
            return True
    return False
