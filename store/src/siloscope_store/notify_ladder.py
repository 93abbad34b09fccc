"""Where open incidents stand on the ladders of routes, and what a message about one of them says."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from psycopg import AsyncConnection
from psycopg.rows import class_row

from siloscope_store.statements import statements

_SQL = statements("notify_ladder.sql")
Connection = AsyncConnection[Any]


class Due(msgspec.Struct, frozen=True):
    """A pair to be looked at.

    Attributes:
        step: How many steps of the ladder are behind it; None where nobody has looked yet.
    """

    incident_id: int
    route_id: int
    org_id: int
    step: int | None
    repeats: int


class Incident(msgspec.Struct, frozen=True):
    """An incident as it is now."""

    incident_id: int
    org_id: int
    cause: str
    severity: str
    site_id: int | None
    site: str
    time_zone: str
    opened_at: datetime
    closed_at: datetime | None
    facts: dict[str, Any]


class ListedAlert(msgspec.Struct, frozen=True):
    """An alert of an incident; `together` is how many it has."""

    incident_id: int
    alert_id: int
    rule: str
    rule_name: str
    templates: dict[str, str]
    severity: str
    state: str
    reason: str
    subject: str
    site: str
    place: str | None
    labels: dict[str, str]
    facts: dict[str, Any]
    began_at: datetime
    fired_at: datetime | None
    ended_at: datetime | None
    channel_id: int | None
    together: int
    place_in_list: int


async def due(connection: Connection, term: int, *, limit: int = 500) -> list[Due]:
    """Return the pairs to be looked at; none where the term is no longer the evaluator's."""
    return await _all(connection, Due, "due", {"term": term, "limit": limit})


async def hold_term(connection: Connection, term: int) -> bool:
    """Keep everybody from taking over until this transaction ends; return False where somebody has."""
    return (await connection.execute(_SQL["hold_term"], {"term": term})).rowcount == 1


async def stand(connection: Connection, pair: Due, *, step: int, repeats: int, next_at: datetime | None) -> None:
    """Note where a pair stands; None = it need not be looked at again."""
    told = {"incident_id": pair.incident_id, "route_id": pair.route_id, "org_id": pair.org_id}
    await connection.execute(_SQL["stand"], {**told, "step": step, "repeats": repeats, "next_at": next_at})


async def now(connection: Connection) -> datetime:
    """Return the database's clock: the one that everything here goes by."""
    row = await (await connection.execute(_SQL["now"])).fetchone()
    assert row is not None
    return row[0]  # type: ignore[no-any-return]


async def incidents(connection: Connection, incident_ids: Sequence[int]) -> list[Incident]:
    """Return incidents."""
    return await _all(connection, Incident, "incidents", {"incident_ids": list(incident_ids)})


async def alerts(connection: Connection, incident_ids: Sequence[int], *, most: int = 50) -> list[ListedAlert]:
    """Return the alerts of incidents, worst first, at most so many of each."""
    return await _all(connection, ListedAlert, "alerts", {"incident_ids": list(incident_ids), "most": most})


async def _all(connection: Connection, kind: type[Any], statement: str, asked: dict[str, Any]) -> list[Any]:
    async with connection.cursor(row_factory=class_row(kind)) as rows:
        await rows.execute(_SQL[statement], asked)
        return await rows.fetchall()
