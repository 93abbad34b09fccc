"""Channels with their newest reading, as people see them."""

from datetime import datetime
from functools import lru_cache
from typing import Any

import msgspec
from psycopg import AsyncConnection
from psycopg.rows import tuple_row

from siloscope_contract.quality import CODES, Quality, grade
from siloscope_store.cursors import PageOf, next_page, position_of
from siloscope_store.statements import statements

_SQL = statements("channels.sql")
MOST_PER_PLACE = 5_000


class Latest(msgspec.Struct, frozen=True):
    """The newest reading of a channel, newest by its own time.

    Attributes:
        value: In the channel's unit; None where the read failed.
        quality: The grade: good, uncertain or bad.
        reason: Why the quality is what it is: `good`, `comm_failure`.
        age_s: Seconds from `time` to the `now` that was asked for.
        state: live, stale or bad.
    """

    time: datetime
    value: float | None
    quality: str
    reason: str
    age_s: float
    state: str


class DeviceName(msgspec.Struct, frozen=True):
    """The instrument that a channel belongs to."""

    id: int
    slug: str
    title: str | None


class NodeRef(msgspec.Struct, frozen=True):
    """The node behind which an instrument stands."""

    id: int
    slug: str


class SiteName(msgspec.Struct, frozen=True):
    """The site where it stands."""

    id: int
    slug: str
    name: str
    time_zone: str


class Spot(msgspec.Struct, frozen=True):
    """Where a channel is placed at the time asked for."""

    id: int
    slug: str
    title: str
    kind: str
    cable: int | None
    level: int | None
    spot: str | None


class Channel(msgspec.Struct, frozen=True):
    """One measured quantity of one instrument; `latest` is None where it never reported.

    Attributes:
        clock_ahead_s: Its node's clock is so far ahead that what it reads is stored, but never the newest; else None.
    """

    id: int
    key: str
    title: str | None
    quantity: str
    unit: str
    device: DeviceName
    node: NodeRef
    site: SiteName
    place: Spot | None
    interval_s: float | None
    retention_class: str
    resolution: float | None
    latest: Latest | None
    clock_ahead_s: float | None


class ChannelFilter(msgspec.Struct, frozen=True):
    """Which channels are wanted; None = any."""

    site_id: int | None = None
    place_id: int | None = None
    device_id: int | None = None
    quantity: str | None = None
    search: str | None = None


async def channels(
    connection: AsyncConnection[Any],
    org_id: int,
    wanted: ChannelFilter,
    *,
    now: datetime,
    limit: int,
    cursor: str | None = None,
) -> PageOf[Channel]:
    """Return one page of active channels, oldest first.

    Raises:
        CursorMalformed: The cursor was not given out here.
    """
    found = await _select(connection, org_id, wanted, now=now, limit=limit + 1, after=position_of(cursor))
    return next_page(found, limit, lambda channel: channel.id)


async def channel(connection: AsyncConnection[Any], org_id: int, channel_id: int, *, now: datetime) -> Channel | None:
    """Return one active channel; None where this organisation has none of that number."""
    found = await _select(connection, org_id, ChannelFilter(), now=now, limit=1, channel_id=channel_id)
    return found[0] if found else None


async def channels_of_place(
    connection: AsyncConnection[Any], org_id: int, place_id: int, *, now: datetime
) -> list[Channel]:
    """Return the channels that are placed there now, by cable and level."""
    found = await _select(connection, org_id, ChannelFilter(place_id=place_id), now=now, limit=MOST_PER_PLACE)
    return sorted(found, key=_by_spot)


async def _select(
    connection: AsyncConnection[Any],
    org_id: int,
    wanted: ChannelFilter,
    *,
    now: datetime,
    limit: int,
    after: int = 0,
    channel_id: int | None = None,
) -> list[Channel]:
    parameters = {
        **msgspec.structs.asdict(wanted),
        "org_id": org_id,
        "channel_id": channel_id,
        "now": now,
        "after": after,
        "limit": limit,
    }
    async with connection.cursor(row_factory=tuple_row, binary=True) as rows:
        await rows.execute(_SQL["channels"], parameters)
        return _channels(await rows.fetchall(), now)


def _channels(rows: list[tuple[Any, ...]], now: datetime) -> list[Channel]:
    found = []
    stand: dict[int, tuple[DeviceName, NodeRef, SiteName]] = {}  # of channels of one instrument there are many
    for row in rows:
        channel_id, key, title, quantity, unit, resolution, interval_s, retention_class, ahead_s, device_id = row[:10]
        of_device = stand.get(device_id)
        if of_device is None:
            of_device = DeviceName(*row[9:12]), NodeRef(*row[12:14]), SiteName(*row[14:18])
            stand[device_id] = of_device
        device, node, site = of_device
        found.append(
            Channel(
                id=channel_id,
                key=key,
                title=title,
                quantity=quantity,
                unit=unit,
                device=device,
                node=node,
                site=site,
                place=None if row[18] is None else Spot(*row[18:25]),
                interval_s=interval_s,
                retention_class=retention_class,
                resolution=resolution,
                latest=None if row[25] is None else _latest(now, *row[25:]),
                clock_ahead_s=ahead_s,
            )
        )
    return found


def _latest(now: datetime, time: datetime, value: float | None, code: int, state: str) -> Latest:
    quality, reason = _words_of(code)
    return Latest(time, value, quality, reason, (now - time).total_seconds(), state)


@lru_cache(maxsize=1024)
def _words_of(code: int) -> tuple[str, str]:
    return grade(code).value, reason_of(code)


def reason_of(code: int) -> str:
    """Return the reason of a stored code; the grade where a newer version wrote a code that is unknown here."""
    return Quality(code).reason if code in CODES else grade(code).value


def _by_spot(channel: Channel) -> tuple[float, float, str, int]:
    last = float("inf")
    spot = channel.place
    cable = last if spot is None or spot.cable is None else spot.cable
    level = last if spot is None or spot.level is None else spot.level
    return cable, level, channel.device.slug, channel.id
