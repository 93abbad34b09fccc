"""What is to be known of a group in order to roll it up."""

from datetime import datetime
from typing import Any, NamedTuple

from psycopg import AsyncConnection

from siloscope_contract.quantities import QUANTITIES
from siloscope_store.errors import NameUnknown
from siloscope_store.rollups.folding import Kinds
from siloscope_store.samples import SampleTable
from siloscope_store.statements import statements

_SQL = statements("rollups.sql")
_REGISTRY = statements("registry.sql")
_CIRCULAR = [each.name for each in QUANTITIES.values() if each.circular]
_COUNTERS = [each.name for each in QUANTITIES.values() if each.counter]
_TABLES = {"measurements": SampleTable.MEASUREMENTS, "vitals": SampleTable.VITALS}
_ALL = 2**31 - 1


class Group(NamedTuple):
    """A group.

    Attributes:
        m5_since: From when on it has complete roll-ups of five minutes; None where it has none.
        kept_from: Samples before this may be gone; None where none were dropped.
        width: Its positions, counted.
    """

    group_id: int
    table: SampleTable
    zone: str
    site_id: int
    m5_since: datetime | None
    kept_from: datetime | None
    interval_s: float | None
    kinds: Kinds
    width: int

    def keeps(self, at: datetime) -> bool:
        """Return whether the samples of this time are still there."""
        return self.kept_from is None or at >= self.kept_from

    def has_m5(self, at: datetime) -> bool:
        """Return whether roll-ups of five minutes are complete from this time on."""
        return self.m5_since is not None and self.m5_since <= at


async def groups(
    connection: AsyncConnection[Any],
    *,
    after: int = 0,
    limit: int = _ALL,
    group_ids: list[int] | None = None,
    zone: str | None = None,
    site_id: int | None = None,
    only_m5: bool = False,
) -> list[Group]:
    """Return groups in order of their ids, those behind `after` that meet every condition."""
    asked = {"after": after, "limit": limit, "group_ids": group_ids, "zone": zone, "site_id": site_id}
    special = {"circular": _CIRCULAR, "counters": _COUNTERS, "only_m5": only_m5}
    found = await connection.execute(_SQL["groups"], {**asked, **special})
    return [
        Group(
            id_, _TABLES[class_], zone_, site, since, before, interval_s, Kinds(tuple(turning), tuple(counting)), width
        )
        for id_, class_, zone_, site, since, before, interval_s, turning, counting, width in await found.fetchall()
    ]


async def site_named(connection: AsyncConnection[Any], name: str) -> int:
    """Return the id of a site named organisation/site.

    Raises:
        NameUnknown: There is none.
    """
    organisation, _, site = name.partition("/")
    found = await connection.execute(_REGISTRY["site"], {"org": organisation, "site": site})
    row = await found.fetchone()
    if row is None or row[1] is None:
        raise NameUnknown("site", name)
    return int(row[1])
