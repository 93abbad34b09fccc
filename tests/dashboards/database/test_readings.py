"""What the API says of real rows: refusals first, then sites, places, channels with age and state, and series."""

from datetime import timedelta
from typing import Any

import httpx2
import psycopg
import pytest

from tests.dashboards.answers import assert_problem
from tests.dashboards.conftest import Headers
from tests.store.farm import NOW, Farm, Group

pytestmark = pytest.mark.postgres

PLAIN = {"uncertain": 0, "increase": None, "day": None}
CABLE = [(f"t{level}", "temperature", "Cel") for level in range(1, 5)]


def furnish(farm: Farm) -> tuple[int, Group]:
    """Give a farm a bin with one cable of four levels: live, bad, stale in a group of its own, never."""
    bin_1 = farm.place("bin-1")
    cable = farm.group("head", CABLE[:2])
    farm.latest(cable, NOW - timedelta(seconds=5), [12.5, None], [None, 201])
    old = farm.group("old", CABLE[2:3])
    farm.latest(old, NOW - timedelta(seconds=121), [9.0])
    farm.group("new", CABLE[3:])
    for device, key, level in (("head", "t1", 1), ("head", "t2", 2), ("old", "t3", 3), ("new", "t4", 4)):
        farm.put(bin_1, device, key, cable=1, level=level)
    return bin_1, cable


async def items(client: httpx2.AsyncClient, path: str, headers: Headers) -> list[dict[str, Any]]:
    response = await client.get(path, headers=headers)
    assert response.status_code == 200, response.text
    found: list[dict[str, Any]] = response.json()["items"]
    return found


async def test_ids_of_another_organisation_do_not_exist(
    client: httpx2.AsyncClient, farm: Farm, ours: Headers, theirs: Headers
) -> None:
    place_id, cable = furnish(farm)
    (device_id,) = {channel["device"]["id"] for channel in await items(client, "/channels?search=t1", ours)}
    channel_id = cable.channels["t1"]
    for path in (
        f"/sites/{farm.site_id}",
        f"/places/{place_id}",
        f"/places?site_id={farm.site_id}",
        f"/devices?site_id={farm.site_id}",
        f"/channels?site_id={farm.site_id}",
        f"/channels?place_id={place_id}",
        f"/channels?device_id={device_id}",
        f"/channels/{channel_id}",
        f"/channels/{channel_id}/series",
    ):
        assert (await client.get(path, headers=ours)).status_code == 200, path
        assert_problem(await client.get(path, headers=theirs), 404)
    for path in (f"/live?site_id={farm.site_id}", f"/live?place_id={place_id}"):
        assert_problem(await client.get(path, headers=theirs), 404)


async def test_lists_hold_nothing_of_another_organisation(
    client: httpx2.AsyncClient, farm: Farm, ours: Headers, theirs: Headers
) -> None:
    furnish(farm)
    for path in ("/places", "/devices", "/channels"):
        assert await items(client, path, theirs) == []
        assert await items(client, path, ours)
    assert [site["id"] for site in await items(client, "/sites", ours)] == [farm.site_id]


@pytest.mark.parametrize("cursor", ["x", "a", "a-1", "a99999999999", "b1", "a1'", "a²"])
async def test_a_cursor_of_other_make_is_a_problem(client: httpx2.AsyncClient, ours: Headers, cursor: str) -> None:
    response = await client.get("/channels", params={"cursor": cursor}, headers=ours)
    assert_problem(response, 422)
    assert response.json()["errors"][0]["place"] == "query.cursor"


@pytest.mark.parametrize("search", ["%", "_", "'", "\\", "t1' OR true --", "🌾"])
async def test_a_search_is_text_and_nothing_else(
    client: httpx2.AsyncClient, farm: Farm, ours: Headers, search: str
) -> None:
    furnish(farm)
    response = await client.get("/channels", params={"search": search}, headers=ours)
    assert response.json()["items"] == []


async def test_a_site_counts_its_channels_and_its_nodes_say_when_they_were_seen(
    client: httpx2.AsyncClient, farm: Farm, ours: Headers
) -> None:
    furnish(farm)
    (site,) = await items(client, "/sites", ours)
    counts = {key: site[key] for key in ("places", "channels", "reporting", "stale", "bad")}
    assert counts == {"places": 1, "channels": 4, "reporting": 1, "stale": 1, "bad": 1}
    assert site["time_zone"] == "America/Chicago"
    (node,) = site["nodes"]
    assert node["last_seen_at"] == "2026-03-01T11:59:55Z"
    assert node["age_s"] == 5
    assert (await client.get(f"/sites/{farm.site_id}", headers=ours)).json() == site


