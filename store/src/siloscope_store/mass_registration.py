"""Many nodes and devices registered at once, so that all of them cost one wait for the disk."""

from collections.abc import Mapping, Sequence
from typing import Any

from psycopg import AsyncConnection

from siloscope_contract.topics import NodeName
from siloscope_store.registry import DEFAULT_GROUP, DEFAULT_RETENTION, NewChannel
from siloscope_store.statements import columns, statements

_SQL = statements("mass_registration.sql")
Connection = AsyncConnection[Any]


async def register_new(
    connection: Connection, kind: str, wanted: Mapping[NodeName, Mapping[str, Sequence[NewChannel]]]
) -> int:
    """Register nodes that are not there yet, each with its devices and their first channels; return how many.

    All in one transaction of its own, so that many cost one wait for the disk. What is there already is left alone: it
    may have channels that this does not know of. Nodes whose site does not exist are left out too.
    """
    names = list(wanted)
    parameters = {
        "orgs": [name.org for name in names],
        "sites": [name.site for name in names],
        "nodes": [name.node for name in names],
        "kind": kind,
    }
    async with connection.transaction():
        made = await (await connection.execute(_SQL["create_nodes"], parameters)).fetchall()
        devices = [
            (row[0], device, channels) for row in made for device, channels in wanted[NodeName.of(*row[1:4])].items()
        ]
        if devices:
            await _create_devices(connection, devices)
    return len(made)


async def register_devices(
    connection: Connection, wanted: Mapping[int, Mapping[str, Sequence[NewChannel]]], most_devices: int
) -> int:
    """Register devices of nodes that are there, each with its default group and first channels; return how many.

    All in one transaction of its own. A device that is there already is left alone. So are all of a node that announces
    its devices itself, or that would come to have more than `most_devices`: these are to be looked at one by one.
    """
    if not wanted:
        return 0
    async with connection.transaction():
        found = await connection.execute(_SQL["lock_nodes"], {"node_ids": sorted(wanted)})
        locked = [row[0] for row in await found.fetchall()]
        found = await connection.execute(_SQL["count_devices_of"], {"node_ids": locked})
        counted: dict[int, int] = dict(await found.fetchall())
        devices = [
            (node_id, device, channels)
            for node_id in locked
            if node_id in counted and counted[node_id] + len(wanted[node_id]) <= most_devices
            for device, channels in sorted(wanted[node_id].items())
        ]
        return await _create_devices(connection, devices) if devices else 0


async def _create_devices(connection: Connection, devices: Sequence[tuple[int, str, Sequence[NewChannel]]]) -> int:
    """Make those of these devices that are not there, each with its default group and first channels."""
    parameters = {
        "node_ids": [node_id for node_id, _, _ in devices],
        "devices": [device for _, device, _ in devices],
        "group_key": DEFAULT_GROUP,
        "retention_class": DEFAULT_RETENTION,
    }
    made = await (await connection.execute(_SQL["create_devices"], parameters)).fetchall()
    channels_of = {(node_id, device): channels for node_id, device, channels in devices}
    rows = [
        (org_id, group_id, device_id, each.key, each.quantity, each.unit, position)
        for node_id, device, org_id, device_id, group_id in made
        for position, each in enumerate(channels_of[node_id, device])
    ]
    names = ("org_ids", "group_ids", "device_ids", "keys", "quantities", "units", "positions")
    await connection.execute(_SQL["create_first_channels"], columns(names, rows))
    return len(made)
