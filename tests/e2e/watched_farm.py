"""A farm whose samples a test commits one by one, through the store's own write path."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from psycopg import AsyncConnection

from siloscope_contract.births import ChannelBirth, DeviceBirth, GroupBirth
from siloscope_contract.quality import Quality
from siloscope_contract.topics import NodeName
from siloscope_process.clock import SystemClock
from siloscope_store import registry, samples
from siloscope_store.connections import connect, connect_async
from siloscope_store.sample_rows import encode, incoming, latest_row
from siloscope_store.samples import SampleTable

NODE = NodeName.of("demo", "north-farm", "yard-pi")
TIME_ZONE = "America/New_York"
INTERVAL_S = 10

Reading = float | Quality


@dataclass(frozen=True)
class Spot:
    """Where a channel hangs."""

    channel: str
    cable: int | None = None
    level: int | None = None
    spot: str | None = None


class WatchedFarm:
    """One site with the places that a test puts there.

    Args:
        url: A database with today's schema, which this farm fills.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        # Playwright keeps an event loop running in the test's own thread; the store gets another one.
        self._thread = ThreadPoolExecutor(1)
        self._channels: dict[str, list[registry.Channel]] = {}
        with connect(url, autocommit=True) as connection:
            connection.execute(
                "WITH org AS (INSERT INTO organisation (slug, name) VALUES (%s, 'Demo') RETURNING org_id) "
                "INSERT INTO site (org_id, slug, name, time_zone) SELECT org_id, %s, 'North Farm', %s FROM org",
                (NODE.org, NODE.site, TIME_ZONE),
            )
        self._node: registry.Node = self._write(lambda connection: registry.register_node(connection, NODE, "agent"))

    def device(self, name: str, channels: Sequence[tuple[str, str, str]], *, title: str = "") -> None:
        """Announce a device; channels are (key, quantity, unit)."""
        births = [ChannelBirth(key=key, quantity=quantity, unit=unit) for key, quantity, unit in channels]
        group = GroupBirth(key="main", interval_s=INTERVAL_S, channels=births)
        birth = DeviceBirth(name=name, title=title, groups=[group])

        async def announce(connection: AsyncConnection[Any]) -> list[registry.Channel]:
            device_id = await registry.register_birth(connection, self._node.node_id, birth)
            return await registry.channels(connection, device_id)

        self._channels[name] = self._write(announce)

    def place(self, slug: str, title: str, kind: str, placed: Mapping[str, Sequence[Spot]]) -> int:
        """Make a place of channels by device, and return its id."""
        with connect(self._url, autocommit=True) as connection:
            row = connection.execute(
                "INSERT INTO place (org_id, site_id, slug, title, kind) "
                "SELECT org_id, site_id, %s, %s, %s FROM node WHERE node_id = %s RETURNING place_id",
                (slug, title, kind, self._node.node_id),
            ).fetchone()
            assert row is not None
            for device, spots in placed.items():
                for each in spots:
                    connection.execute(
                        "INSERT INTO placement "
                        "(org_id, place_id, node_id, device, channel, cable, level, spot, during) "
                        "SELECT org_id, place_id, %s, %s, %s, %s, %s, %s, tstzrange(NULL, NULL) "
                        "FROM place WHERE place_id = %s",
                        (self._node.node_id, device, each.channel, each.cable, each.level, each.spot, row[0]),
                    )
        return int(row[0])

    def channel_id(self, device: str, key: str) -> int:
        """Return the number that a channel has in the API."""
        return next(each.channel_id for each in self._channels[device] if each.key == key)

    def commit(self, device: str, readings: Sequence[Reading], *, age_s: float = 0) -> None:
        """Commit one sample of a device, taken `age_s` ago; a quality stands for a reading that failed."""
        self.commit_history(device, [(age_s, readings)])

    def commit_history(self, device: str, history: Sequence[tuple[float, Sequence[Reading]]]) -> None:
        """Commit samples as (age in seconds, readings), oldest first, in one transaction."""
        group_id = self._channels[device][0].group_id
        now_ms = SystemClock().now_ms()
        rows = [(now_ms - round(age_s * 1000), *_values(readings)) for age_s, readings in history]
        newest_ms, values, quality = rows[-1]

        async def write(connection: AsyncConnection[Any]) -> None:
            await samples.prepare(connection)
            async with connection.transaction():
                spans = sorted({time_ms // samples.SPAN_MS for time_ms, *_ in rows})
                await samples.make_room(connection, SampleTable.MEASUREMENTS, spans)
                encoded = [encode(group_id, *row) for row in rows]
                await samples.write(connection, SampleTable.MEASUREMENTS, incoming(encoded))
                latest = latest_row(group_id, [newest_ms] * len(values), values, quality)
                await samples.write_latest(connection, [latest])

        self._write(write)

    def let_go_before(self, age_s: float) -> None:
        """Say that retention has let go of all readings of before then."""
        with connect(self._url, autocommit=True) as connection:
            connection.execute(
                "INSERT INTO raw_horizon (site_id, retention_class, org_id, kept_from) "
                "SELECT site_id, 'measurements', org_id, now() - make_interval(secs => %s) FROM node "
                "WHERE node_id = %s",
                (age_s, self._node.node_id),
            )

    def close(self) -> None:
        """End the thread."""
        self._thread.shutdown()

    def _write(self, work: "Callable[[AsyncConnection[Any]], Coroutine[Any, Any, Any]]") -> Any:
        async def connected() -> Any:
            async with await connect_async(self._url, autocommit=True) as connection:
                return await work(connection)

        return self._thread.submit(asyncio.run, connected()).result()


def _values(readings: Sequence[Reading]) -> tuple[list[float | None], list[int | None] | None]:
    values = [None if isinstance(each, Quality) else float(each) for each in readings]
    if None not in values:
        return list(values), None
    return values, [int(each) if isinstance(each, Quality) else int(Quality.GOOD) for each in readings]
