"""Places: what people care about, and the spread of what the channels placed there read now."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec
from psycopg import AsyncConnection
from psycopg.rows import dict_row

from siloscope_contract.quantities import QUANTITIES
from siloscope_store.statements import statements

_SQL = statements("places.sql")


class Spread(msgspec.Struct, frozen=True):
    """What the live channels of one quantity read; stale and bad readings do not count."""

    min: float | None
    mean: float | None
    max: float | None
    unit: str


class Place(msgspec.Struct, frozen=True):
    """A place, and what is read there by quantity, without directions, which have neither a least nor a greatest.

    Attributes:
        channels: How many are placed there: reporting + stale + bad + those that never reported.
        unheard: How many of those that never reported nobody has even announced: no channel is known for the placement.
        grain: What the channels at a level of a cable read.
        summary: What all others read: the air above the grain or in the room, fans, the mast.
    """

    id: int
    slug: str
    title: str
    kind: str
    site_id: int
    channels: int
    reporting: int
    stale: int
    bad: int
    unheard: int
    grain: dict[str, Spread]
    summary: dict[str, Spread]


async def places(
    connection: AsyncConnection[Any],
    org_id: int,
    *,
    now: datetime,
    site_id: int | None = None,
    place_id: int | None = None,
) -> list[Place]:
    """Return an organisation's places by site, kind and name."""
    parameters = {"org_id": org_id, "site_id": site_id, "place_id": place_id, "now": now}
    quantities: dict[int, list[dict[str, Any]]] = defaultdict(list)
    async with connection.cursor(row_factory=dict_row) as rows:
        await rows.execute(_SQL["quantities"], parameters)
        for row in await rows.fetchall():
            quantities[row["place_id"]].append(row)
        await rows.execute(_SQL["places"], parameters)
        return [_place(row, quantities[row["place_id"]]) for row in await rows.fetchall()]


async def place(connection: AsyncConnection[Any], org_id: int, place_id: int, *, now: datetime) -> Place | None:
    """Return one place; None where this organisation has none of that number."""
    found = await places(connection, org_id, now=now, place_id=place_id)
    return found[0] if found else None


def _place(row: dict[str, Any], quantities: list[dict[str, Any]]) -> Place:
    states = {state: sum(of[state] for of in quantities) for state in ("reporting", "stale", "bad")}
    return Place(
        id=row["place_id"],
        slug=row["slug"],
        title=row["title"],
        kind=row["kind"],
        site_id=row["site_id"],
        channels=row["unheard"] + sum(of["channels"] for of in quantities),
        unheard=row["unheard"],
        **states,
        grain=_spreads(of for of in quantities if of["in_grain"]),
        summary=_spreads(of for of in quantities if not of["in_grain"]),
    )


def _spreads(quantities: Iterable[dict[str, Any]]) -> dict[str, Spread]:
    return {
        of["quantity"]: Spread(of["least"], of["mean"], of["most"], of["unit"])
        for of in quantities
        if not is_circular(of["quantity"])
    }


def is_circular(quantity: str) -> bool:
    """Return whether values of this quantity wrap around, so that they have no least, greatest or plain mean."""
    return quantity in QUANTITIES and QUANTITIES[quantity].circular
