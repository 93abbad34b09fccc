"""Where the values of a file go: names become nodes, devices and channels of the registry, made if need be."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count

from siloscope_contract.errors import ContractError
from siloscope_contract.names import is_slug, slugify
from siloscope_contract.quantities import QUANTITIES, quantity
from siloscope_contract.topics import NodeName
from siloscope_contract.units import Unit
from siloscope_store import registry
from siloscope_store.exchange.readings import Key
from siloscope_store.exchange.units import unit_of
from siloscope_store.registry import Channel, Connection, NewChannel, RegistryRefusal
from siloscope_store.samples import SampleTable

TABLES = {"measurements": SampleTable.MEASUREMENTS, "vitals": SampleTable.VITALS}
_ANY = 1.7e308
_TAKEN_FOR = {
    "C": "'Cel' or 'degC' for a temperature; coulombs only with a quantity beside them",
    "F": "'degF' for a temperature; farads only with a quantity beside them",
}


class Group:
    """A group that the file writes to; `length` is how many positions it has."""

    __slots__ = ("group_id", "length", "table")

    def __init__(self, group_id: int, table: SampleTable) -> None:
        self.group_id = group_id
        self.table = table
        self.length = 0


@dataclass(frozen=True)
class Target:
    """One channel, and how values of the file become its own."""

    group: Group
    position: int
    unit: Unit | None
    low: float
    high: float


@dataclass(frozen=True)
class NoTarget:
    """Why a name of the file stands for no channel."""

    column: str
    found: str
    expected: str


@dataclass(frozen=True)
class Made:
    """How new channels come to be."""

    org: str
    site: str
    node: str | None
    create_node: bool = False
    group: str = registry.DEFAULT_GROUP
    retention_class: str = registry.DEFAULT_RETENTION
    interval_s: float | None = None


class Targets:
    """Finds and makes channels.

    Args:
        connection: Outside of a transaction; None makes and finds nothing: a dry run without a database.
        made: Whose they are.
        dry: Make nothing; what would be new gets a place that is not stored.

    Attributes:
        known: Per name of the file its channel, or why it has none.
        new_channels: What was made, as node/device/channel [unit].
    """

    def __init__(self, connection: Connection, made: Made, *, dry: bool) -> None:
        self.known: dict[Key, Target | NoTarget] = {}
        self.new_channels: list[str] = []
        self._connection = connection
        self._made = made
        self._dry = dry
        self._nodes: dict[str, int | None] = {}
        self._devices: dict[tuple[int, str], tuple[int | None, list[Channel]]] = {}
        self._groups: dict[int, Group] = {}
        self._spelled: dict[tuple[str, ...], str] = {}
        self._imagined = 0

    async def resolve(self, keys: Iterable[Key]) -> None:
        """Learn names that are not known yet."""
        for key in keys:
            if key in self.known:
                continue
            try:
                self.known[key] = await self._target(key)
            except _Impossible as error:
                self.known[key] = error.reason
            except ContractError as error:
                self.known[key] = NoTarget(error.place, str(error.found), error.expected)
            except RegistryRefusal as error:
                self.known[key] = NoTarget("channel", f"{key.device}/{key.channel}", str(error))

    async def _target(self, key: Key) -> Target:
        unit = None if key.unit is None else unit_of(key.unit)
        if key.quantity is None and key.unit in _TAKEN_FOR:
            raise _Impossible("unit", key.unit, _TAKEN_FOR[key.unit])
        wanted = None if unit is None else _quantity_of(key, unit)
        node_id = await self._node(key.node)
        device = self._slug((str(node_id),), key.device, "device")
        channel = self._slug((str(node_id), device), key.channel, "channel")
        device_id, channels = await self._device(node_id, device)
        same = [each for each in channels if each.key == channel]
        found = next((each for each in same if each.active), same[-1] if same else None)
        if unit is not None:
            found = next(
                (each for each in reversed(same) if each.unit == unit.canonical and each.active), None
            ) or next((each for each in reversed(same) if each.unit == unit.canonical), None)
            active = next((each for each in same if each.active), None)
            if found is None and active is not None:
                raise _Impossible(
                    "unit",
                    key.unit or "",
                    f"{active.unit}, or a unit that becomes it: {device}/{channel} is in {active.unit}",
                )
        if found is None:
            if unit is None or wanted is None:
                raise _Impossible(
                    "unit",
                    "none",
                    f"a unit for the new channel {device}/{channel}: a unit column, 'name [unit]', a mapping",
                )
            found = await self._make(node_id, device, device_id, key, NewChannel(channel, wanted, unit.canonical))
        return self._at(found, unit)

    def _at(self, channel: Channel, unit: Unit | None) -> Target:
        group = self._groups.get(channel.group_id)
        if group is None:
            group = self._groups[channel.group_id] = Group(channel.group_id, TABLES[channel.retention_class])
        group.length = max(group.length, channel.position + 1)
        limits = QUANTITIES.get(channel.quantity)
        low, high = (limits.low, limits.high) if limits else (-_ANY, _ANY)
        return Target(group, channel.position, unit if unit is not None and unit.converts else None, low, high)

    def _slug(self, around: tuple[str, ...], text: str, what: str) -> str:
        """Return a name's slug; two names of a file never become one."""
        try:
            slug = text if is_slug(text) else str(slugify(text))
        except ContractError as error:
            raise _Impossible(what, text, error.expected) from None
        owner = self._spelled.setdefault((*around, slug), text)
        if owner != text:
            raise _Impossible(what, text, f"a name of its own: {owner!r} is {slug!r} already")
        return slug

    async def _node(self, text: str | None) -> int:
        made = self._made
        name = made.node or text
        if name is None:
            raise _Impossible("node", "none", "--node, or a column that names the node")
        slug = self._slug((), name, "node")
        if slug not in self._nodes:
            wanted = NodeName.of(made.org, made.site, slug)
            found = await registry.find_node(self._connection, wanted)
            if found is None and made.create_node and not self._dry:
                found = await registry.register_node(self._connection, wanted, "plain")
            self._nodes[slug] = None if found is None else found.node_id
            if found is None and made.create_node:
                self._nodes[slug] = -len(self._nodes) - 1
        node_id = self._nodes[slug]
        if node_id is None:
            raise _Impossible("node", slug, f"a node of {made.org}/{made.site}; --create-node makes it")
        return node_id

    async def _device(self, node_id: int, device: str) -> tuple[int | None, list[Channel]]:
        known = self._devices.get((node_id, device))
        if known is None:
            device_id = await registry.find_device(self._connection, node_id, device)
            channels = [] if device_id is None else await registry.channels(self._connection, device_id)
            known = self._devices[(node_id, device)] = (device_id, channels)
            for each in channels:
                self._at(each, None)
        return known

    def _with_room(self, node_id: int, device: str, group: str) -> str:
        """Return the group, or the first further one that has a position left: group-2, group-3 and so on."""
        _, channels = self._devices[(node_id, device)]
        taken = Counter(each.group_key for each in channels)
        names = (group if number == 1 else f"{group}-{number}" for number in count(1))
        return next(name for name in names if taken[name] < registry.MOST_POSITIONS)

    async def _make(self, node_id: int, device: str, device_id: int | None, key: Key, wanted: NewChannel) -> Channel:
        made, group = self._made, self._with_room(node_id, device, key.group or self._made.group)
        self.new_channels.append(f"{device}/{wanted.key} [{wanted.unit}]")
        if self._dry:
            return self._imagine(node_id, device, wanted, group, key.retention_class or made.retention_class)
        if device_id is None:
            device_id = await registry.register_device(self._connection, node_id, device)
        await registry.add_channels(
            self._connection,
            device_id,
            [wanted],
            group_key=group,
            retention_class=key.retention_class or made.retention_class,
            interval_s=made.interval_s,
        )
        channels = await registry.channels(self._connection, device_id)
        self._devices[(node_id, device)] = (device_id, channels)
        return next(each for each in reversed(channels) if each.key == wanted.key and each.active)

    def _imagine(self, node_id: int, device: str, wanted: NewChannel, group: str, retention_class: str) -> Channel:
        device_id, channels = self._devices[(node_id, device)]
        own = [each for each in channels if each.group_key == group]
        if not own:
            self._imagined -= 1
        group_id = own[0].group_id if own else self._imagined
        position = max((each.position for each in own), default=-1) + 1
        channel = Channel(
            *(0, wanted.key, wanted.quantity, wanted.unit, group_id),
            *(group, retention_class, position, True),
        )
        self._devices[(node_id, device)] = (device_id, [*channels, channel])
        return channel


class _Impossible(Exception):
    """A name stands for no channel."""

    def __init__(self, column: str, found: str, expected: str) -> None:
        super().__init__(expected)
        self.reason = NoTarget(column, found, expected)


def _quantity_of(key: Key, unit: Unit) -> str:
    """Return what is measured: what the file says, else what the channel's name says, else what the unit suggests."""
    if key.quantity is not None:
        said = quantity(key.quantity)
        if said.unit != unit.canonical:
            raise _Impossible("quantity", key.quantity, f"one that is measured in {unit.canonical}, not in {said.unit}")
        return said.name
    suggested = QUANTITIES.get(key.channel)
    return suggested.name if suggested is not None and suggested.unit == unit.canonical else unit.quantity
