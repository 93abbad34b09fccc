"""What nodes are told to do: given by people, sent until it is answered or has expired, and what came of it."""

import secrets
from datetime import datetime
from typing import Any, Literal

import msgspec
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from siloscope_contract.commands import Command, CommandKind, Result
from siloscope_contract.topics import NodeName
from siloscope_process.clock import to_ms
from siloscope_store import audit
from siloscope_store.connections import Connected
from siloscope_store.statements import statements

_SQL = statements("node_commands.sql")
_BUNDLES_KEPT = 10


class StoredCommand(msgspec.Struct, frozen=True):
    """One command.

    Attributes:
        state: As the result says; without one ``waiting`` for the broker, ``sent``, or ``no_answer`` when it expired.
    """

    command_id: str
    node_id: int
    kind: str
    arguments: dict[str, Any]
    issuer: str
    issued_at: datetime
    expires_at: datetime
    sent_at: datetime | None
    sends: int
    result: dict[str, Any] | None
    ended_at: datetime | None
    state: Literal["waiting", "sent", "no_answer", "done", "failed", "refused"]
    has_bundle: bool


async def give(
    connection: Connected,
    org_id: int,
    node_id: int,
    kind: CommandKind,
    arguments: dict[str, Any],
    *,
    issuer: str,
    valid_for_s: float,
) -> StoredCommand | None:
    """Add a command, and a line to the audit trail; whoever sends finds it. None: there is no such node."""
    command_id = secrets.token_hex(16)
    row = {
        "command_id": command_id,
        "org_id": org_id,
        "node_id": node_id,
        "kind": kind.value,
        "arguments": Jsonb(arguments),
        "issuer": issuer,
        "valid_for_s": valid_for_s,
    }
    async with connection.transaction():
        if not (await connection.execute(_SQL["give"], row)).rowcount:
            return None
        deed = audit.Deed(issuer, "node_command.give", str(node_id), {"command_id": command_id, "kind": kind.value})
        await audit.record_for(connection, deed, org_id)
        return await one(connection, org_id, node_id, command_id)


async def page(
    connection: Connected, org_id: int, node_id: int, *, limit: int, before: datetime | None = None
) -> list[StoredCommand]:
    """Return commands, newest first, of those given before a time."""
    return await _page(connection, org_id, node_id, limit=limit, before=before)


async def one(connection: Connected, org_id: int, node_id: int, command_id: str) -> StoredCommand | None:
    """Return one command; None where the node has none of that id."""
    return next(iter(await _page(connection, org_id, node_id, limit=1, command_id=command_id)), None)


async def bundle(connection: Connected, org_id: int, node_id: int, command_id: str) -> bytes | None:
    """Return the diagnostics that a command brought, as they travelled; None where there are none."""
    asked = {"org_id": org_id, "node_id": node_id, "command_id": command_id}
    row = await (await connection.execute(_SQL["bundle"], asked)).fetchone()
    return None if row is None or row[0] is None else bytes(row[0])


async def to_send(connection: Connected, *, again_after_s: float, limit: int) -> list[tuple[NodeName, str, Command]]:
    """Return, by node and id, what was not sent yet, or so long ago that the node may have been away."""
    rows = await connection.execute(_SQL["to_send"], {"again_after_s": again_after_s, "limit": limit})
    return [(NodeName.of(*row[:3]), row[3], _command(*row[4:])) for row in await rows.fetchall()]


async def mark_sent(connection: Connected, command_id: str) -> None:
    """Note that the broker has taken a command."""
    await connection.execute(_SQL["mark_sent"], {"command_id": command_id})


async def keep_result(connection: Connected, name: NodeName, command_id: str, result: Result) -> bool:
    """Keep what a node says came of a command; return whether it is the first that it says."""
    plain = msgspec.to_builtins(msgspec.structs.replace(result, bundle=None))
    said = {"outcome": result.outcome.value, "result": Jsonb(plain), "bundle": result.bundle}
    of_node = {"org": name.org, "site": name.site, "node": name.node, "command_id": command_id}
    async with connection.transaction():
        row = await (await connection.execute(_SQL["keep_result"], {**said, **of_node})).fetchone()
        if row is not None and result.bundle is not None:
            await connection.execute(_SQL["drop_old_bundles"], {"node_id": row[0], "keep": _BUNDLES_KEPT})
    return row is not None


def _command(kind: str, arguments: dict[str, Any], issuer: str, issued_at: datetime, expires_at: datetime) -> Command:
    return Command(
        kind=CommandKind(kind),
        arguments=arguments,
        issued_at_ms=to_ms(issued_at),
        expires_at_ms=to_ms(expires_at),
        issuer=issuer,
    )


async def _page(connection: Connected, org_id: int, node_id: int, *, limit: int, **told: object) -> list[StoredCommand]:
    asked = {"command_id": None, "before": None, **told, "org_id": org_id, "node_id": node_id, "limit": limit}
    async with connection.cursor(row_factory=class_row(StoredCommand)) as rows:
        await rows.execute(_SQL["page"], asked)
        return await rows.fetchall()
