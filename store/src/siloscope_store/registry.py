"""Which nodes, devices, groups and channels there are, and how new ones come to be.

A channel's position in its group's arrays is assigned once, in a transaction of its own, under the row locks of device
and group, before its first sample is written. It is never reused. Births add attributes, never positions of their own.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection

from siloscope_contract.births import DeviceBirth
from siloscope_contract.topics import NodeName
from siloscope_store import channel_news
from siloscope_store.statements import statements

_SQL = statements("registry.sql")
Connection = AsyncConnection[Any]

MOST_POSITIONS = 256
MOST_DEVICES = 64
"""Devices that a node gets by merely sending samples; a birth may announce more."""

DEFAULT_GROUP = "main"
DEFAULT_RETENTION = "measurements"


class RegistryRefusal(Exception):
    """Something may not be registered.

    Args:
        reason: Slug for logs, metrics and quarantine.
        detail: What was found and what is expected.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


@dataclass(frozen=True)
class Node:
    """A registered node."""

    node_id: int
    org_id: int
    name: NodeName
    kind: str


@dataclass(frozen=True)
class Channel:
    """A channel and where its values stand."""

    channel_id: int
    key: str
    quantity: str
    unit: str
    group_id: int
    group_key: str
    retention_class: str
    position: int
    active: bool


@dataclass(frozen=True)
class NewChannel:
    """What a channel is made from."""

    key: str
    quantity: str
    unit: str


@dataclass(frozen=True)
class Presence:
    """When a node was heard of; None where there is nothing new."""

    node_id: int
    pack_at: datetime | None = None
    heartbeat_at: datetime | None = None
    state: str | None = None
    state_at: datetime | None = None


async def find_node(connection: Connection, name: NodeName) -> Node | None:
    """Return the node, or None where it was never registered."""
    found = await connection.execute(_SQL["node"], {"org": name.org, "site": name.site, "node": name.node})
    row = await found.fetchone()
    return None if row is None else Node(row[0], row[1], name, row[2])


async def find_nodes(connection: Connection, names: Sequence[NodeName]) -> list[Node]:
    """Return those of the nodes that are registered."""
    found = await connection.execute(
        _SQL["nodes"],
        {
            "orgs": [name.org for name in names],
            "sites": [name.site for name in names],
            "nodes": [name.node for name in names],
        },
    )
    return [Node(row[0], row[1], NodeName.of(*row[2:5]), row[5]) for row in await found.fetchall()]


async def layouts(connection: Connection, node_ids: Sequence[int]) -> dict[tuple[int, str], tuple[int, list[Channel]]]:
    """Return id and channels of every device of these nodes that has channels, by (node_id, device)."""
    found = await connection.execute(_SQL["layouts"], {"node_ids": list(node_ids)})
    devices: dict[tuple[int, str], tuple[int, list[Channel]]] = {}
    for node_id, device, device_id, *channel in await found.fetchall():
        devices.setdefault((node_id, device), (device_id, []))[1].append(Channel(*channel))
    return devices


async def register_node(connection: Connection, name: NodeName, kind: str) -> Node:
    """Return the node, registered now if need be.

    Raises:
        RegistryRefusal: Its organisation or site does not exist; those are made by people.
    """
    found = await connection.execute(_SQL["site"], {"org": name.org, "site": name.site})
    row = await found.fetchone()
    if row is None:
        raise RegistryRefusal(
            "organisation_unknown", f"topic: found organisation {name.org!r}, expected an existing one"
        )
    if row[1] is None:
        raise RegistryRefusal("site_unknown", f"topic: found site {name.org}/{name.site}, expected an existing one")
    parameters = {"org_id": row[0], "site_id": row[1], "node": name.node, "kind": kind}
    await connection.execute(_SQL["create_node"], parameters)
    node = await find_node(connection, name)
    assert node is not None
    return node


async def find_device(connection: Connection, node_id: int, device: str) -> int | None:
    """Return a device's id, or None."""
    found = await connection.execute(_SQL["device"], {"node_id": node_id, "device": device})
    row = await found.fetchone()
    return None if row is None else int(row[0])


