"""The quarantine as people see it: look through it, take messages out, have them tried again, or let them go.

Every function is given an organisation, or None for a person who may see everything. A message whose organisation could
not be told when it came is found by the organisation that its topic names: a broker lets nobody write to another's.
"""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any

import msgspec
from psycopg import AsyncConnection
from psycopg.rows import class_row

from siloscope_contract.topics import Kind, subscription
from siloscope_store.statements import statements

_SQL = statements("shelf.sql")
Connection = AsyncConnection[Any]
_EXPORTED_AT_ONCE = 50
MOST_REFUSED_A_NODE = 10_000
"""Of so many refused numbers of a node it is listed why."""
_encode = msgspec.json.Encoder().encode


class Shelved(msgspec.Struct, frozen=True):
    """A message in quarantine, without its payload."""

    id: int
    organisation: str | None
    node_id: int | None
    node: str | None
    topic: str
    reason: str
    detail: str
    epoch: str | None
    seq: int | None
    sha256: str
    size_bytes: int
    received_at: datetime
    last_seen_at: datetime
    times_seen: int
    replay_requested_at: datetime | None
    replayed_at: datetime | None


class Payload(msgspec.Struct, frozen=True):
    """A message in quarantine with its payload."""

    message: Shelved
    payload: bytes


class Wanted(msgspec.Struct, frozen=True):
    """Which messages; None = whatever."""

    ids: Sequence[int] | None = None
    reason: str | None = None
    node_id: int | None = None
    before: datetime | None = None


class Withheld(msgspec.Struct, frozen=True):
    """Refused messages that were only counted."""

    node: str | None
    hour: datetime
    reason: str
    messages: int
    bytes: int


async def page(
    connection: Connection, organisation: str | None, wanted: Wanted, *, limit: int, below: int | None = None
) -> list[Shelved]:
    """Return messages, newest first, from below an id on."""
    async with connection.cursor(row_factory=class_row(Shelved)) as rows:
        await rows.execute(_SQL["page"], {**_parameters(organisation, wanted), "limit": limit, "below": below})
        return await rows.fetchall()


async def one(connection: Connection, organisation: str | None, quarantine_id: int) -> Payload | None:
    """Return one message with its payload; None where this organisation has none of that id."""
    wanted = Wanted([quarantine_id])
    found = await page(connection, organisation, wanted, limit=1)
    row = await (await connection.execute(_SQL["payload"], {"id": quarantine_id})).fetchone() if found else None
    return None if row is None else Payload(found[0], bytes(row[0]))


async def export(connection: Connection, organisation: str | None, wanted: Wanted) -> AsyncIterator[Payload]:
    """Go through messages with their payloads, newest first, holding few of them at a time."""
    below: int | None = None
    while found := await payloads(connection, organisation, wanted, below=below):
        for each in found:
            yield each
        below = found[-1].message.id


async def payloads(
    connection: Connection, organisation: str | None, wanted: Wanted, *, below: int | None = None
) -> list[Payload]:
    """Return a few messages with their payloads, newest first, from below an id on."""
    messages = await page(connection, organisation, wanted, limit=_EXPORTED_AT_ONCE, below=below)
    ids = [each.id for each in messages]
    rows = await (await connection.execute(_SQL["payloads"], {"ids": ids})).fetchall()
    found = {row[0]: bytes(row[1]) for row in rows}
    return [Payload(each, found[each.id]) for each in messages if each.id in found]


async def organisation(connection: Connection, org_id: int) -> str:
    """Return an organisation's slug; one that names nobody where there is none of that number."""
    row = await (await connection.execute(_SQL["organisation"], {"org_id": org_id})).fetchone()
    return "" if row is None else str(row[0])


def line(found: Payload) -> bytes:
    """Return a message as one line of JSON, its payload in base64 beside its SHA-256."""
    plain = {**msgspec.structs.asdict(found.message), "payload_base64": found.payload}  # msgspec writes bytes so
    return _encode(plain) + b"\n"


async def withheld(connection: Connection, organisation: str | None, *, limit: int = 100) -> list[Withheld]:
    """Return which floods were only counted, newest first."""
    async with connection.cursor(row_factory=class_row(Withheld)) as rows:
        await rows.execute(_SQL["withheld"], {"organisation": organisation, "limit": limit})
        return await rows.fetchall()


async def request_replay(connection: Connection, organisation: str | None, wanted: Wanted) -> int:
    """Have ingest try messages again, the way they came; return how many."""
    return (await connection.execute(_SQL["request_replay"], _parameters(organisation, wanted))).rowcount


async def discard(connection: Connection, organisation: str | None, wanted: Wanted) -> int:
    """Delete messages; return how many. Their numbers stay accounted for as refused."""
    return (await connection.execute(_SQL["discard"], _parameters(organisation, wanted))).rowcount


async def prune(connection: Connection, *, older_than_days: float, most_bytes: int, limit: int) -> int:
    """Delete what is too old, and the oldest of what is too much for an organisation; note in the audit trail how much.

    What was refused of numbered packs is forgotten with the same age, and beyond `MOST_REFUSED_A_NODE`; their numbers
    stay accounted for.

    Returns:
        How many of either went; as many as `limit` says that more may wait.
    """
    parameters = {"days": older_than_days, "most_bytes": most_bytes, "limit": limit, "most": MOST_REFUSED_A_NODE}
    row = await (await connection.execute(_SQL["prune"], parameters)).fetchone()
    assert row is not None
    await connection.execute(_SQL["prune_withheld"], parameters)
    await connection.execute(_SQL["prune_counted"])
    forgotten = (await connection.execute(_SQL["prune_refused"], parameters)).rowcount
    return max(int(row[0]), forgotten)


def _parameters(organisation: str | None, wanted: Wanted) -> dict[str, Any]:
    prefix = None if organisation is None else subscription(Kind.SAMPLES, organisation).partition("+")[0]
    return {
        "organisation": organisation,
        "prefix": prefix,
        "ids": None if wanted.ids is None else list(wanted.ids),
        "reason": wanted.reason,
        "node_id": wanted.node_id,
        "before": wanted.before,
    }
