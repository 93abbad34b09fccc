"""A farm to watch: one organisation and site, two nodes, a bin of five cables with six levels, a mast."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import pytest
from psycopg import AsyncConnection, Connection

from siloscope_store.connections import connect, connect_async
from tests.store.farm import Farm, Group

CABLES, LEVELS = 5, 6
INTERVAL_S = 10


class AlertFarm(Farm):
    """A farm with things to watch; everything is expected every ten seconds.

    Attributes:
        cables: Five groups of node `pi` with the channels `t1` to `t6`, placed in bin 7 by cable and level.
        mast: A group of node `mast`: air temperature, relative humidity, wind speed.
        bin_id: The place of the cables.
        mast_place_id: The place of the mast.
        mast_node_id: The second node.
    """

    def __init__(self, connection: Connection[Any], url: str, slug: str = "ours") -> None:
        super().__init__(connection, slug)
        self.url = url
        self.bin_id = self.place("bin-7")
        self.mast_place_id = self.place("mast", kind="mast")
        self.cables = [self._cable(number) for number in range(1, CABLES + 1)]
        first_node_id = self.node_id
        self.mast_node_id = self.node_id = self.node("mast")
        self.mast = self.group(
            "wxt",
            [
                ("air_temperature", "temperature", "Cel"),
                ("humidity", "relative_humidity", "%RH"),
                ("wind_speed", "wind_speed", "m/s"),
            ],
            interval_s=INTERVAL_S,
        )
        for key in self.mast.channels:
            self.put(self.mast_place_id, "wxt", key)
        self.node_id = first_node_id

    def node(self, slug: str) -> int:
        """Add a node to the site."""
        return self._id(
            "INSERT INTO node (org_id, site_id, slug) VALUES (%s, %s, %s) RETURNING node_id",
            *(self.org_id, self.site_id, slug),
        )

    def now(self) -> datetime:
        """Return the database's time: alerting judges by no other."""
        row = self.connection.execute("SELECT clock_timestamp()").fetchone()
        assert row is not None
        return row[0]  # type: ignore[no-any-return]

    def hear(self, node_id: int | None = None, *, ago_s: float = 0.0) -> None:
        """Note that nodes were heard of; all of them unless told."""
        self.connection.execute(
            "UPDATE node SET last_pack_at = clock_timestamp() - make_interval(secs => %s), "
            "last_heartbeat_at = clock_timestamp() - make_interval(secs => %s) "
            "WHERE org_id = %s AND (%s::int4 IS NULL OR node_id = %s)",
            (ago_s, ago_s, self.org_id, node_id, node_id),
        )

    def ingest_runs(self, *, lag_s: float = 0.0, connected: bool = True, ago_s: float = 0.0) -> None:
        """Write what an ingest worker says of itself."""
        self.connection.execute(
            "INSERT INTO ingest_presence (worker, seen_at, broker_connected, lag_s) "
            "VALUES ('main', clock_timestamp() - make_interval(secs => %s), %s, %s) "
            "ON CONFLICT (worker) DO UPDATE SET seen_at = excluded.seen_at, "
            "broker_connected = excluded.broker_connected, lag_s = excluded.lag_s",
            (ago_s, connected, lag_s),
        )

    def _cable(self, number: int) -> Group:
        keys = [(f"t{level}", "temperature", "Cel") for level in range(1, LEVELS + 1)]
        group = self.group(f"cable-{number}", keys, interval_s=INTERVAL_S)
        for level in range(1, LEVELS + 1):
            self.put(self.bin_id, f"cable-{number}", f"t{level}", cable=number, level=level)
        return group


@pytest.fixture
def owner(migrated_database_url: str) -> Iterator[Connection[Any]]:
    """A connection of the schema's owner, once per home."""
    with connect(migrated_database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def alert_farm(owner: Connection[Any], migrated_database_url: str) -> AlertFarm:
    """The farm that a test watches, once per home."""
    return AlertFarm(owner, migrated_database_url)


@pytest.fixture
async def connection(migrated_database_url: str) -> AsyncIterator[AsyncConnection[Any]]:
    """An asynchronous connection of the owner to the same database."""
    async with await connect_async(migrated_database_url, autocommit=True) as connection:
        yield connection


@asynccontextmanager
async def another(url: str) -> AsyncIterator[AsyncConnection[Any]]:
    """One more connection: a second replica, or a writer that commits late."""
    async with await connect_async(url, autocommit=True) as connection:
        yield connection
