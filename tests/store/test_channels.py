"""Channels, sites and places: whose they are, where they are, and how they are."""

from datetime import timedelta
from typing import Any

import pytest
from psycopg import AsyncConnection, Connection

from siloscope_contract.quality import Quality
from siloscope_store.channels import ChannelFilter, channel, channels, channels_of_place
from siloscope_store.errors import CursorMalformed
from siloscope_store.places import place, places
from siloscope_store.sites import devices, site, sites
from tests.store.farm import NOW, Farm

CABLE = [(f"t{level}", "temperature", "Cel") for level in range(1, 5)]


async def test_nothing_of_another_organisation_is_found(
    connection: AsyncConnection[Any], farm: Farm, foreign: Farm
) -> None:
    group = foreign.group("head", CABLE)
    place_id = foreign.place("bin-1")
    foreign.put(place_id, "head", "t1")
    foreign.latest(group, NOW, [1.0] * 4)
    assert await channel(connection, farm.org_id, group.channels["t1"], now=NOW) is None
    assert (await channels(connection, farm.org_id, ChannelFilter(), now=NOW, limit=10)).items == []
    elsewhere = ChannelFilter(place_id=place_id)
    assert (await channels(connection, farm.org_id, elsewhere, now=NOW, limit=10)).items == []
    assert await channels_of_place(connection, farm.org_id, place_id, now=NOW) == []
    assert await place(connection, farm.org_id, place_id, now=NOW) is None
    assert await places(connection, farm.org_id, now=NOW) == []
    assert await site(connection, farm.org_id, foreign.site_id, now=NOW) is None
    assert [found.channels for found in await sites(connection, farm.org_id, now=NOW)] == [0]
    assert await devices(connection, farm.org_id) == []


@pytest.mark.parametrize("cursor", ["", "7", "a", "a-1", "a99999999999", "a9999999999", "a٣"])
async def test_a_page_cursor_from_elsewhere_is_refused(
    connection: AsyncConnection[Any], farm: Farm, cursor: str
) -> None:
    with pytest.raises(CursorMalformed):
        await channels(connection, farm.org_id, ChannelFilter(), now=NOW, limit=10, cursor=cursor)


async def test_pages_give_every_channel_once(connection: AsyncConnection[Any], farm: Farm) -> None:
    expected = [*farm.group("head-1", CABLE).channels.values(), *farm.group("head-2", CABLE).channels.values()]
    found: list[int] = []
    cursor: str | None = None
    for _ in range(3):
        page = await channels(connection, farm.org_id, ChannelFilter(), now=NOW, limit=3, cursor=cursor)
        found += [item.id for item in page.items]
        cursor = page.next_cursor
    assert (found, cursor) == (expected, None)


async def test_filters_narrow_each_other(connection: AsyncConnection[Any], farm: Farm) -> None:
    head = farm.group("head", CABLE)
    farm.group("room", [("humidity", "relative_humidity", "%RH")])
    place_id = farm.place("bin-1")
    farm.put(place_id, "head", "t2")

    async def keys(wanted: ChannelFilter) -> list[str]:
        return [c.key for c in (await channels(connection, farm.org_id, wanted, now=NOW, limit=10)).items]

    assert await keys(ChannelFilter(site_id=farm.site_id)) == ["t1", "t2", "t3", "t4", "humidity"]
    assert await keys(ChannelFilter(place_id=place_id)) == ["t2"]
    assert await keys(ChannelFilter(quantity="relative_humidity")) == ["humidity"]
    assert await keys(ChannelFilter(search="BIN-")) == ["t2"]
    assert await keys(ChannelFilter(search="%")) == []
    assert await keys(ChannelFilter(search="t2", quantity="relative_humidity")) == []
    found = await channel(connection, farm.org_id, head.channels["t2"], now=NOW)
    assert found is not None
    assert (found.device.slug, found.node.slug, found.site.time_zone) == ("head", "pi", "America/Chicago")
    assert found.place is not None
    assert (found.place.id, found.place.kind) == (place_id, "bin")


@pytest.mark.parametrize(
    ("interval_s", "age_s", "code", "state"),
    [
        (10, 119, None, "live"),
        (10, 121, None, "stale"),
        (60, 179, None, "live"),
        (60, 181, None, "stale"),
        (None, 899, None, "live"),
        (None, 901, None, "stale"),
        (10, 5, 102, "live"),
        (10, 5, 201, "bad"),
        (10, 9999, 201, "bad"),
        (10, -30, None, "live"),
    ],
)
async def test_a_channel_says_how_old_and_how_good_its_value_is(
    connection: AsyncConnection[Any], farm: Farm, interval_s: float | None, age_s: float, code: int | None, state: str
) -> None:
    group = farm.group("head", CABLE[:1], interval_s=interval_s)
    value = None if state == "bad" else 4.5
    farm.latest(group, NOW - timedelta(seconds=age_s), [value], None if code is None else [code])
    found = await channel(connection, farm.org_id, group.channels["t1"], now=NOW)
    assert found is not None
    assert found.latest is not None
    assert (found.latest.state, found.latest.age_s, found.latest.value) == (state, age_s, value)
    assert found.latest.reason == ("good" if code is None else Quality(code).reason)
    (counted,) = await sites(connection, farm.org_id, now=NOW)
    assert (counted.reporting, counted.stale, counted.bad) == tuple(int(state == s) for s in ("live", "stale", "bad"))


