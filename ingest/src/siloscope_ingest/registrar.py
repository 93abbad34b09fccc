"""The registrar: one task that asks and extends the registry, for everything that intake could not settle alone.

It takes messages in the order of their arrival: a birth registers channels before the samples behind it need them.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from hashlib import blake2b
from itertools import islice

import psycopg
import structlog

from siloscope_contract.births import Birth, EpochSpan, decode_birth, decode_heartbeat, decode_status
from siloscope_contract.errors import ContractError, MalformedPack
from siloscope_contract.packs import Epoch, Sample, decode
from siloscope_contract.topics import Kind, NodeName
from siloscope_contract.units import UNITS
from siloscope_ingest.backoff import Backoff
from siloscope_ingest.database import Connection, Database, sorted_error
from siloscope_ingest.deliveries import Delivery
from siloscope_ingest.entries import Entry
from siloscope_ingest.errors import Rejected, StoreChanged, Transient, Unannounced
from siloscope_ingest.far_weeks import FarWeeks
from siloscope_ingest.intake import Intake, Route
from siloscope_ingest.look_ahead import MANY, MOST_AT_ONCE, LookAhead
from siloscope_ingest.nodes import KnownNode
from siloscope_ingest.presence import PresenceBook, is_possible
from siloscope_ingest.resolving import ShapeMissing, WeekUnknown
from siloscope_ingest.shapes import ChannelsMissing, Shape, shape
from siloscope_process.clock import Clock, from_ms
from siloscope_store import ledger, registry, watermarks
from siloscope_store.ledger import Declared
from siloscope_store.registry import NewChannel, RegistryRefusal

_log = structlog.get_logger(__name__)
_AGENT, _PLAIN = "agent", "plain"


@dataclass(frozen=True)
class Admission:
    """What may come in unannounced.

    Attributes:
        register_plain: Whether nodes, devices and channels may be registered by merely sending samples.
        most_devices: How many devices a node gets that way.
    """

    register_plain: bool = True
    most_devices: int = registry.MOST_DEVICES


class Registrar:
    """Settles what intake parked.

    Args:
        database: A connection of its own.
        admission: What may come in unannounced.
        presence: Told of births, heartbeats and statuses.
        clock: For pauses.
        news: Called with a node whose watermark is to be published.
        weeks: Asked to open weeks far from now.
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
    ) -> None:
        self._database = database
        self._admission = admission
        self._presence = presence
        self._clock = clock
        self._news = news
        self._weeks = weeks
        self._waiting: deque[tuple[Route, Delivery]] = deque()
        self._some = asyncio.Event()
        self._nodes: dict[NodeName, KnownNode] = {}
        self._births: dict[int, bytes] = {}
        self._ahead = LookAhead()

    @property
    def waiting(self) -> int:
        """How many messages wait."""
        return len(self._waiting)

    def park(self, route: Route, delivery: Delivery) -> None:
        """Take a message."""
        self._waiting.append((route, delivery))
        self._some.set()

    async def run(self, intake: Intake) -> None:
        """Settle messages until cancelled.

        Raises:
            Fatal: The database refuses us.
            StoreChanged: It is another one than before.
        """
        while True:
            await self._some.wait()
            while self._waiting:
                if len(self._waiting) >= MANY and self._ahead.is_used_up:
                    await self._look_ahead()
                await self._settle(intake, *self._waiting[0])
                self._waiting.popleft()
                self._ahead.settled()
            self._some.clear()

    async def _look_ahead(self) -> None:
        """Ask for many nodes at once; where that fails, each is asked for by itself and waits for the database."""
        names = [route.topic.node for route, _ in islice(self._waiting, MOST_AT_ONCE)]
        try:
            await self._ahead.fill(await self._database.connection(), names, self._nodes)
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
            await _HANDLERS[route.topic.kind](self, connection, intake, route, delivery)
        except ContractError as error:
            raise Rejected(error.reason, str(error)) from error
        except RegistryRefusal as error:
            raise Rejected(error.reason, str(error)) from error
        except psycopg.Error as error:
            raise sorted_error(error) from error

    async def _samples(self, connection: Connection, intake: Intake, route: Route, delivery: Delivery) -> None:
        if route.node is None:
            _check_readable(delivery)
        node = await self._node(connection, route, _PLAIN)
        shapes = 0
        while shapes < _MOST_SHAPES_A_MESSAGE:
            try:
                intake.admit(node, delivery)
                return
            except WeekUnknown as unknown:  # there are no more of them than the weeks of the believed years
                await self._weeks.ask(connection, node.node_id, unknown.week, delivery.received_ms)
            except ShapeMissing as missing:
                shapes += 1
                # Committed before the first sample that uses it; all of it at once, for one wait for the disk.
                async with connection.transaction():
                    learnt = await self._learn(connection, node, missing.sample)
                node.remember(missing.sample.device, learnt)
        raise Rejected("too_many_shapes", f"payload: found more than {_MOST_SHAPES_A_MESSAGE} kinds of samples")

    async def _birth(self, connection: Connection, intake: Intake, route: Route, delivery: Delivery) -> None:
        if not delivery.payload:
            intake.settle(Entry(delivery))  # the retained birth was cleared
            return
        birth = decode_birth(delivery.payload)
        node = await self._node(connection, route, _AGENT)
        digest = blake2b(delivery.payload, digest_size=16).digest()
        if self._births.get(node.node_id) != digest:
            await self._check_trust(connection, node, birth)
            await self._register(connection, node, birth)
            if birth.page == birth.pages:
                at = from_ms(delivery.received_ms)
                await registry.record_session(connection, node.node_id, birth.session, birth.software, at)
            self._births[node.node_id] = digest
        node.kind = _AGENT
        self._news(node.node_id)
        intake.settle(Entry(delivery, node.node_id, node.org_id))

    async def _heartbeat(self, connection: Connection, intake: Intake, route: Route, delivery: Delivery) -> None:
        heartbeat = decode_heartbeat(delivery.payload)
        node = await self._known(connection, route)
        if node is not None:
            self._presence.heartbeat(node.node_id, delivery.received_ms)
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
            known = self._nodes.get(route.topic.node)
            if known is None:
                found = await registry.find_node(connection, route.topic.node)
                if found is None:
                    return None
                known = self._nodes[route.topic.node] = KnownNode(found)
            route.node = known
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

    async def _learn(self, connection: Connection, node: KnownNode, sample: Sample) -> Shape:
        """Return the shape of a sample, registering device and channels if need be and allowed."""
        device_id, channels = await self._ahead.device(connection, node.node_id, sample.device)
        try:
            found = shape(sample.names, sample.units, channels)
        except ChannelsMissing as missing:
            self._check_admission(node, sample, missing)
            if device_id is None:
                most = None if node.kind == _AGENT else self._admission.most_devices
                device_id = await registry.register_device(connection, node.node_id, sample.device, most)
            await self._add_channels(connection, device_id, channels, missing)
            node.forget()
            found = shape(sample.names, sample.units, await registry.channels(connection, device_id))
        return found

    def _check_admission(self, node: KnownNode, sample: Sample, missing: ChannelsMissing) -> None:
        if node.kind == _PLAIN and not self._admission.register_plain:
            found = ", ".join(key for key, _ in missing.wanted)
            raise Unannounced(
                "channel_unknown",
                f"device {sample.device}: found {found}, expected registered channels "
                "(SILOSCOPE_REGISTER_PLAIN_DEVICES is off)",
            )

    async def _add_channels(
        self, connection: Connection, device_id: int, known: list[registry.Channel], missing: ChannelsMissing
    ) -> None:
        """Add channels, each to the group that its key has already."""
        of_key = {each.key: each for each in known}
        by_group: dict[tuple[str, str], list[NewChannel]] = {}
        for key, unit in missing.wanted:
            before = of_key.get(key)
            group = (before.group_key, before.retention_class) if before else _DEFAULT_GROUP
            by_group.setdefault(group, []).append(NewChannel(key, _quantity(unit), unit))
        for (group_key, retention_class), wanted in by_group.items():
            await registry.add_channels(
                connection, device_id, wanted, group_key=group_key, retention_class=retention_class
            )
        _log.info("channels_registered", device_id=device_id, channels=[key for key, _ in missing.wanted])

    async def _register(self, connection: Connection, node: KnownNode, birth: Birth) -> None:
        for device in birth.devices:
            await registry.register_birth(connection, node.node_id, device)
        node.forget()
        self._ahead.forget(node.node_id)
        declared = [
            Declared(node.node_id, span.epoch, span.next, span.lowest, birth.session)
            for span in birth.epochs
            if is_possible(span)
        ]
        if declared:
            await ledger.declare(connection, declared)

    async def _check_trust(self, connection: Connection, node: KnownNode, birth: Birth) -> None:
        """Change the generation where a node was told more than is here: the database has gone back in time.

        Raises:
            StoreChanged: It has.
        """
        believed = await watermarks.identity(connection)
        if (birth.store, birth.generation) != (believed.store, believed.generation):
            return
        told = {each: below for each, below in birth.committed.items() if is_possible(EpochSpan(Epoch(each), 0, below))}
        here = await watermarks.belows(connection, node.node_id, list(told)) if told else {}
        for epoch, below in told.items():
            if below > here.get(epoch, 1):
                _log.error("database_went_back", node=str(node.name), epoch=epoch, told=below, found=here.get(epoch))
                await watermarks.lose_trust(connection, believed)
                raise StoreChanged(f"{node.name} was told of numbers below {below} of {epoch}, and they are not here")


_DEFAULT_GROUP = (registry.DEFAULT_GROUP, registry.DEFAULT_RETENTION)
_MOST_SHAPES_A_MESSAGE = 256
_Handler = Callable[[Registrar, Connection, Intake, Route, Delivery], Awaitable[None]]
_HANDLERS: dict[Kind, _Handler] = {
    **dict.fromkeys(Kind, Registrar._other),
    Kind.SAMPLES: Registrar._samples,
    Kind.BIRTH: Registrar._birth,
    Kind.HEARTBEAT: Registrar._heartbeat,
    Kind.STATUS: Registrar._status,
}


def _check_readable(delivery: Delivery) -> None:
    """Refuse what cannot be read, so that it registers nobody; but a number that was read is to be accounted for."""
    try:
        decode(delivery.payload, received_ms=delivery.received_ms)
    except MalformedPack as error:
        if error.seq is None:
            raise


def _quantity(unit: str) -> str:
    return UNITS[unit].quantity
