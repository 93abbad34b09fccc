"""What may come in without being announced: devices and channels that are registered by merely sending samples."""

from dataclasses import dataclass, field

import structlog

from siloscope_contract.errors import MalformedPack
from siloscope_contract.packs import Sample, decode
from siloscope_contract.units import UNITS
from siloscope_ingest.births_awaited import BirthsAwaited
from siloscope_ingest.database import Connection
from siloscope_ingest.deliveries import Delivery
from siloscope_ingest.errors import BirthAwaited, Unannounced
from siloscope_ingest.look_ahead import LookAhead
from siloscope_ingest.nodes import AGENT, PLAIN, KnownNode
from siloscope_ingest.resolving import number_of
from siloscope_ingest.shapes import ChannelsMissing, Shape, shape
from siloscope_store import registry
from siloscope_store.registry import Channel, NewChannel, RegistryRefusal

_log = structlog.get_logger(__name__)
_DEFAULT_GROUP = (registry.DEFAULT_GROUP, registry.DEFAULT_RETENTION)


@dataclass(frozen=True)
class Admission:
    """What may come in unannounced.

    Attributes:
        register_plain: Whether nodes, devices and channels may be registered by merely sending samples.
        most_devices: How many devices a node gets that way.
        awaited: How long numbered packs wait for the birth.
    """

    register_plain: bool = True
    most_devices: int = registry.MOST_DEVICES
    awaited: BirthsAwaited = field(default_factory=lambda: BirthsAwaited(0))


def check_readable(delivery: Delivery) -> None:
    """Refuse what cannot be read, so that it registers nobody; but a number that was read is to be accounted for.

    Raises:
        MalformedPack: It cannot be read, and bears no number.
    """
    try:
        decode(delivery.payload, received_ms=delivery.received_ms)
    except MalformedPack as error:
        if error.seq is None:
            raise


async def admitted(
    connection: Connection,
    admission: Admission,
    ahead: LookAhead,
    node: KnownNode,
    sample: Sample,
    delivery: Delivery,
) -> Shape:
    """Return the shape of a sample, registering its device and channels if need be and allowed.

    Raises:
        Unannounced: It must be announced first, and so must a numbered pack of more devices than may come unannounced:
            its number stays open, it will be sent again behind the birth.
        BirthAwaited: The same, for a numbered pack of a node that announces itself.
        RegistryRefusal: It may not be registered.
    """
    device_id, channels = await ahead.device(connection, node.node_id, sample.device)
    try:
        return shape(sample.names, sample.units, channels)
    except ChannelsMissing as missing:
        _check(admission, node, sample, missing)
        numbered = number_of(delivery)[1] is not None
        if numbered and await registry.announces_itself(connection, node.node_id):
            keys = tuple(key for key, _ in missing.wanted)
            if admission.awaited.must_wait(node, sample.device, keys, delivery.received_ms):
                raise BirthAwaited(sample.device, keys) from None
    try:
        return await _learn(connection, admission, node, sample, device_id)
    except RegistryRefusal as error:
        if error.reason == "too_many_devices" and numbered:
            raise Unannounced(error.reason, str(error)) from error
        raise


async def _learn(
    connection: Connection, admission: Admission, node: KnownNode, sample: Sample, device_id: int | None
) -> Shape:
    if device_id is None:
        most = None if node.kind == AGENT else admission.most_devices
        device_id = await registry.register_device(connection, node.node_id, sample.device, most)
    # Another worker may have registered a birth since: nobody can from here on.
    channels = await registry.locked_channels(connection, device_id)
    try:
        return shape(sample.names, sample.units, channels)
    except ChannelsMissing as missing:
        await _add_channels(connection, device_id, channels, missing)
    node.forget()
    return shape(sample.names, sample.units, await registry.channels(connection, device_id))


def _check(admission: Admission, node: KnownNode, sample: Sample, missing: ChannelsMissing) -> None:
    if node.kind == PLAIN and not admission.register_plain:
        found = ", ".join(key for key, _ in missing.wanted)
        raise Unannounced(
            "channel_unknown",
            f"device {sample.device}: found {found}, expected registered channels "
            "(SILOSCOPE_REGISTER_PLAIN_DEVICES is off)",
        )


async def _add_channels(connection: Connection, device_id: int, known: list[Channel], missing: ChannelsMissing) -> None:
    """Add channels, each to the group that its key has already."""
    of_key = {each.key: each for each in known}
    by_group: dict[tuple[str, str], list[NewChannel]] = {}
    for key, unit in missing.wanted:
        before = of_key.get(key)
        group = (before.group_key, before.retention_class) if before else _DEFAULT_GROUP
        by_group.setdefault(group, []).append(NewChannel(key, UNITS[unit].quantity, unit))
    for (group_key, retention_class), wanted in by_group.items():
        await registry.add_channels(connection, device_id, wanted, group_key=group_key, retention_class=retention_class)
    _log.info("channels_registered", device_id=device_id, channels=[key for key, _ in missing.wanted])