async def register_device(connection: Connection, node_id: int, device: str, most: int | None = None) -> int:
    """Return the id of a device, registered now if need be.

    Raises:
        RegistryRefusal: The node has `most` devices already.
    """
    known = await find_device(connection, node_id, device)
    if known is not None:
        return known
    async with connection.transaction():
        if most is not None:
            await connection.execute(_SQL["lock_node"], {"node_id": node_id})
            counted = await (await connection.execute(_SQL["count_devices"], {"node_id": node_id})).fetchone()
            if counted is not None and counted[0] >= most:
                raise RegistryRefusal(
                    "too_many_devices",
                    f"device {device}: found {counted[0]} devices of this node, expected at most {most}",
                )
        await connection.execute(_SQL["create_device"], {"node_id": node_id, "device": device})
    made = await find_device(connection, node_id, device)
    assert made is not None
    return made


async def channels(connection: Connection, device_id: int) -> list[Channel]:
    """Return all channels of a device, retired ones too, oldest first."""
    found = await connection.execute(_SQL["channels"], {"device_id": device_id})
    return [Channel(*row) for row in await found.fetchall()]


async def locked_channels(connection: Connection, device_id: int) -> list[Channel]:
    """Return all channels of a device, to which nobody else adds any before this transaction ends."""
    await connection.execute(_SQL["lock_device"], {"device_id": device_id})
    return await channels(connection, device_id)


async def announces_itself(connection: Connection, node_id: int) -> bool:
    """Say whether a node tells by births what it has: it did so before, or has a credential of its own as agents do."""
    row = await (await connection.execute(_SQL["announces_itself"], {"node_id": node_id})).fetchone()
    return row is not None and bool(row[0])


async def add_channels(
    connection: Connection,
    device_id: int,
    wanted: Sequence[NewChannel],
    *,
    group_key: str = DEFAULT_GROUP,
    retention_class: str = DEFAULT_RETENTION,
    interval_s: float | None = None,
) -> None:
    """Give a group these channels, in a transaction of its own: new ones get the next positions.

    A channel that changes its unit or group is retired, and a new one succeeds it; when it changes back, the old one
    lives again.

    Raises:
        RegistryRefusal: The group has no position left.
    """
    async with connection.transaction():
        await connection.execute(_SQL["lock_device"], {"device_id": device_id})
        group_id = await _group(connection, device_id, group_key, retention_class, interval_s)
        plan = plan_channels(wanted, await channels(connection, device_id), group_id)
        if plan.retired:
            await connection.execute(_SQL["retire_channels"], {"channel_ids": plan.retired})
        if plan.revived:
            await connection.execute(_SQL["revive_channels"], {"channel_ids": plan.revived})
        if plan.created:
            await _create_channels(connection, group_id, plan.created)
        if plan.retired or plan.revived:
            await channel_news.announce(connection, device_id)


@dataclass(frozen=True)
class ChannelPlan:
    """What a group lacks of the channels that are wanted.

    Attributes:
        retired: Channels that another one takes the place of.
        revived: Retired channels that live again.
        created: New channels, each with the one that it succeeds.
    """

    retired: list[int]
    revived: list[int]
    created: list[tuple[NewChannel, int | None]]


def plan_channels(wanted: Sequence[NewChannel], known: Sequence[Channel], group_id: int) -> ChannelPlan:
    """Work out how a group comes to have these channels, given all channels of its device."""
    plan = ChannelPlan([], [], [])
    active = {each.key: each for each in known if each.active}
    same = {(each.key, each.unit, each.group_id): each for each in known}
    for each in wanted:
        before, earlier = active.get(each.key), same.get((each.key, each.unit, group_id))
        if before is not None and before is earlier:
            continue
        if before is not None:
            plan.retired.append(before.channel_id)
        if earlier is not None:
            plan.revived.append(earlier.channel_id)
        else:
            plan.created.append((each, None if before is None else before.channel_id))
    return plan


