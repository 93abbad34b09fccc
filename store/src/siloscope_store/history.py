"""A made-up history for benchmarks, built by the server itself: devices, samples, and their roll-ups.

Values are known in closed form (see `history.sql`), so that years of roll-ups need no samples.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from psycopg import AsyncConnection
from psycopg.sql import SQL, Composed, Literal

from siloscope_store.statements import statements

_SQL = statements("history.sql")
Connection = AsyncConnection[Any]
_MEAN_MINUTE, _LAST_MINUTE = 29.5, 59


class Site(NamedTuple):
    """Where the devices are added, and how their nodes are called."""

    organisation: str
    site: str
    prefix: str = "h"


class Size(NamedTuple):
    """Bytes on disk of a table with its indexes, and of the indexes alone."""

    whole: int
    indexes: int


async def add_site(connection: Connection, site: Site) -> tuple[int, int]:
    """Add a site whose days are UTC; return its organisation and itself."""
    found = await connection.execute(_SQL["add_site"], {"org": site.organisation, "site": site.site})
    ((org_id, site_id),) = await found.fetchall()
    return org_id, site_id


async def add_devices(
    connection: Connection, site: Site, devices: int, channels: int, interval_s: float | None
) -> list[int]:
    """Add nodes with a device, a group and temperature channels each; return the groups."""
    asked = {"org": site.organisation, "site": site.site, "prefix": site.prefix, "devices": devices}
    found = await connection.execute(_SQL["add_devices"], {**asked, "channels": channels, "interval_s": interval_s})
    return [row[0] for row in await found.fetchall()]


async def add_samples(
    connection: Connection,
    group_ids: Sequence[int],
    channels: int,
    interval_s: float,
    span: tuple[datetime, datetime],
) -> int:
    """Add samples of every group in order of time; return how many. The span lies within a week's span."""
    await connection.execute(_SQL["make_room"], {"at": span[0]})
    statement = SQL(_SQL["add_samples"]).format(values=_values(channels, SQL("minute")))
    asked = {"group_ids": list(group_ids), "interval_s": interval_s, "begins": span[0], "ends": span[1]}
    return (await connection.execute(statement, asked)).rowcount


async def add_hours(
    connection: Connection, group_ids: Sequence[int], channels: int, span: tuple[datetime, datetime]
) -> int:
    """Add roll-ups of hours, as of samples every minute; return how many. The span lies within a week's span."""
    await connection.execute(_SQL["make_rollup_room"], {"at": span[0]})
    return await _add_rollups(connection, "add_hours", group_ids, channels, span)


async def add_days(
    connection: Connection, group_ids: Sequence[int], channels: int, span: tuple[datetime, datetime]
) -> int:
    """Add roll-ups of UTC days."""
    return await _add_rollups(connection, "add_days", group_ids, channels, span)


async def finish(connection: Connection, group_ids: Sequence[int], channels: int, at: datetime) -> None:
    """Say that everything is rolled up to this hour, write latest values, and gather the planner's statistics."""
    async with connection.transaction():
        await forget_progress(connection)
        await connection.execute(_SQL["set_horizon"], {"at": at})
        day = at - (at - datetime.fromisoformat("1970-01-01T00:00:00+00:00")) % timedelta(days=1)
        await connection.execute(_SQL["set_progress"], {"at": at, "day": day})
        await add_latest(connection, group_ids, channels, at)
    await analyze(connection)


async def analyze(connection: Connection) -> None:
    """Gather the planner's statistics."""
    await connection.execute(_SQL["analyze"])


async def settle(connection: Connection) -> None:
    """Do at once what a server does by and by after so many rows: whoever measures next would else measure that.

    Args:
        connection: In autocommit mode, of somebody who may order a checkpoint.
    """
    await connection.execute(_SQL["vacuum"])
    await connection.execute(_SQL["checkpoint"])


async def add_latest(connection: Connection, group_ids: Sequence[int], channels: int, at: datetime) -> None:
    """Write the newest reading of every channel."""
    await connection.execute(_SQL["add_latest"], {"group_ids": list(group_ids), "channels": channels, "at": at})


async def set_latest(
    connection: Connection, group_ids: Sequence[int], channels: int, at: datetime, value: float
) -> None:
    """Write a newer reading of every channel of these groups, as if a sample of each had come."""
    asked = {"group_ids": list(group_ids), "channels": channels, "at": at, "value": value}
    await connection.execute(_SQL["set_latest"], asked)


async def scan_latest(connection: Connection) -> int:
    """Scan all newest values within the server; return how many there are."""
    row = await (await connection.execute(_SQL["scan_latest"])).fetchone()
    assert row is not None
    return int(row[0])


async def read_latest(connection: Connection) -> int:
    """Read all newest values, a row each; return how many there are."""
    return len(await (await connection.execute(_SQL["read_latest"])).fetchall())


async def forget_progress(connection: Connection) -> None:
    """Forget how far anything is rolled up, as if nothing ever was."""
    for name in ("forget_progress", "forget_horizon", "forget_rebuilds"):
        await connection.execute(_SQL[name])


async def channels_of(connection: Connection, group_ids: Sequence[int]) -> list[int]:
    """Return the channels of groups."""
    found = await connection.execute(_SQL["channels"], {"group_ids": list(group_ids)})
    return [row[0] for row in await found.fetchall()]


async def size(connection: Connection, relation: str) -> Size:
    """Return how large a table is, with all its partitions or chunks."""
    row = await (await connection.execute(_SQL["size"], {"relation": relation})).fetchone()
    assert row is not None
    return Size(*row)


async def _add_rollups(
    connection: Connection, name: str, group_ids: Sequence[int], channels: int, span: tuple[datetime, datetime]
) -> int:
    statement = SQL(_SQL[name]).format(
        low=_values(channels, Literal(0)),
        high=_values(channels, Literal(_LAST_MINUTE)),
        mean=_values(channels, Literal(_MEAN_MINUTE)),
    )
    asked = {"group_ids": list(group_ids), "channels": channels, "begins": span[0], "ends": span[1]}
    return (await connection.execute(statement, asked)).rowcount


def _values(channels: int, minute: SQL | Literal) -> Composed:
    value = SQL(_SQL["value_expression"])
    return SQL(", ").join([value.format(position=Literal(at), minute=minute) for at in range(channels)])


async def alert_stages(connection: Connection) -> dict[str, tuple[float, float]]:
    """Return, by node, when its alert was written to fire and when its message was claimed, in seconds since 1970."""
    found = await connection.execute(_SQL["alert_stages"])
    return {row[0]: (row[1], row[2]) for row in await found.fetchall()}
