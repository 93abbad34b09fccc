"""By number: which of a node's packs are accounted for, on their way, lost or refused."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from psycopg import AsyncConnection
from psycopg.rows import dict_row

from siloscope_store.ranges import Range, merged
from siloscope_store.statements import statements

_SQL = statements("node_numbers.sql")
Connection = AsyncConnection[Any]

_MOST_LISTED = 200
_SPOKEN_OF_S = 900
_RANGE = re.compile(r"\[(\d+),(\d+)\)")


class Numbers(msgspec.Struct, frozen=True):
    """How many numbers, and which: the newest ranges, first and last included, ascending."""

    count: int
    ranges: list[tuple[int, int]]


class EpochLedger(msgspec.Struct, frozen=True):
    """One start of an agent, by its packs' numbers.

    Attributes:
        below: Every number below it is accounted for.
        accounted: Stored, quarantined, refused or declared lost.
        on_its_way: In the node's spool by its own word, and not accounted for.
        lost: Assigned, not in the spool any more, and not accounted for: nobody knows what became of them.
        declared_lost: How many numbers gap records say will never come.
        refused: How many numbers were refused.
        alive: Whether the node still speaks of it.
    """

    epoch: str
    session: str | None
    alive: bool
    first_seen_at: datetime
    last_seen_at: datetime
    below: int
    next: int | None
    oldest: int | None
    owed_from: datetime | None
    owed_to: datetime | None
    accounted: Numbers
    on_its_way: Numbers
    lost: Numbers
    declared_lost: int
    refused: int


class DeclaredGap(msgspec.Struct, frozen=True):
    """What a node declared absent."""

    kind: str
    epoch: str | None
    first_seq: int | None
    last_seq: int | None
    from_time: datetime | None
    to_time: datetime | None
    device: str | None
    count: int | None
    detail: str
    at: datetime


class RefusedPack(msgspec.Struct, frozen=True):
    """A pack that was refused."""

    epoch: str
    seq: int
    reason: str
    detail: str
    at: datetime


class TwinReport(msgspec.Struct, frozen=True):
    """Two starts that were seen alive at once under one credential."""

    at: datetime
    epochs: list[str]


class NodeLedger(msgspec.Struct, frozen=True):
    """All that is known of a node's numbers; lists hold the newest."""

    node_id: int
    slug: str
    kind: str
    site_id: int
    session: str | None
    heard_at: datetime | None
    epochs: list[EpochLedger]
    gaps: list[DeclaredGap]
    refused: list[RefusedPack]
    twins: list[TwinReport]


async def node_ledger(connection: Connection, org_id: int, node_id: int) -> NodeLedger | None:
    """Return what is known of a node's numbers; None where this organisation has no such node."""
    asked: dict[str, Any] = {"org_id": org_id, "node_id": node_id, "most": _MOST_LISTED}
    async with connection.cursor(row_factory=dict_row) as rows:
        node = await (await rows.execute(_SQL["node"], asked)).fetchone()
        if node is None:
            return None
        full_name = node.pop("full_name")
        declared = await (await rows.execute(_SQL["node_gaps"], asked)).fetchall()
        refused = await (await rows.execute(_SQL["node_refused"], asked)).fetchall()
        twins = await (await rows.execute(_SQL["node_twins"], {**asked, "full_name": full_name})).fetchall()
    lost = dict(await (await connection.execute(_SQL["node_gap_numbers"], asked)).fetchall())
    refusals = dict(await (await connection.execute(_SQL["node_refused_numbers"], asked)).fetchall())
    epochs = await (await connection.execute(_SQL["node_epochs"], asked)).fetchall()
    return NodeLedger(
        **node,
        epochs=[
            epoch_ledger(
                *row,
                heard_at=node["heard_at"],
                declared_lost=lost.get(row[0], 0),
                refused=refusals.get(row[0], 0),
            )
            for row in epochs
        ],
        gaps=[DeclaredGap(**each) for each in declared],
        refused=[RefusedPack(**each) for each in refused],
        twins=[TwinReport(each["at"], list(each["detail"].get("epochs", []))) for each in twins],
    )


def epoch_ledger(
    epoch: str,
    multirange: str,
    oldest: int | None,
    following: int | None,
    owed_from: datetime | None,
    owed_to: datetime | None,
    session: str | None,
    first_seen_at: datetime,
    last_seen_at: datetime,
    *,
    heard_at: datetime | None,
    declared_lost: int,
    refused: int,
) -> EpochLedger:
    """Return the ledger of one epoch from what is accounted for and what the node said of it."""
    accounted = merged((int(first), int(end)) for first, end in _RANGE.findall(multirange))
    alive = heard_at is None or (heard_at - last_seen_at).total_seconds() <= _SPOKEN_OF_S
    end = max([following or 1, *(end for _, end in accounted)])
    # Of an epoch that the node speaks of no more, nothing is on its way.
    spooled_from = min(oldest if oldest is not None else end, end) if alive else end
    return EpochLedger(
        epoch=epoch,
        session=session,
        alive=alive,
        first_seen_at=first_seen_at,
        last_seen_at=last_seen_at,
        below=accounted[0][1] if accounted and accounted[0][0] <= 1 else 1,
        next=following,
        oldest=oldest,
        owed_from=owed_from,
        owed_to=owed_to,
        accounted=_numbers(accounted),
        on_its_way=_numbers(lacking(accounted, spooled_from, end)),
        lost=_numbers(lacking(accounted, 1, spooled_from)),
        declared_lost=declared_lost,
        refused=refused,
    )


def lacking(ranges: Sequence[Range], first: int, end: int) -> list[Range]:
    """Return what of [first, end) is in none of the ascending ranges.

    >>> lacking([(1, 3), (5, 6)], 2, 9)
    [(3, 5), (6, 9)]
    """
    found = []
    for begins, ends in ranges:
        if first < min(begins, end):
            found.append((first, min(begins, end)))
        first = max(first, ends)
    if first < end:
        found.append((first, end))
    return found


def _numbers(ranges: Sequence[Range]) -> Numbers:
    shown = [(first, end - 1) for first, end in ranges[-_MOST_LISTED:]]
    return Numbers(sum(end - first for first, end in ranges), shown)
