"""What nodes should be: versions that people set, what was published of them, and what the nodes say."""

from datetime import datetime
from typing import Any

import msgspec
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from siloscope_contract.desired import ConfigState, Desired
from siloscope_contract.topics import NodeName
from siloscope_process.clock import to_ms
from siloscope_store import audit
from siloscope_store.connections import Connected
from siloscope_store.errors import VersionChanged
from siloscope_store.statements import statements

_SQL = statements("node_configs.sql")


class NewVersion(msgspec.Struct, frozen=True):
    """A version to be.

    Attributes:
        expected: The newest version that its author has seen; None: whatever it is.
    """

    document: dict[str, Any]
    author: str
    comment: str = ""
    confirm_within_s: float = 120.0
    may_be_silent: tuple[str, ...] = ()
    expected: int | None = None


class StoredVersion(msgspec.Struct, frozen=True):
    """One version, and what the node said of it last."""

    version: int
    document: dict[str, Any]
    confirm_within_s: float
    may_be_silent: list[str]
    author: str
    comment: str
    at: datetime
    published_at: datetime | None
    outcome: str | None
    reasons: list[str]
    outcome_at: datetime | None


class StoredState(msgspec.Struct, frozen=True):
    """What a node said last, and when it arrived."""

    state: dict[str, Any]
    at: datetime


async def node_named(connection: Connected, name: NodeName) -> tuple[int, int] | None:
    """Return a node's organisation and number; None where there is no such node."""
    found = await connection.execute(_SQL["node_named"], {"org": name.org, "site": name.site, "node": name.node})
    row = await found.fetchone()
    return None if row is None else (row[0], row[1])


async def name_of(connection: Connected, org_id: int, node_id: int) -> NodeName | None:
    """Return a node's name; None where the organisation has none of that number."""
    found = await connection.execute(_SQL["node_numbered"], {"org_id": org_id, "node_id": node_id})
    row = await found.fetchone()
    return None if row is None else NodeName.of(*row)


async def set_desired(connection: Connected, org_id: int, node_id: int, new: NewVersion) -> StoredVersion | None:
    """Add a version, and a line to the audit trail; whoever publishes finds it.

    Returns:
        The version; None where the organisation has no such node.

    Raises:
        VersionChanged: Somebody else set one since its author looked.
    """
    of_node = {"org_id": org_id, "node_id": node_id}
    async with connection.transaction():
        if await (await connection.execute(_SQL["hold"], of_node)).fetchone() is None:
            return None
        row = await (await connection.execute(_SQL["newest"], of_node)).fetchone()
        assert row is not None
        stored, told = row
        if new.expected is not None and new.expected != stored:
            raise VersionChanged(new.expected, stored)
        version = max(stored, told) + 1
        added = {**msgspec.structs.asdict(new), **of_node, "version": version}
        added |= {"document": Jsonb(new.document), "may_be_silent": list(new.may_be_silent)}
        del added["expected"]
        await connection.execute(_SQL["add"], added)
        deed = audit.Deed(new.author, "node_config.set", str(node_id), {"version": version, "comment": new.comment})
        await audit.record_for(connection, deed, org_id)
        return (await versions(connection, org_id, node_id, limit=1))[0]


async def versions(
    connection: Connected, org_id: int, node_id: int, *, limit: int, below: int | None = None
) -> list[StoredVersion]:
    """Return versions, newest first, from below one on."""
    asked = {"org_id": org_id, "node_id": node_id, "limit": limit, "below": below}
    async with connection.cursor(row_factory=class_row(StoredVersion)) as rows:
        await rows.execute(_SQL["versions"], asked)
        return await rows.fetchall()


async def state(connection: Connected, org_id: int, node_id: int) -> StoredState | None:
    """Return what a node said last; None: nothing yet."""
    async with connection.cursor(row_factory=class_row(StoredState)) as rows:
        await rows.execute(_SQL["state"], {"org_id": org_id, "node_id": node_id})
        return await rows.fetchone()


async def to_publish(connection: Connected, *, everything: bool) -> list[tuple[NodeName, int, Desired]]:
    """Return, by node and its number, what is to be published: what the broker has not acknowledged, or all of it."""
    rows = await (await connection.execute(_SQL["to_publish"], {"all": everything})).fetchall()
    return [(name := NodeName.of(*row[:3]), row[3], _desired(name, *row[4:])) for row in rows]


async def mark_published(connection: Connected, node_id: int, version: int) -> None:
    """Note that the broker has a version."""
    await connection.execute(_SQL["mark_published"], {"node_id": node_id, "version": version})


async def refuse(connection: Connected, node_id: int, version: int, reason: str) -> None:
    """Note that a version is not published, and why."""
    async with connection.transaction():
        of_version = {"node_id": node_id, "version": version}
        await connection.execute(_SQL["keep_outcome"], {**of_version, "outcome": "refused", "reasons": [reason]})
        await mark_published(connection, node_id, version)


async def keep_state(connection: Connected, name: NodeName, said: ConfigState) -> bool:
    """Keep what a node says of its configuration; return whether there is such a node."""
    found = await node_named(connection, name)
    if found is None:
        return False
    org_id, node_id = found
    async with connection.transaction():
        kept = {"org_id": org_id, "node_id": node_id, "state": Jsonb(msgspec.to_builtins(said))}
        await connection.execute(_SQL["keep_state"], kept)
        if said.desired is not None:
            outcome = {"outcome": said.outcome.value, "reasons": list(said.reasons)}
            await connection.execute(_SQL["keep_outcome"], {**outcome, "node_id": node_id, "version": said.desired})
    return True


def _desired(
    name: NodeName,
    version: int,
    document: dict[str, Any],
    confirm_within_s: float,
    may_be_silent: list[str],
    author: str,
    at: datetime,
) -> Desired:
    return Desired(
        version=version,
        node=str(name),
        document=document,
        confirm_within_s=confirm_within_s,
        may_be_silent=tuple(may_be_silent),
        issued_at_ms=to_ms(at),
        issuer=author,
    )
