"""What the mirror sends and how far it is.

Two streams make it whole. Passes read, group by group, what lies between two settled horizons: by then every
transaction that could still have added to it unmarked has ended. Whatever is written below the horizon later is marked,
for the roll-ups; when their job takes marks, a trigger hands them on, and the mirror sends the marked hours again.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from psycopg import AsyncConnection

from siloscope_store.statements import statements

_SQL = statements("mirror.sql")
Connection = AsyncConnection[Any]


class Position(NamedTuple):
    """How far the mirror is: all before `done_to`; of the pass to `pass_to`, up to a group and a time of it."""

    done_to: datetime
    pass_to: datetime | None
    after_group: int
    after_time: datetime | None


class Sample(NamedTuple):
    """A stored sample."""

    group_id: int
    time: datetime
    values: Sequence[float | None]
    quality: Sequence[int | None] | None


class Mark(NamedTuple):
    """An hour of a group that was written to after it was mirrored."""

    mark_ids: list[int]
    group_id: int
    bucket: datetime


class MirroredChannel(NamedTuple):
    """Whose values stand at a position of a group."""

    group_id: int
    position: int
    org_id: int
    org: str
    site: str
    node: str
    device: str
    channel: str
    quantity: str
    unit: str


class RefusedLine(NamedTuple):
    """A point that was set aside."""

    refused_id: int
    org_id: int
    line: str


async def settled_to(connection: Connection) -> datetime | None:
    """Return the horizon below which only marked samples can still appear; None where roll-ups never ran."""
    row = await (await connection.execute(_SQL["settled_to"])).fetchone()
    return None if row is None else row[0]


async def position(connection: Connection, since: datetime) -> Position:
    """Return how far the mirror is; where it never ran, it begins at `since`."""
    await connection.execute(_SQL["begin"], {"done_to": since})
    row = await (await connection.execute(_SQL["position"])).fetchone()
    assert row is not None
    return Position(*row)


async def open_pass(connection: Connection, pass_to: datetime) -> None:
    """Begin to send what lies between the last pass and this horizon."""
    await connection.execute(_SQL["open_pass"], {"pass_to": pass_to})


async def advance(connection: Connection, group_id: int, time: datetime) -> None:
    """Note that the pass is done up to this sample."""
    await connection.execute(_SQL["advance"], {"after_group": group_id, "after_time": time})


async def close_pass(connection: Connection) -> None:
    """Note that the pass is done."""
    await connection.execute(_SQL["close_pass"])


async def samples(connection: Connection, at: Position, limit: int) -> list[Sample]:
    """Return the next samples of the open pass."""
    parameters = {
        "after_group": at.after_group,
        "after_time": at.after_time,
        "begins": at.done_to,
        "ends": at.pass_to,
        "limit": limit,
    }
    return await _samples(connection, "samples", parameters)


async def hour(connection: Connection, mark: Mark, after: datetime | None, limit: int) -> list[Sample]:
    """Return the next samples of a marked hour, behind a time of it."""
    parameters = {"group_id": mark.group_id, "begins": mark.bucket, "after_time": after, "limit": limit}
    return await _samples(connection, "hour", parameters)


async def marks(connection: Connection, limit: int) -> list[Mark]:
    """Return marks that wait, those of one hour as one."""
    found = await connection.execute(_SQL["marks"], {"limit": limit})
    return [Mark(*row) for row in await found.fetchall()]


async def drop_marks(connection: Connection, mark_ids: Sequence[int]) -> None:
    """Forget marks whose hours were sent."""
    await connection.execute(_SQL["drop_marks"], {"mark_ids": list(mark_ids)})


async def count_marks(connection: Connection) -> int:
    """Return how many marks wait, at most a million."""
    row = await (await connection.execute(_SQL["count_marks"])).fetchone()
    return 0 if row is None else int(row[0])


async def channels(connection: Connection, group_ids: Sequence[int]) -> list[MirroredChannel]:
    """Return the channels of groups, by group and position."""
    found = await connection.execute(_SQL["channels"], {"group_ids": list(group_ids)})
    return [MirroredChannel(*row) for row in await found.fetchall()]


async def set_aside(connection: Connection, org_id: int, line: str, reason: str) -> None:
    """Keep a point that was refused, with the reason."""
    await connection.execute(_SQL["set_aside"], {"org_id": org_id, "line": line, "reason": reason})


async def count_refused(connection: Connection, most: int) -> int:
    """Return how many points were set aside and are still there, at most so many."""
    row = await (await connection.execute(_SQL["count_refused"], {"most": most})).fetchone()
    return 0 if row is None else int(row[0])


async def refused(connection: Connection, after: int, limit: int) -> list[RefusedLine]:
    """Return points that were set aside, oldest first."""
    found = await connection.execute(_SQL["refused"], {"after": after, "limit": limit})
    return [RefusedLine(*row) for row in await found.fetchall()]


async def drop_refused(connection: Connection, refused_ids: Sequence[int]) -> None:
    """Forget points that were taken after all."""
    await connection.execute(_SQL["drop_refused"], {"refused_ids": list(refused_ids)})


async def _samples(connection: Connection, name: str, parameters: dict[str, Any]) -> list[Sample]:
    async with connection.cursor(binary=True) as cursor:
        await cursor.execute(_SQL[name], parameters)
        return [Sample(*row) for row in await cursor.fetchall()]
