"""Computing again: hours that were touched by late samples, and the days of sites whose time zone was corrected.

Call it while no window is under way.
"""

from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any

from psycopg import AsyncConnection
from psycopg.sql import SQL, Identifier

from siloscope_store.rollups import computing
from siloscope_store.rollups.computing import FIVE_MINUTES, HOUR, Day, Piece
from siloscope_store.rollups.groups import Group, groups
from siloscope_store.rollups.progress import days_between, progress
from siloscope_store.samples import SampleTable
from siloscope_store.statements import statements

_SQL = statements("rollups.sql")
Connection = AsyncConnection[Any]

HOURS_A_TRANSACTION = 1000
_GROUPS_A_TRANSACTION = 20
GROUPS_A_MARKING = 10
_DAYS_AT_ONCE = timedelta(days=60)


async def repair_touched(connection: Connection, most: int = HOURS_A_TRANSACTION) -> int:
    """Compute some touched hours again, with their five minutes and days; return how many marks were taken.

    Marks are taken in the transaction that does what they ask for. A mark is seen with the samples that it tells of,
    and these are read after it.
    """
    async with connection.transaction():
        await computing.begin(connection)
        await connection.execute(_SQL["lock_horizon"])
        now = await progress(connection)
        if any(each.going_to is not None for each in now):
            return 0
        taken = await _take(connection, most)
        if not taken:
            return 0
        done = {each.level: each.done_to for each in now if each.level != "day"}
        known = {each.group_id: each for each in await groups(connection, group_ids=sorted({row[0] for row in taken}))}
        touched = [(known[group_id], hour) for group_id, hour in taken]
        await _five_minutes_again(connection, touched, done["m5"])
        hours = [(group, hour) for group, hour in touched if hour + HOUR <= done["hour"]]
        pieces = [Piece(group, hour, hour + HOUR) for group, hour in hours]
        await computing.forget(connection, "rollup_hour", pieces)
        if pieces:
            await computing.write_from_samples(connection, pieces, HOUR)
        await _days_again(connection, hours)
    return len(taken)


async def _take(connection: Connection, most: int) -> list[tuple[int, datetime]]:
    """Take marks of the newest week that has any for us."""
    begins: datetime | None = None
    while True:
        row = await (await connection.execute(_SQL["newest_touched"], {"before": begins})).fetchone()
        begins = row[0] if row else None
        if begins is None:
            return []
        taken = await (await connection.execute(_SQL["take_touched"], {"begins": begins, "most": most})).fetchall()
        if taken:
            return [(group_id, hour) for group_id, hour in taken]


async def touched(connection: Connection) -> int:
    """Return how many marks wait."""
    row = await (await connection.execute(_SQL["touched"])).fetchone()
    assert row is not None
    return int(row[0])


async def mark_groups(connection: Connection) -> bool:
    """Mark every hour of some groups that wait for it; return whether any did.

    Call it when no marks wait, so that the list of these stays short.
    """
    async with connection.transaction():
        await computing.begin(connection)
        await connection.execute(_SQL["lock_horizon"])
        found = await connection.execute(_SQL["take_touched_groups"], {"most": GROUPS_A_MARKING})
        group_ids = [row[0] for row in await found.fetchall()]
        if not group_ids:
            return False
        for table in SampleTable:
            statement = SQL(_SQL["mark_groups"]).format(table=Identifier(table.value))
            await connection.execute(statement, {"group_ids": group_ids})
    return True


async def rebuild_days(connection: Connection) -> bool:
    """Make the days of some groups of a site anew that waits for it; return whether one waited."""
    async with connection.transaction():
        await computing.begin(connection)
        found = await (await connection.execute(_SQL["next_rebuild"])).fetchone()
        if found is None:
            return False
        rebuild_id, site_id, group_done, zone, done_to = found
        some: list[Group] = []
        if zone is not None:
            if done_to is None or any(each.going_to is not None for each in await progress(connection)):
                return False
            some = await groups(connection, after=group_done, limit=_GROUPS_A_TRANSACTION, site_id=site_id)
        if not some:
            await connection.execute(_SQL["end_rebuild"], {"rebuild_id": rebuild_id})
            return True
        for group in some:
            await _rebuild(connection, group, done_to)
        asked = {"rebuild_id": rebuild_id, "group_done": some[-1].group_id}
        await connection.execute(_SQL["go_on_rebuilding"], asked)
    return True


async def _five_minutes_again(connection: Connection, touched: list[tuple[Group, datetime]], done_to: datetime) -> None:
    pieces = [
        Piece(group, max(hour, group.m5_since), min(hour + HOUR, done_to))
        for group, hour in touched
        if group.m5_since is not None
    ]
    pieces = [piece for piece in pieces if piece.begins < piece.ends]
    await computing.forget(connection, "rollup_m5", pieces)
    if pieces:
        await computing.write_from_samples(connection, pieces, FIVE_MINUTES)


async def _days_again(connection: Connection, hours: list[tuple[Group, datetime]]) -> None:
    known = {group.group_id: group for group, _ in hours}
    asked = {"group_ids": [group.group_id for group, _ in hours], "hours": [hour for _, hour in hours]}
    found = await (await connection.execute(_SQL["touched_days"], asked)).fetchall()
    by_day: dict[Day, list[Group]] = defaultdict(list)
    for group_id, day, _, begins, ends in found:
        by_day[Day(day, begins, ends)].append(known[group_id])
    for each, some in by_day.items():
        await computing.forget_days(connection, [group.group_id for group in some], [each.day] * len(some))
        await computing.write_days(connection, some, [each])


async def _rebuild(connection: Connection, group: Group, done_to: datetime) -> None:
    """Make a group's days anew, as far back as it has hours; older ones stay as they are."""
    row = await (await connection.execute(_SQL["first_hour"], {"group_id": group.group_id})).fetchone()
    first: datetime | None = row[0] if row else None
    if first is None:
        return
    asked = {"group_id": group.group_id, "since": first, "zone": group.zone, "dropped": group.kept_from is not None}
    await connection.execute(_SQL["forget_days_since"], asked)
    # From the midnight before the first hour: two days are more than any day's length.
    begins = first - timedelta(days=2)
    days = [day for day in await days_between(connection, group.zone, begins, done_to) if day.ends > first]
    at = 0
    while at < len(days):
        some = [day for day in days[at : at + 62] if day.begins < days[at].begins + _DAYS_AT_ONCE]
        await computing.write_days(connection, [group], some)
        at += len(some)
