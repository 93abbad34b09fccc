"""A small farm written straight into the tables, so that the read path is tested without the write path."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString

from psycopg import Connection, sql

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Group:
    """A group of one device and the ids of its channels by key."""

    group_id: int
    channels: dict[str, int]


class Farm:
    """One organisation with one site and one node.

    Args:
        connection: In autocommit mode, of the schema's owner.
        slug: Of the organisation; names in it are the same in every farm.
    """

    def __init__(self, connection: Connection[Any], slug: str) -> None:
        self.connection = connection
        self.slug = slug
        self.org_id = self._id("INSERT INTO organisation (slug, name) VALUES (%s, %s) RETURNING org_id", slug, slug)
        self.site_id = self._id(
            "INSERT INTO site (org_id, slug, name, time_zone) "
            "VALUES (%s, 'yard', 'Yard', 'America/Chicago') RETURNING site_id",
            self.org_id,
        )
        self.node_id = self._id(
            "INSERT INTO node (org_id, site_id, slug, last_pack_at) VALUES (%s, %s, 'pi', %s) RETURNING node_id",
            *(self.org_id, self.site_id, NOW - timedelta(seconds=5)),
        )

    def group(
        self,
        device: str,
        channels: Sequence[tuple[str, str, str]],
        *,
        interval_s: float | None = 10,
        retention_class: str = "measurements",
    ) -> Group:
        """Add a device with one group; channels are (key, quantity, unit) in the order of their positions."""
        device_id = self._id(
            "INSERT INTO device (org_id, node_id, slug) VALUES (%s, %s, %s) RETURNING device_id",
            *(self.org_id, self.node_id, device),
        )
        group_id = self._id(
            "INSERT INTO sample_group (org_id, device_id, key, retention_class, interval_s) "
            "VALUES (%s, %s, 'main', %s, %s) RETURNING group_id",
            *(self.org_id, device_id, retention_class, interval_s),
        )
        ids = {
            key: self._id(
                "INSERT INTO channel (org_id, group_id, device_id, key, quantity, unit, position) "
                "VALUES (%s, %s, %s, %s, %s, %s, %s) RETURNING channel_id",
                *(self.org_id, group_id, device_id, key, quantity, unit, position),
            )
            for position, (key, quantity, unit) in enumerate(channels)
        }
        return Group(group_id, ids)

    def samples(
        self,
        group: Group,
        rows: Sequence[tuple[datetime, list[float | None], list[int | None] | None]],
        relation: str = "sample",
    ) -> None:
        """Store samples as (time, values, quality)."""
        times = sorted({row[0] for row in rows})
        for begin in range(0, len(times), 8):
            self.connection.execute("SELECT ensure_partitions(%s, %s)", (relation, times[begin : begin + 8]))
        statement = sql.SQL("INSERT INTO {} VALUES (%s, %s, %s, %s)").format(sql.Identifier(relation))
        with self.connection.cursor() as cursor:
            cursor.executemany(statement, [(group.group_id, *row) for row in rows])

    def latest(
        self, group: Group, at: datetime | None, values: list[float | None], quality: list[int | None] | None = None
    ) -> None:
        """Set the newest reading of all channels of a group to one time."""
        self.connection.execute(
            'INSERT INTO latest (group_id, times, "values", quality) VALUES (%s, %s, %s, %s) '
            'ON CONFLICT (group_id) DO UPDATE SET times = excluded.times, "values" = excluded."values", '
            "quality = excluded.quality, changed_by = pg_current_xact_id()",
            (group.group_id, [at] * len(values), values, quality),
        )

    def place(self, slug: str, kind: str = "bin") -> int:
        """Add a place."""
        return self._id(
            "INSERT INTO place (org_id, site_id, slug, title, kind) VALUES (%s, %s, %s, %s, %s) RETURNING place_id",
            *(self.org_id, self.site_id, slug, slug.title(), kind),
        )

    def put(
        self,
        place_id: int,
        device: str,
        channel: str,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        cable: int | None = None,
        level: int | None = None,
    ) -> None:
        """Place a channel for a span of time."""
        self._id(
            "INSERT INTO placement (org_id, place_id, node_id, device, channel, cable, level, during) "
            "VALUES (%s, %s, %s, %s, %s, %s, %s, tstzrange(%s, %s)) RETURNING placement_id",
            *(self.org_id, place_id, self.node_id, device, channel, cable, level, since, until),
        )

    def _id(self, statement: LiteralString, *parameters: object) -> int:
        row = self.connection.execute(statement, parameters).fetchone()
        assert row is not None
        return int(row[0])
