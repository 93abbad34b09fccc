"""Carrying out a layout: adds and changes what it speaks of, leaves the rest; applied twice it changes nothing.

A channel that moved keeps its history: the old placement ends where the new one begins. Nothing is ever deleted but a
placement that would have lasted no time.
"""

from datetime import datetime
from typing import Any

import msgspec
import psycopg
from psycopg import Connection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from siloscope_store import audit
from siloscope_store.errors import LayoutWrong
from siloscope_store.layout import Layout, Organisation, Place, Site, Spot
from siloscope_store.statements import statements

_SQL = statements("layout.sql")
_ACTOR = "command:siloscope db"


class Applied(msgspec.Struct):
    """How many things a layout speaks of, and what became of its placements."""

    organisations: int = 0
    sites: int = 0
    places: int = 0
    opened: int = 0
    closed: int = 0
    kept: int = 0


class _Standing(msgspec.Struct, frozen=True):
    """A placement that lasts until further notice."""

    placement_id: int
    place_id: int
    node_id: int
    device: str
    channel: str
    cable: int | None
    level: int | None
    spot: str | None
    lower: datetime | None

    @property
    def channel_name(self) -> tuple[int, str, str]:
        return self.node_id, self.device, self.channel

    def is_at(self, place_id: int, spot: Spot) -> bool:
        return (self.place_id, self.cable, self.level, self.spot) == (place_id, spot.cable, spot.level, spot.spot)


_Wanted = dict[tuple[int, str, str], tuple[int, Spot]]


def time_zones(connection: Connection[Any]) -> set[str]:
    """Return the time zones that this database knows."""
    return {name for (name,) in connection.execute(_SQL["time_zones"]).fetchall()}


def apply(connection: Connection[Any], layout: Layout, *, at: datetime) -> Applied:
    """Make the database say what the layout says, in one transaction.

    Args:
        connection: Of the schema's owner.
        layout: What shall be.
        at: When a placement without `since` begins, and one that is gone ends.

    Raises:
        LayoutWrong: A `since` lies before the placement that it ends, or inside an older one.
    """
    applied = Applied()
    with connection.transaction():
        connection.execute(_SQL["one_at_a_time"])
        for organisation in layout.organisations:
            _apply_organisation(connection, organisation, at, applied)
            deed = audit.Deed(_ACTOR, "layout.apply", organisation.slug, msgspec.structs.asdict(applied))
            audit.record(connection, deed, organisation=organisation.slug)
    return applied


def _apply_organisation(connection: Connection[Any], wanted: Organisation, at: datetime, applied: Applied) -> None:
    org_id = _id(connection, "put_organisation", {"slug": wanted.slug, "name": wanted.name})
    applied.organisations += 1
    for site in wanted.sites:
        _apply_site(connection, org_id, site, at, applied)


def _apply_site(connection: Connection[Any], org_id: int, wanted: Site, at: datetime, applied: Applied) -> None:
    row = {name: getattr(wanted, name) for name in ("slug", "name", "time_zone", "latitude", "longitude")}
    site_id = _id(connection, "put_site", {"org_id": org_id, **row})
    applied.sites += 1
    place_ids = [_put_place(connection, org_id, site_id, place) for place in wanted.places]
    applied.places += len(place_ids)
    slugs = sorted({spot.node for place in wanted.places for spot in place.spots})
    nodes = {slug: _id(connection, "put_node", {"org_id": org_id, "site_id": site_id, "slug": slug}) for slug in slugs}
    spots: _Wanted = {
        (nodes[spot.node], spot.device, spot.channel): (place_id, spot)
        for place_id, place in zip(place_ids, wanted.places, strict=True)
        for spot in place.spots
    }
    kept = _close_what_changed(connection, org_id, place_ids, spots, at, applied)
    for name in spots.keys() - kept:
        _open(connection, org_id, name, *spots[name], at)
        applied.opened += 1


def _put_place(connection: Connection[Any], org_id: int, site_id: int, wanted: Place) -> int:
    row = {"slug": wanted.slug, "title": wanted.title, "kind": wanted.kind, "attributes": Jsonb(wanted.attributes)}
    return _id(connection, "put_place", {"org_id": org_id, "site_id": site_id, **row})


def _close_what_changed(
    connection: Connection[Any], org_id: int, place_ids: list[int], spots: _Wanted, at: datetime, applied: Applied
) -> set[tuple[int, str, str]]:
    """End placements that are elsewhere now, or that a place of this file no longer names; return what stays."""
    scope = {"org_id": org_id, "places": place_ids, "nodes": sorted({name[0] for name in spots})}
    with connection.cursor(row_factory=class_row(_Standing)) as rows:
        standing = rows.execute(_SQL["open_placements"], scope).fetchall()
    kept = set()
    for placement in standing:
        place_id, spot = spots.get(placement.channel_name, (None, None))
        if place_id is not None and spot is not None and placement.is_at(place_id, spot):
            kept.add(placement.channel_name)
            applied.kept += 1
        elif spot is not None or placement.place_id in place_ids:
            _close(connection, placement, (spot.since if spot else None) or at, spot)
            applied.closed += 1
    return kept


def _close(connection: Connection[Any], placement: _Standing, at: datetime, spot: Spot | None) -> None:
    if placement.lower is not None and placement.lower >= at:
        if spot is not None and spot.since is not None and placement.lower > at:
            problem = f"since: {spot.name} stands elsewhere since {placement.lower.isoformat()}, which is later"
            raise LayoutWrong(spot.at, problem)
        connection.execute(_SQL["forget_placement"], {"placement_id": placement.placement_id})
    else:
        connection.execute(_SQL["close_placement"], {"placement_id": placement.placement_id, "at": at})


def _open(
    connection: Connection[Any], org_id: int, name: tuple[int, str, str], place_id: int, spot: Spot, at: datetime
) -> None:
    node_id, device, channel = name
    channel_name = {"node_id": node_id, "device": device, "channel": channel}
    first = connection.execute(_SQL["ever_placed"], channel_name).fetchone() == (False,)
    begins = spot.since or (None if first else at)
    row = {"org_id": org_id, "place_id": place_id, "cable": spot.cable, "level": spot.level, "spot": spot.spot}
    try:
        connection.execute(_SQL["open_placement"], {**channel_name, **row, "begins": begins})
    except psycopg.errors.ExclusionViolation:
        raise LayoutWrong(spot.at, f"since: {spot.name} stood elsewhere at that time") from None


def _id(connection: Connection[Any], name: str, row: dict[str, Any]) -> int:
    found = connection.execute(_SQL[name], row).fetchone()
    assert found is not None
    return int(found[0])