async def register_birth(connection: Connection, node_id: int, device: DeviceBirth) -> int:
    """Register a device as its node announces it, and return its id.

    Raises:
        RegistryRefusal: A group has no position left.
    """
    device_id = await register_device(connection, node_id, device.name)
    names = {"device_id": device_id, "title": device.title, "profile": device.profile}
    await connection.execute(_SQL["describe_device"], names)
    for group in device.groups:
        await add_channels(
            connection,
            device_id,
            [NewChannel(each.key, each.quantity, each.unit) for each in group.channels],
            group_key=group.key,
            retention_class=group.retention_class.value,
            interval_s=group.interval_s if group.interval_s and group.interval_s > 0 else None,
        )
        if group.delivery_s and group.delivery_s > 0:
            told = {"device_id": device_id, "key": group.key, "delivery_s": group.delivery_s}
            await connection.execute(_SQL["describe_delivery"], told)
        described = [
            {
                "device_id": device_id,
                "key": each.key,
                "quantity": each.quantity,
                "title": each.title,
                "resolution": each.resolution,
                "low": each.low,
                "high": each.high,
            }
            for each in group.channels
        ]
        async with connection.transaction(), connection.cursor() as cursor:
            await cursor.executemany(_SQL["describe_channel"], described)
    return device_id


async def record_session(connection: Connection, node_id: int, session: str, software: str, at: datetime) -> None:
    """Note that a birth of this session was seen under today's generation, and that the node is an agent."""
    parameters = {"node_id": node_id, "session": session, "software": software, "at": at}
    await connection.execute(_SQL["record_session"], parameters)
    await connection.execute(_SQL["describe_node"], parameters)


async def note_presence(connection: Connection, presences: Sequence[Presence]) -> None:
    """Note when nodes were last heard of."""
    node_ids = [each.node_id for each in presences]
    async with connection.transaction():
        await connection.execute(_SQL["lock_nodes"], {"node_ids": node_ids})
        await connection.execute(
            _SQL["note_presence"],
            {
                "node_ids": node_ids,
                "pack_ats": [each.pack_at for each in presences],
                "heartbeat_ats": [each.heartbeat_at for each in presences],
                "states": [each.state for each in presences],
                "state_ats": [each.state_at for each in presences],
            },
        )


async def audit(connection: Connection, org_id: int, action: str, subject: str, detail: dict[str, Any]) -> None:
    """Write what people must be able to look up later."""
    parameters = {"org_id": org_id, "action": action, "subject": subject, "detail": json.dumps(detail)}
    await connection.execute(_SQL["audit"], parameters)


async def _group(
    connection: Connection, device_id: int, key: str, retention_class: str, interval_s: float | None
) -> int:
    """Return the id of a group, made if need be, with its row locked."""
    parameters = {"device_id": device_id, "key": key, "retention_class": retention_class, "interval_s": interval_s}
    await connection.execute(_SQL["create_group"], parameters)
    row = await (await connection.execute(_SQL["lock_group"], parameters)).fetchone()
    assert row is not None
    if row[1] != retention_class:
        raise RegistryRefusal(
            "retention_class_changed",
            f"group {key}: found retention class {retention_class}, expected {row[1]}: its samples stand in that table",
        )
    await connection.execute(_SQL["describe_group"], {"group_id": row[0], "interval_s": interval_s})
    return int(row[0])


async def _create_channels(
    connection: Connection, group_id: int, created: Sequence[tuple[NewChannel, int | None]]
) -> None:
    row = await (await connection.execute(_SQL["next_position"], {"group_id": group_id})).fetchone()
    assert row is not None
    if row[0] + len(created) > MOST_POSITIONS:
        raise RegistryRefusal(
            "too_many_channels",
            f"channel {created[0][0].key} and {len(created) - 1} more: found {row[0]} positions taken in their group, "
            f"expected at most {MOST_POSITIONS} in all",
        )
    await connection.execute(
        _SQL["create_channels"],
        {
            "group_id": group_id,
            "first_position": row[0],
            "keys": [each.key for each, _ in created],
            "quantities": [each.quantity for each, _ in created],
            "units": [each.unit for each, _ in created],
            "succeeds": [succeeds for _, succeeds in created],
        },
    )
