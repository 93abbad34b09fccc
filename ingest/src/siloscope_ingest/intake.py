"""Where messages enter: known samples go on to the accumulator at once, everything else to the registrar, in order."""

from collections.abc import Callable

import structlog

from siloscope_contract.errors import MalformedTopic
from siloscope_contract.topics import Kind, Topic
from siloscope_ingest.accumulator import Accumulator
from siloscope_ingest.deliveries import Delivery
from siloscope_ingest.entries import Entry
from siloscope_ingest.errors import BirthAwaited, RegistryNeeded, Rejected, Unannounced
from siloscope_ingest.far_weeks import Week
from siloscope_ingest.held import Held
from siloscope_ingest.nodes import KnownNode
from siloscope_ingest.replays import Replays
from siloscope_ingest.resolving import Resolver, number_of, rejected

_log = structlog.get_logger(__name__)
_MOST_ROUTES = 200_000


class Route:
    """What is known of a topic.

    Attributes:
        topic: As parsed.
        is_samples: Whether it carries samples.
        node: Whose it is, once that is known.
    """

    __slots__ = ("is_samples", "node", "topic")

    def __init__(self, topic: Topic) -> None:
        self.topic = topic
        self.is_samples = topic.kind is Kind.SAMPLES
        self.node: KnownNode | None = None


class Intake:
    """Takes deliveries as they come.

    Args:
        resolver: Makes entries of packs.
        accumulator: Gathers entries.
        held: Counts what is under way.
        park: Takes what must wait for the registry.
        watch: Sees every entry of a node.
        refused: Sees every entry of a message that is refused as a whole before it is decoded.
        waited: Called for each pack that is not taken and must come again behind its birth.
    """

    def __init__(
        self,
        resolver: Resolver,
        accumulator: Accumulator,
        held: Held,
        *,
        park: Callable[[Route, Delivery], None],
        watch: Callable[[KnownNode, Entry], None],
        refused: Callable[[Entry], None],
        waited: Callable[[], None],
    ) -> None:
        self._resolver = resolver
        self._accumulator = accumulator
        self._held = held
        self._park = park
        self._watch = watch
        self._refused = refused
        self._waited = waited
        self._routes: dict[str, Route] = {}

    def receive(self, delivery: Delivery) -> None:
        """Take a delivery; it is acknowledged once what it says is committed."""
        self._held.take(delivery)
        route = None
        try:
            route = self._routes.get(delivery.topic) or self._new_route(delivery.topic)
            if not route.is_samples or route.node is None:
                self._park(route, delivery)
                return
            self.admit(route.node, delivery)
        except (RegistryNeeded, BirthAwaited):
            assert route is not None  # a topic was found before its shape was not
            self._park(route, delivery)
        except Rejected as error:
            self.refuse(route, delivery, error)
        except Exception as error:  # a message that trips a mistake of ours must not stop those behind it
            _log.exception("message_failed", topic=delivery.topic)
            self.refuse(route, delivery, Rejected("internal_error", f"{type(error).__name__}: {error}"))

    def admit(self, node: KnownNode, delivery: Delivery) -> None:
        """Pass on a samples message of a known node.

        Raises:
            RegistryNeeded: The registry must be asked first.
        """
        entry = self._resolver.resolve(node, delivery)
        self._watch(node, entry)
        self._accumulator.add(entry)

    def far_weeks(self, node: KnownNode, delivery: Delivery) -> list[Week]:
        """Return the far weeks that a samples message writes to, in order."""
        return self._resolver.far_weeks(node, delivery)

    def refuse(self, route: Route | None, delivery: Delivery, why: Rejected) -> None:
        """Have a message kept in quarantine; where it bears a number of a known node, that is accounted for.

        The number of what was not announced yet stays open: it will be sent again behind the birth. Where that is sure
        to come, nothing is kept: it is no fault.
        """
        node = None if route is None else route.node
        if isinstance(why, BirthAwaited) and not isinstance(delivery.line, Replays):
            self._waited()
            self._accumulator.add(Entry(delivery))
            return
        if node is None:
            self._add_refused(rejected(delivery, why))
            return
        if isinstance(why, Unannounced):
            self._add_refused(rejected(delivery, why, node.node_id, node.org_id))
            return
        epoch, seq = number_of(delivery) if route is not None and route.is_samples else (None, None)
        stream = None if epoch is None or seq is None else node.stream(epoch)
        self._add_refused(rejected(delivery, why, node.node_id, node.org_id, stream, seq))

    def settle(self, entry: Entry) -> None:
        """Take an entry that was made elsewhere."""
        entry.is_exception = True  # looked at again, for what it says may come from the quarantine
        self._accumulator.add(entry)

    def _add_refused(self, entry: Entry) -> None:
        self._refused(entry)
        self._accumulator.add(entry)

    def _new_route(self, text: str) -> Route:
        try:
            route = Route(Topic.parse(text))
        except MalformedTopic as error:
            raise Rejected(error.reason, str(error)) from error
        if len(self._routes) >= _MOST_ROUTES:
            self._routes.clear()
        self._routes[text] = route
        return route
