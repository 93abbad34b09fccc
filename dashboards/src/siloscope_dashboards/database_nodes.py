"""Nodes from the database: what is set here, the gateway takes to them."""

from typing import Any

from siloscope_dashboards.auth.tokens import Identity
from siloscope_dashboards.database import lent
from siloscope_dashboards.errors import Conflict
from siloscope_dashboards.nodes.models import (
    ConfigVersion,
    ConfigVersions,
    NewCommand,
    NewConfig,
    NodeCommand,
    NodeCommands,
    NodeConfig,
)
from siloscope_store import node_commands, node_configs
from siloscope_store.connections import Pool
from siloscope_store.errors import VersionChanged
from siloscope_store.node_commands import StoredCommand
from siloscope_store.node_configs import NewVersion, StoredVersion


class DatabaseNodes:
    """Nodes of one organisation at a time.

    Args:
        pool: An open pool.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def config(self, org_id: int, node_id: int) -> NodeConfig | None:
        async with lent(self._pool) as connection:
            if await node_configs.name_of(connection, org_id, node_id) is None:
                return None
            versions = await node_configs.versions(connection, org_id, node_id, limit=1)
            said = await node_configs.state(connection, org_id, node_id)
        newest = _version(versions[0]) if versions else None
        state: Any = "unset" if newest is None else newest.outcome or "waiting"
        return NodeConfig(
            node_id=node_id,
            desired=newest,
            reported=said.state if said is not None else None,
            reported_at=said.at if said is not None else None,
            state=state,
        )

    async def set_config(self, identity: Identity, node_id: int, new: NewConfig) -> ConfigVersion | None:
        version = NewVersion(
            new.document,
            f"user:{identity.username}",
            new.comment,
            new.confirm_within_s,
            tuple(new.may_be_silent),
            new.expected_version,
        )
        async with lent(self._pool) as connection:
            try:
                found = await node_configs.set_desired(connection, identity.org_id, node_id, version)
            except VersionChanged as error:
                raise Conflict(str(error)) from error
        return None if found is None else _version(found)

    async def versions(self, org_id: int, node_id: int, limit: int, below: int | None) -> ConfigVersions | None:
        async with lent(self._pool) as connection:
            if await node_configs.name_of(connection, org_id, node_id) is None:
                return None
            found = await node_configs.versions(connection, org_id, node_id, limit=limit, below=below)
        more = len(found) == limit and found[-1].version > 1
        return ConfigVersions(items=list(map(_version, found)), next_cursor=str(found[-1].version) if more else None)

    async def give(self, identity: Identity, node_id: int, new: NewCommand) -> NodeCommand | None:
        issuer = f"user:{identity.username}"
        async with lent(self._pool) as connection:
            found = await node_commands.give(
                connection,
                identity.org_id,
                node_id,
                new.kind,
                new.arguments,
                issuer=issuer,
                valid_for_s=new.valid_for_s,
            )
        return None if found is None else _command(found)

    async def commands(self, org_id: int, node_id: int, limit: int) -> NodeCommands | None:
        async with lent(self._pool) as connection:
            if await node_configs.name_of(connection, org_id, node_id) is None:
                return None
            found = await node_commands.page(connection, org_id, node_id, limit=limit)
        return NodeCommands(items=list(map(_command, found)))

    async def command(self, org_id: int, node_id: int, command_id: str) -> NodeCommand | None:
        async with lent(self._pool) as connection:
            found = await node_commands.one(connection, org_id, node_id, command_id)
        return None if found is None else _command(found)

    async def bundle(self, org_id: int, node_id: int, command_id: str) -> bytes | None:
        async with lent(self._pool) as connection:
            return await node_commands.bundle(connection, org_id, node_id, command_id)


def _version(found: StoredVersion) -> ConfigVersion:
    return ConfigVersion.model_validate(found, from_attributes=True)


def _command(found: StoredCommand) -> NodeCommand:
    known = {name: getattr(found, name) for name in NodeCommand.model_fields if name != "id"}
    return NodeCommand(id=found.command_id, **known)
