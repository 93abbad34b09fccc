"""The registrar: one task that asks and extends the registry, for everything that intake could not settle alone.

It takes messages in the order of their arrival: a birth registers channels before the samples behind it need them.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from itertools import islice, takewhile

import psycopg
import structlog

from siloscope_contract.births import decode_birth, decode_heartbeat, decode_status, without_devices
from siloscope_contract.errors import ContractError, MalformedMessage
from siloscope_contract.topics import Kind, NodeName
from siloscope_ingest.admission import Admission, admitted, check_readable
from siloscope_ingest.announcements import Announced, Pages, digest_of
from siloscope_ingest.at_once import settle_at_once
from siloscope_ingest.backoff import Backoff
from siloscope_ingest.clocks import ClockWatch
from siloscope_ingest.database import Connection, Database, sorted_error
from siloscope_ingest.deliveries import Delivery
from siloscope_ingest.entries import Entry
from siloscope_ingest.errors import Rejected, Transient, Unannounced
from siloscope_ingest.far_weeks import FarWeeks, Week
from siloscope_ingest.intake import Intake, Route
from siloscope_ingest.look_ahead import MANY, MOST_AT_ONCE, LookAhead, next_of_nodes
from siloscope_ingest.newcomers import new_devices, newcomers
from siloscope_ingest.nodes import AGENT as _AGENT
from siloscope_ingest.nodes import PLAIN as _PLAIN
from siloscope_ingest.nodes import KnownNode
from siloscope_ingest.presence import PresenceBook, declared, is_possible
from siloscope_ingest.redeliveries import RedeliveryUnknown, RelativeMessages
from siloscope_ingest.replays import Replays, is_past
from siloscope_ingest.resolving import ShapeMissing, WeekUnknown
from siloscope_ingest.trust import check_trust
from siloscope_process.clock import Clock, from_ms
from siloscope_store import expectations, ledger, mass_registration, registry
from siloscope_store.registry import RegistryRefusal

_log = structlog.get_logger(__name__)
MOST_BIRTHS_AT_ONCE = 100
MOST_WEEKS_AHEAD = 100


class Registrar:
    """Settles what intake parked.

    Args:
        database: A connection of its own.
        admission: What may come in unannounced.
        presence: Told of births, heartbeats and statuses.
        clock: For pauses.
        news: Called with a node whose watermark is to be published.
        weeks: Asked to open weeks far from now.
        clocks: Told what time nodes say it is.
        relative: Asked for redelivered messages without times of their own.
    """

    def __init__(
        self,
        database: Database,
        admission: Admission,
        presence: PresenceBook,
        clock: Clock,
        *,
        news: Callable[[int], None],
        weeks: FarWeeks,
        clocks: ClockWatch,
        relative: RelativeMessages,
    ) -> None:
        self._database = database
        self._admission = admission
        self._presence = presence
        self._clock = clock
        self._news = news
        self._weeks = weeks
        self._clocks = clocks
        self._relative = relative
        self._waiting: deque[tuple[Route, Delivery]] = deque()
        self._some = asyncio.Event()
        self._nodes: dict[NodeName, KnownNode] = {}
        self._births: dict[int, bytes] = {}
        self._pages = Pages()
        self._ahead = LookAhead()
        self._apart = self._weeks_asked = 0

    @property
    def waiting(self) -> int:
        """How many messages wait."""
        return len(self._waiting)

    def park(self, route: Route, delivery: Delivery) -> None:
        """Take a message."""
        self._waiting.append((route, delivery))
        self._some.set()

    def forget_shapes(self, node_id: int) -> None:
        """Forget where readings of a node go: another worker has changed it."""
        self._ahead.forget(node_id)
        for node in self._nodes.values():
            if node.node_id == node_id:
                node.forget()

    async def run(self, intake: Intake) -> None:
        """Settle messages until cancelled.

        Raises:
            Fatal: The database refuses us.
            StoreChanged: It is another one than before.
        """
        while True:
            await self._some.wait()
            while self._waiting:
                settled = settle_at_once(self._waiting, intake, self._ahead, self._nodes, MOST_AT_ONCE)
                if settled:
                    self._weeks_asked -= settled
                    await asyncio.sleep(0)
                    continue
                if len(self._waiting) >= MANY and self._ahead.is_used_up:
                    await self._look_ahead()
                births = list(takewhile(_is_birth, islice(self._waiting, MOST_BIRTHS_AT_ONCE)))
                if len(births) > 1 and self._apart == 0 and await self._settle_births(intake, births):
                    for _ in births:
                        self._waiting.popleft()
                        self._ahead.settled()
                    continue
                await self._settle(intake, *self._waiting[0])
                self._waiting.popleft()
                self._apart = max(0, self._apart - 1)
                self._weeks_asked -= 1
                self._ahead.settled()
            self._some.clear()

    async def _look_ahead(self) -> None:
        """Ask for many nodes at once; where that fails, each is asked for by itself and waits for the database."""
        waiting = list(next_of_nodes(self._waiting))
        names = list(dict.fromkeys(route.topic.node for route, _ in waiting))
        try:
            connection = await self._database.connection()
            await self._ahead.fill(connection, names, self._nodes, len(waiting))
            if self._admission.register_plain:
                new = newcomers(waiting, self._nodes, self._admission.most_devices)
                added = new_devices(waiting, self._nodes, self._ahead.knows)
                if new or added:
                    made = await mass_registration.register_new(connection, _PLAIN, new)
                    more = await mass_registration.register_devices(connection, added, self._admission.most_devices)
                    _log.info("nodes_registered", nodes=made, devices=more, kind=_PLAIN)
                    await self._ahead.fill(connection, names, self._nodes, len(waiting))
            await self._database.learnt()
        except (psycopg.Error, Transient) as error:
            _log.warning("look_ahead_failed", reason=str(error))

    async def _settle(self, intake: Intake, route: Route, delivery: Delivery) -> None:
        """Settle one message, trying again while the database is away."""
        backoff = Backoff()
        while True:
            try:
                await self._try(intake, route, delivery)
                return
            except Rejected as error:
                intake.refuse(route, delivery, error)
                return
            except Transient as error:
                pause_s = backoff.next_s()
                _log.warning("registry_away", reason=str(error), again_in_s=round(pause_s, 2))
                await self._database.drop()
                await self._clock.sleep(pause_s)

    async def _try(self, intake: Intake, route: Route, delivery: Delivery) -> None:
        try:
            connection = await self._database.connection()
            if isinstance(delivery.line, Replays) and await is_past(connection, route.topic, delivery):
                intake.settle(Entry(delivery))
                return
            await _HANDLERS[route.topic.kind](self, connection, intake, route, delivery)
        except (ContractError, RegistryRefusal) as error:
            raise Rejected(error.reason, str(error)) from error
        except psycopg.Error as error:
            raise sorted_error(error) from error

    async def _samples(self, connection: Connection, intake: Intake, route: Route, delivery: Delivery) -> None:
        if route.node is None:
            check_readable(delivery)
        node = await self._node(connection, route, _PLAIN)
        shapes = 0
        while shapes < _MOST_SHAPES_A_MESSAGE:
            try:
                intake.admit(node, delivery)
                return
            except WeekUnknown as unknown:  # there are no more of them than the weeks of the believed years
                await self._ask_weeks(connection, intake, node, unknown.week, delivery)
            except RedeliveryUnknown as unknown:
                await self._relative.ask(connection, unknown.message)
            except ShapeMissing as missing:
                shapes += 1
                # Committed before the first sample that uses it; all of it at once, for one wait for the disk.
                async with connection.transaction():
                    learnt = await admitted(connection, self._admission, self._ahead, node, missing.sample, delivery)
                await self._database.learnt()
                if not self._ahead.has_changed(node.node_id):  # else it may be as it was before: it is asked for again
                    node.remember(missing.sample.device, learnt)
        raise Rejected("too_many_shapes", f"payload: found more than {_MOST_SHAPES_A_MESSAGE} kinds of samples")

    async def _ask_weeks(
        self, connection: Connection, intake: Intake, node: KnownNode, week: Week, delivery: Delivery
    ) -> None:
        """Ask for a far week, and for those that this message and the next that wait write to."""
        waiting = list(islice(self._waiting, MOST_WEEKS_AHEAD if self._weeks_asked <= 0 else 1))
        self._weeks_asked = max(self._weeks_asked, len(waiting))
        ahead = [
            (route.node.node_id, each)
            for route, waits in waiting
            if route.is_samples and route.node is not None
            for each in intake.far_weeks(route.node, waits)
        ]
        await self._weeks.ask(connection, node.node_id, week, delivery.received_ms, ahead)

    async def _settle_births(self, intake: Intake, births: Sequence[tuple[Route, Delivery]]) -> bool:
        """Settle many births in one transaction, for one wait for the disk; False where each must be looked at alone.

        Raises:
            StoreChanged: The database is another one than before.
        """
        try:
            connection = await self._database.connection()
            names = {route.topic.node for route, _ in births}
            await mass_registration.register_new(
                connection, _AGENT, {name: {} for name in sorted(names, key=str) if name not in self._nodes}
            )
            for found in await registry.find_nodes(connection, [name for name in names if name not in self._nodes]):
                self._nodes[found.name] = KnownNode(found)
            announced: list[Announced] = []
            refused: list[tuple[Route, Delivery, Rejected]] = []
            for route, delivery in births:
                try:
                    announced.append(await self._announced(connection, route, delivery))
                except (ContractError, RegistryRefusal) as error:
                    refused.append((route, delivery, Rejected(error.reason, str(error))))
            # In order of node, as everybody locks them, and for one node in order of arrival.
            announced.sort(key=lambda each: each.node.node_id)
            async with connection.transaction():
                for each in announced:
                    await self._register(connection, each)
            await self._database.learnt()
        except (psycopg.Error, Transient) as error:
            _log.warning("births_apart", births=len(births), reason=str(error))
            self._apart = len(births)
            return False
        for route, delivery, why in refused:
            intake.refuse(route, delivery, why)
        for each in announced:
            self._settle_birth(intake, each)
        return True

    async def _birth(self, connection: Connection, intake: Intake, route: Route, delivery: Delivery) -> None:
        if not delivery.payload:
            intake.settle(Entry(delivery))  # the retained birth was cleared
            return
        announced = await self._announced(connection, route, delivery)
        async with connection.transaction():
            await self._register(connection, announced)
        await self._database.learnt()
        self._settle_birth(intake, announced)

    async def _announced(self, connection: Connection, route: Route, delivery: Delivery) -> Announced:
        """Return what a birth says, with its node.

        Raises:
            MalformedMessage: It does not even say who it is from.
            StoreChanged: It knows more than is here.
        """
        refusal: Rejected | None = None
        try:
            birth = decode_birth(delivery.payload)
        except MalformedMessage as error:
            birth = without_devices(delivery.payload)
            refusal = Rejected(error.reason, str(error))
        node = await self._node(connection, route, _AGENT)
        digest = digest_of(delivery.payload)
        announced = Announced(route, delivery, node, birth, digest, refusal)
        if self._births.get(node.node_id) != digest:
            await check_trust(connection, node, birth)
        return announced

    def _is_repeated(self, announced: Announced) -> bool:
        """Whether the node's last birth said the very same; what is tried again is looked at anew."""
        repeated = self._births.get(announced.node.node_id) == announced.digest
        return repeated and not isinstance(announced.delivery.line, Replays)

    def _settle_birth(self, intake: Intake, announced: Announced) -> None:
        """Answer a birth that is registered, also one of which something was refused.

        A node that hears nothing would keep all that it ever sent.
        """
        node = announced.node
        seen_before = self._is_repeated(announced)
        self._births[node.node_id] = announced.digest
        if announced.refusal is not None or not node.knows(announced.devices):
            node.forget()
            self._ahead.forget(node.node_id)
        if announced.refusal is None:
            node.announced |= announced.devices
        node.kind = _AGENT
        self._news(node.node_id)
        if announced.refusal is not None and not seen_before:
            intake.refuse(announced.route, announced.delivery, announced.refusal)
        else:
            intake.settle(Entry(announced.delivery, node.node_id, node.org_id))

    async def _heartbeat(self, connection: Connection, intake: Intake, route: Route, delivery: Delivery) -> None:
        heartbeat = decode_heartbeat(delivery.payload)
        node = await self._known(connection, route)
        if node is not None:
            self._presence.heartbeat(node.node_id, delivery.received_ms)
            self._clocks.heartbeat(node.node_id, node.org_id, heartbeat.at_ms, delivery.received_ms)
            self._presence.declare(node.node_id, heartbeat.session, heartbeat.epochs)
        intake.settle(Entry(delivery))

    async def _status(self, connection: Connection, intake: Intake, route: Route, delivery: Delivery) -> None:
        if delivery.payload:
            status = decode_status(delivery.payload)
            node = await self._known(connection, route)
            if node is not None:
                self._presence.state(node.node_id, status.state, delivery.received_ms)
        intake.settle(Entry(delivery))

    async def _other(self, _connection: Connection, intake: Intake, _route: Route, delivery: Delivery) -> None:
        intake.settle(Entry(delivery))  # a topic that we did not subscribe to, and that is not for us

    async def _known(self, connection: Connection, route: Route) -> KnownNode | None:
        """Return the node of a route where it is registered."""
        if route.node is None:
            route.node = self._nodes.get(route.topic.node)
        if route.node is None and (found := await registry.find_node(connection, route.topic.node)) is not None:
            route.node = self._nodes[route.topic.node] = KnownNode(found)
        return route.node

    async def _node(self, connection: Connection, route: Route, kind: str) -> KnownNode:
        """Return the node of a route, registered now if it may be.

        Raises:
            RegistryRefusal: Its site does not exist.
            Rejected: It may not be registered.
        """
        node = await self._known(connection, route)
        if node is not None:
            return node
        if kind == _PLAIN and not self._admission.register_plain:
            expected = "one that was announced (SILOSCOPE_REGISTER_PLAIN_DEVICES is off)"
            raise Unannounced("node_unknown", f"topic: found node {route.topic.node}, expected {expected}")
        made = KnownNode(await registry.register_node(connection, route.topic.node, kind))
        _log.info("node_registered", node=str(made.name), kind=kind)
        route.node = self._nodes[route.topic.node] = made
        return made

    async def _register(self, connection: Connection, announced: Announced) -> None:
        """Register what a birth announces, each device by itself; note why one of them is refused."""
        node, birth = announced.node, announced.birth
        if self._is_repeated(announced):
            return
        for device in birth.devices:
            if node.announced.get(device.name) == announced.devices[device.name]:
                continue  # a birth tells of epochs too: each reconnect brings another one with the same devices
            try:
                async with connection.transaction():
                    await registry.register_birth(connection, node.node_id, device)
            except RegistryRefusal as error:
                announced.refusal = Rejected(error.reason, str(error))
            except psycopg.DataError as error:
                reason = f"device {device.name}: {error}".splitlines()[0]
                announced.refusal = Rejected("refused_by_database", reason)
        spans = [declared(node.node_id, birth.session, span) for span in birth.epochs if is_possible(span)]
        if spans:
            await ledger.declare(connection, spans)
        at = from_ms(announced.delivery.received_ms)
        await expectations.name_groups(connection, node.node_id, birth.session, birth.devices, at)
        if announced.refusal is None and self._pages.are_whole(node.node_id, birth):
            await expectations.end_unnamed(connection, node.node_id, birth.session, at)
        if birth.page == birth.pages:
            software = birth.software.replace("\x00", "␀")
            await registry.record_session(connection, node.node_id, birth.session, software, at)


def _is_birth(waiting: tuple[Route, Delivery]) -> bool:
    route, delivery = waiting
    return route.topic.kind is Kind.BIRTH and bool(delivery.payload) and not isinstance(delivery.line, Replays)


_MOST_SHAPES_A_MESSAGE = 256
_Handler = Callable[[Registrar, Connection, Intake, Route, Delivery], Awaitable[None]]
_HANDLERS: dict[Kind, _Handler] = {
    **dict.fromkeys(Kind, Registrar._other),
    Kind.SAMPLES: Registrar._samples,
    Kind.BIRTH: Registrar._birth,
    Kind.HEARTBEAT: Registrar._heartbeat,
    Kind.STATUS: Registrar._status,
}
