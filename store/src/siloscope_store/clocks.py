"""What the nodes' clocks did: written by ingest, shown with the node."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from psycopg import AsyncConnection
from psycopg.rows import class_row

from siloscope_process.clock import from_ms
from siloscope_store.statements import statements

_SQL = statements("clocks.sql")
KEPT_A_NODE = 100


class ClockEvent(msgspec.Struct, frozen=True):
    """A clock that is not right.

    Attributes:
        kind: ahead, step_back, step_forward or drift.
        offset_s: Sample time minus arrival: above 0 the clock is ahead.
        before_s: The same before a step or drift; None where nobody knows.
        since: When it was seen first.
        until: When it ended; None where it still is so.
    """

    org_id: int
    node_id: int
    kind: str
    offset_s: float
    before_s: float | None
    since: datetime
    until: datetime | None


class NodeClockEvent(msgspec.Struct, frozen=True):
    """A clock event as it is shown."""

    kind: str
    offset_s: float
    before_s: float | None
    since: datetime
    until: datetime | None


async def note(connection: AsyncConnection[Any], events: Sequence[ClockEvent], ended: Mapping[int, int]) -> None:
    """Keep events; several workers may see the same one. Nodes in `ended` are no longer ahead, since those times."""
    async with connection.transaction(), connection.cursor() as cursor:
        if ended:
            times = [from_ms(at_ms) for _, at_ms in sorted(ended.items())]
            await cursor.execute(_SQL["end_ahead"], {"node_ids": sorted(ended), "times": times})
        for event in sorted(events, key=lambda each: (each.node_id, each.since)):
            name = "open" if event.until is None else "keep"
            await cursor.execute(_SQL[name], msgspec.structs.asdict(event))
        if events:
            node_ids = sorted({each.node_id for each in events})
            await cursor.execute(_SQL["forget_oldest"], {"node_ids": node_ids, "kept": KEPT_A_NODE})


async def of_node(
    connection: AsyncConnection[Any], org_id: int, node_id: int, *, limit: int = KEPT_A_NODE
) -> list[NodeClockEvent] | None:
    """Return a node's events, newest first; None where the organisation has no such node."""
    known = await (await connection.execute(_SQL["node"], {"org_id": org_id, "node_id": node_id})).fetchone()
    if known is None:
        return None
    async with connection.cursor(row_factory=class_row(NodeClockEvent)) as rows:
        await rows.execute(_SQL["of_node"], {"org_id": org_id, "node_id": node_id, "limit": limit})
        return await rows.fetchall()
