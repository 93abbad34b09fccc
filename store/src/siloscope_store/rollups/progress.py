"""How far roll-ups are: which buckets have closed, and which of them are computed.

A bucket closes when the horizon moves past it, in a transaction of its own. From that commit on, writers mark what they
write behind the horizon; transactions that began before may not have seen it, so buckets are computed when all of those
have ended. Then every sample behind the horizon is either there, or comes with a mark.
"""

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from psycopg import AsyncConnection

from siloscope_store.rollups import computing
from siloscope_store.rollups.computing import HOUR, Day, Piece
from siloscope_store.rollups.groups import Group, groups
from siloscope_store.statements import statements

_SQL = statements("rollups.sql")
Connection = AsyncConnection[Any]

FINE_INTERVAL_S = 15.0
"""Groups that are read as often as this have roll-ups of five minutes: at least ten times their interval."""

GROUPS_A_SLICE = 500
_LONGEST = {"m5": timedelta(hours=3), "hour": timedelta(hours=12)}
_MOST_DAYS = 14
_NEVER = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


class Horizon(NamedTuple):
    """What has closed, and up to where all writers know."""

    closed_to: datetime
    settled_to: datetime


class Progress(NamedTuple):
    """How far a level is, for days by time zone; `going_to` is where a window that is under way ends."""

    level: str
    zone: str
    done_to: datetime
    going_to: datetime | None
    group_done: int


class Closing:
    """Moves the horizon on.

    Args:
        grace_s: How long after its end a bucket stays open.
    """

    def __init__(self, grace_s: float) -> None:
        self._grace_s = grace_s
        self._waiting: tuple[datetime, str] | None = None

    async def step(self, connection: Connection, at: datetime | None = None) -> Horizon | None:
        """Close what is due; return the horizon, or None while transactions from before it are still under way.

        Args:
            connection: In autocommit mode.
            at: As if it were now; None = the database's own time, so that no other clock has a say.
        """
        now = await horizon(connection)
        if now is None or now.closed_to == now.settled_to:
            asked = {"grace_s": self._grace_s, "at": at}
            await connection.execute(_SQL["begin" if now is None else "advance"], asked)
            now = await horizon(connection)
            assert now is not None
        if now.closed_to == now.settled_to:
            return now
        if self._waiting is None or self._waiting[0] != now.closed_to:
            self._waiting = (now.closed_to, str(await _value(connection, "next_transaction")))
        if not await _value(connection, "all_ended_before", transaction=self._waiting[1]):
            return None
        async with connection.transaction():
            if now.settled_to == _NEVER:
                await _begin(connection)
            await connection.execute(_SQL["settle"], {"closed_to": now.closed_to})
        return Horizon(now.closed_to, now.closed_to)


async def horizon(connection: Connection) -> Horizon | None:
    """Return the horizon; None before the first roll-up of this database."""
    row = await (await connection.execute(_SQL["horizon"])).fetchone()
    return None if row is None else Horizon(*row)


async def progress(connection: Connection) -> list[Progress]:
    """Return how far every level is, finer levels first."""
    return [Progress(*row) for row in await (await connection.execute(_SQL["progress"])).fetchall()]


async def open_windows(connection: Connection, settled_to: datetime) -> Progress | None:
    """Return the next window to work on, opened where none is under way; None where all is done.

    Finer levels come first: hours are made of five minutes, days of hours.
    """
    now = await progress(connection)
    done = {each.level: each.done_to for each in now if each.level != "day"}
    if any(each.level == "hour" for each in now):
        await connection.execute(_SQL["begin_zones"])
        now = await progress(connection)
    for each in now:
        if each.going_to is not None:
            return each
        limit = settled_to if each.level == "m5" else done["m5" if each.level == "hour" else "hour"]
        going_to = await _going_to(connection, each, limit)
        if going_to is not None:
            return await _open(connection, each, going_to)
    return None


async def compute_slice(connection: Connection, window: Progress) -> bool:
    """Compute a window's next groups in one transaction, with the note that they are done; return whether it ended.

    Another process that works on the same window waits here, then finds that its turn is over.
    """
    assert window.going_to is not None
    async with connection.transaction():
        await computing.begin(connection)
        which = {"level": window.level, "zone": window.zone}
        found = await (await connection.execute(_SQL["lock_progress"], which)).fetchone()
        if found is None or (found[0], found[1]) != (window.done_to, window.going_to):
            return True
        some = await groups(
            connection,
            after=found[2],
            limit=GROUPS_A_SLICE,
            zone=window.zone or None,
            only_m5=window.level == "m5",
        )
        if not some:
            await connection.execute(_SQL["finish_window"], which)
            return True
        await _compute(connection, window, some)
        await connection.execute(_SQL["go_on"], {**which, "group_done": some[-1].group_id})
    return False


async def days_between(connection: Connection, zone: str, begins: datetime, ends: datetime) -> list[Day]:
    """Return the local dates that lie within [begins, ends)."""
    found = await connection.execute(_SQL["days_between"], {"zone": zone, "begins": begins, "ends": ends})
    return [Day(*row) for row in await found.fetchall()]


async def _compute(connection: Connection, window: Progress, some: list[Group]) -> None:
    begins, ends = window.done_to, window.going_to
    assert ends is not None
    if window.level == "m5":
        await computing.write_from_samples(
            connection, [Piece(group, begins, ends) for group in some], computing.FIVE_MINUTES
        )
    elif window.level == "hour":
        await computing.write_hours(connection, some, begins, ends)
    else:
        await computing.write_days(connection, some, await days_between(connection, window.zone, begins, ends))


async def _begin(connection: Connection) -> None:
    """Begin the levels, and have what is there already computed as what came late is."""
    await connection.execute(_SQL["begin_progress"])
    await connection.execute(_SQL["touch_every_group"])


async def _going_to(connection: Connection, now: Progress, limit: datetime) -> datetime | None:
    """Return where the next window of a level ends; None where nothing more has closed."""
    if now.level == "day":
        asked = {"done_to": now.done_to, "zone": now.zone, "until": limit, "most": _MOST_DAYS}
        ends = await _value(connection, "end_of_days", **asked)
        return ends if ends is not None and ends > now.done_to else None
    until = min(limit, now.done_to + _LONGEST[now.level])
    if now.level == "m5" and not await _value(connection, "any_five_minutes", most_s=FINE_INTERVAL_S):
        return limit if limit > now.done_to else None
    if now.level == "hour":
        until = _NEVER + (until - _NEVER) // HOUR * HOUR
    return until if until > now.done_to else None


async def _open(connection: Connection, now: Progress, going_to: datetime) -> Progress:
    async with connection.transaction():
        if now.level == "m5":
            await connection.execute(_SQL["end_five_minutes"], {"most_s": FINE_INTERVAL_S})
            await connection.execute(_SQL["begin_five_minutes"], {"most_s": FINE_INTERVAL_S})
        which = {"level": now.level, "zone": now.zone, "done_to": now.done_to, "going_to": going_to}
        await connection.execute(_SQL["open_window"], which)
    return now._replace(going_to=going_to)


async def _value(connection: Connection, name: str, **parameters: Any) -> Any:
    row = await (await connection.execute(_SQL[name], parameters)).fetchone()
    assert row is not None
    return row[0]