async def test_a_place_summarises_what_is_live_and_lists_its_channels_by_spot(
    client: httpx2.AsyncClient, farm: Farm, ours: Headers
) -> None:
    place_id, _ = furnish(farm)
    (listed,) = await items(client, "/places", ours)
    assert listed["channels"] == 4
    assert listed["summary"] == {}
    assert listed["grain"] == {"temperature": {"min": 12.5, "mean": 12.5, "max": 12.5, "unit": "Cel"}}
    place = (await client.get(f"/places/{place_id}", headers=ours)).json()
    assert [channel["place"]["level"] for channel in place["channels"]] == [1, 2, 3, 4]
    assert {**place, "channels": 4} == listed


async def test_every_latest_value_has_unit_age_quality_and_state(
    client: httpx2.AsyncClient, farm: Farm, ours: Headers
) -> None:
    furnish(farm)
    live, bad, stale, never = await items(client, "/channels", ours)
    assert live["unit"] == "Cel"
    assert live["latest"] == {
        "time": "2026-03-01T11:59:55Z",
        "value": 12.5,
        "quality": "good",
        "reason": "good",
        "age_s": 5,
        "state": "live",
    }
    assert (bad["latest"]["value"], bad["latest"]["reason"], bad["latest"]["state"]) == (None, "comm_failure", "bad")
    assert (stale["latest"]["value"], stale["latest"]["age_s"], stale["latest"]["state"]) == (9, 121, "stale")
    assert never["latest"] is None
    assert (await client.get(f"/channels/{bad['id']}", headers=ours)).json() == bad


async def test_pages_follow_each_other_without_gap_or_repetition(
    client: httpx2.AsyncClient, farm: Farm, ours: Headers
) -> None:
    group = farm.group("head", [(f"c{number}", "count", "count") for number in range(7)])
    seen: list[int] = []
    cursor: str | None = None
    while True:
        page = (
            await client.get("/channels", params={"limit": 3, **({"cursor": cursor} if cursor else {})}, headers=ours)
        ).json()
        seen += [channel["id"] for channel in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == sorted(group.channels.values())


async def test_few_readings_come_as_they_are_and_a_failed_one_has_no_value(
    client: httpx2.AsyncClient, farm: Farm, ours: Headers
) -> None:
    group = farm.group("head", CABLE[:1])
    farm.samples(group, [(NOW - timedelta(minutes=2), [1.5], None), (NOW - timedelta(minutes=1), [None], [201])])
    series = (await client.get(f"/channels/{group.channels['t1']}/series", headers=ours)).json()
    assert (series["level"], series["bucket_s"], series["unit"]) == ("raw", None, "Cel")
    assert (series["from"], series["to"]) == ("2026-02-28T12:00:00Z", "2026-03-01T12:00:00Z")
    assert series["points"] == [
        {"time": "2026-03-01T11:58:00Z", "min": 1.5, "mean": 1.5, "max": 1.5, "count": 1, "bad": 0, **PLAIN},
        {"time": "2026-03-01T11:59:00Z", "min": None, "mean": None, "max": None, "count": 0, "bad": 1, **PLAIN},
    ]


async def test_many_readings_come_in_buckets_and_a_gap_stays_a_gap(
    client: httpx2.AsyncClient, farm: Farm, ours: Headers
) -> None:
    group = farm.group("head", CABLE[:1])
    begin = NOW - timedelta(hours=24)
    every_minute = (begin + timedelta(minutes=minute) for minute in range(24 * 60))
    farm.samples(group, [(at, [float(at.minute)], None) for at in every_minute if not 6 <= at.hour < 9])
    path = f"/channels/{group.channels['t1']}/series"
    series = (await client.get(path, params={"points": 24}, headers=ours)).json()
    assert (series["level"], series["bucket_s"]) == ("raw", 3600)
    assert len(series["points"]) == 21
    assert series["points"][0] == {
        "time": "2026-02-28T12:00:00Z",
        "min": 0,
        "mean": 29.5,
        "max": 59,
        "count": 60,
        "bad": 0,
        **PLAIN,
    }
    hours = {int(point["time"][11:13]) for point in series["points"]}
    assert hours == set(range(24)) - {6, 7, 8}


@pytest.mark.parametrize(
    "path", ["/sites", "/places", "/devices", "/channels?limit=1000", "/places/{place_id}", "/channels?search=t"]
)
async def test_more_channels_need_no_more_queries(
    client: httpx2.AsyncClient, farm: Farm, ours: Headers, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    execute = psycopg.AsyncCursor.execute

    async def counted(cursor: Any, query: Any, *arguments: Any, **options: Any) -> Any:
        asked.append(query)
        return await execute(cursor, query, *arguments, **options)

    async def queries() -> int:
        asked.clear()
        response = await client.get(path.format(place_id=place_id), headers=ours)
        assert response.status_code == 200
        return len(asked)

    place_id, _ = furnish(farm)
    monkeypatch.setattr(psycopg.AsyncCursor, "execute", counted)
    few = await queries()
    for number in range(20):
        group = farm.group(f"more-{number}", CABLE)
        farm.latest(group, NOW, [1.0] * 4)
        for level, (key, _, _) in enumerate(CABLE):
            farm.put(place_id, f"more-{number}", key, cable=number, level=level)
    assert await queries() == few
    assert few <= 6