async def test_a_channel_that_never_reported_has_no_value(connection: AsyncConnection[Any], farm: Farm) -> None:
    group = farm.group("head", CABLE[:1])
    found = await channel(connection, farm.org_id, group.channels["t1"], now=NOW)
    assert found is not None
    assert found.latest is None


async def test_a_retired_channel_is_not_listed(
    connection: AsyncConnection[Any], owner: Connection[Any], farm: Farm
) -> None:
    farm.group("head", CABLE[:2])
    owner.execute("UPDATE channel SET retired_at = now() WHERE key = 't1'")
    page = await channels(connection, farm.org_id, ChannelFilter(), now=NOW, limit=10)
    assert [item.key for item in page.items] == ["t2"]


async def test_the_air_above_the_grain_is_not_the_grain(connection: AsyncConnection[Any], farm: Farm) -> None:
    cable = farm.group("head", CABLE)
    roof = farm.group("roof", [("temperature", "temperature", "Cel")])
    place_id = farm.place("bin-1")
    farm.put(place_id, "head", "t1", cable=1, level=1)
    farm.put(place_id, "head", "t2", cable=1, level=2)
    farm.put(place_id, "head", "t3", cable=1)
    farm.put(place_id, "roof", "temperature")
    farm.latest(cable, NOW, [10.0, 20.0, 33.0, None])
    farm.latest(roof, NOW, [55.0])
    found = await place(connection, farm.org_id, place_id, now=NOW)
    assert found is not None
    assert (found.channels, found.reporting) == (4, 4)
    assert {name: (of.min, of.mean, of.max) for name, of in found.grain.items()} == {"temperature": (10.0, 15.0, 20.0)}
    assert {name: (of.min, of.max) for name, of in found.summary.items()} == {"temperature": (33.0, 55.0)}


async def test_a_place_sums_up_its_live_channels(connection: AsyncConnection[Any], farm: Farm) -> None:
    cable = farm.group("head", CABLE)
    mast = farm.group("mast", [("wind_direction", "wind_direction", "deg")])
    place_id = farm.place("bin-1")
    for level, (key, _, _) in enumerate(reversed(CABLE)):
        farm.put(place_id, "head", key, cable=1, level=level)
    farm.put(place_id, "mast", "wind_direction")
    farm.latest(cable, NOW, [10.0, 20.0, 60.0, None], [None, None, None, 202])
    farm.latest(mast, NOW, [90.0])
    found = await place(connection, farm.org_id, place_id, now=NOW)
    assert found is not None
    assert (found.channels, found.reporting, found.stale, found.bad) == (5, 4, 0, 1)
    assert {name: (of.min, of.mean, of.max, of.unit) for name, of in found.grain.items()} == {
        "temperature": (10.0, 30.0, 60.0, "Cel")
    }
    assert found.summary == {}
    ordered = await channels_of_place(connection, farm.org_id, place_id, now=NOW)
    assert [item.key for item in ordered] == ["t4", "t3", "t2", "t1", "wind_direction"]


async def test_a_channel_that_is_placed_and_was_never_heard_of_counts_as_not_reporting(
    connection: AsyncConnection[Any], farm: Farm
) -> None:
    cable = farm.group("head", CABLE[:2])
    farm.latest(cable, NOW, [10.0, 20.0])
    begun, empty = farm.place("bin-1"), farm.place("bin-2")
    for level in range(1, 5):
        farm.put(begun, "head", f"t{level}", cable=1, level=level)
    farm.put(empty, "other-head", "t1")
    farm.put(empty, "other-head", "t2", until=NOW)
    found = {each.id: each for each in await places(connection, farm.org_id, now=NOW)}
    assert [(found[each].channels, found[each].reporting, found[each].unheard) for each in (begun, empty)] == [
        (4, 2, 2),
        (1, 0, 1),
    ]
    (yard,) = await sites(connection, farm.org_id, now=NOW)
    assert (yard.channels, yard.reporting) == (5, 2)


async def test_a_channel_stands_where_it_is_placed_at_the_time_asked_for(
    connection: AsyncConnection[Any], farm: Farm
) -> None:
    group = farm.group("head", CABLE[:1])
    old, new = farm.place("bin-1"), farm.place("bin-2")
    farm.put(old, "head", "t1", until=NOW)
    farm.put(new, "head", "t1", since=NOW)
    found = {}
    for moment in (NOW - timedelta(seconds=1), NOW):
        item = await channel(connection, farm.org_id, group.channels["t1"], now=moment)
        assert item is not None
        assert item.place is not None
        found[moment] = item.place.id
    assert list(found.values()) == [old, new]


async def test_a_site_names_its_nodes_and_devices(connection: AsyncConnection[Any], farm: Farm) -> None:
    farm.group("head", CABLE)
    farm.place("bin-1")
    (found,) = await sites(connection, farm.org_id, now=NOW)
    assert (found.slug, found.places, found.channels) == ("yard", 1, 4)
    assert [(node.slug, node.age_s) for node in found.nodes] == [("pi", 5.0)]
    (device,) = await devices(connection, farm.org_id, site_id=farm.site_id)
    assert (device.slug, device.node.slug, device.channels, device.attributes) == ("head", "pi", 4, {})
