"""What the API says is missing of real rows: refusals first, then days, gaps, conflicts and numbers."""

from datetime import timedelta
from typing import Any

import httpx2
import pytest

from tests.dashboards.answers import assert_problem
from tests.dashboards.conftest import Headers
from tests.store.farm import NOW, Farm, Group

pytestmark = pytest.mark.postgres

HOURS = 30


def furnish(farm: Farm) -> tuple[int, Group]:
    """Give a farm a head that is read each minute, with an hour off, ten minutes lost, and some failed readings."""
    group = farm.group("head", [("t1", "temperature", "Cel"), ("t2", "temperature", "Cel")], interval_s=60)
    place_id = farm.place("bin-1")
    farm.put(place_id, "head", "t1", cable=1, level=1)
    minutes = [minute for minute in range(HOURS * 60, 0, -1) if not (600 <= minute < 660 or 300 <= minute < 310)]
    rows: list[tuple[Any, list[float | None], list[int | None] | None]] = [
        (NOW - timedelta(minutes=minute), [1.0, None], [0, 201] if minute % 100 == 0 else None) for minute in minutes
    ]
    farm.samples(group, rows)
    farm.connection.execute("UPDATE group_expectation SET since = %s", (NOW - timedelta(minutes=HOURS * 60 + 1),))
    farm.connection.execute(
        "INSERT INTO gap_record (org_id, node_id, kind, from_time, to_time) VALUES (%s, %s, 'agent_off', %s, %s)",
        (farm.org_id, farm.node_id, NOW - timedelta(minutes=660, seconds=-1), NOW - timedelta(minutes=600)),
    )
    farm.connection.execute(
        'INSERT INTO sample_conflict (group_id, "time", position, kept_value, kept_quality, kept_epoch, kept_seq, '
        "other_value, other_quality, other_epoch, other_seq) VALUES (%s, %s, 0, 1, 0, %s, 4, NULL, 201, %s, 9)",
        (group.group_id, NOW - timedelta(minutes=5), "01" * 16, "02" * 16),
    )
    return place_id, group


async def items(client: httpx2.AsyncClient, path: str, headers: Headers) -> list[dict[str, Any]]:
    response = await client.get(path, headers=headers)
    assert response.status_code == 200, response.text
    found: list[dict[str, Any]] = response.json()["items"]
    return found


async def test_another_organisation_sees_none_of_it(
    client: httpx2.AsyncClient, farm: Farm, ours: Headers, theirs: Headers
) -> None:
    place_id, group = furnish(farm)
    for query in (f"site_id={farm.site_id}", f"place_id={place_id}", f"channel_id={group.channels['t1']}"):
        for path in ("/completeness", "/gaps", "/conflicts"):
            assert await items(client, f"{path}?{query}", ours), (path, query)
            assert_problem(await client.get(f"{path}?{query}", headers=theirs), 404)
    for path in ("/completeness", "/gaps", "/conflicts"):
        assert await items(client, path, theirs) == []
    assert_problem(await client.get(f"/nodes/{farm.node_id}/ledger", headers=theirs), 404)


@pytest.mark.parametrize(
    ("path", "query", "place"),
    [
        ("/completeness", "from=2026-02-30", "query.from"),
        ("/completeness", "from=2026-03-02&to=2026-03-01", "query.from"),
        ("/completeness", "from=2020-01-01&to=2026-03-01", "query.from"),
        ("/completeness", "cursor=x", "query.cursor"),
        ("/completeness", "by=week", "query.by"),
        ("/gaps", "from=yesterday", "query.from"),
        ("/gaps", "cursor=2026-03-01T00:00:00Z~1~nonsense", "query.cursor"),
        ("/gaps", "cursor=2026-03-01T00:00:00~1~evicted", "query.cursor"),
        ("/gaps", "cause=fate", "query.cause"),
        ("/conflicts", "cursor=a-1", "query.cursor"),
    ],
)
async def test_nonsense_is_a_problem(
    client: httpx2.AsyncClient, ours: Headers, path: str, query: str, place: str
) -> None:
    response = await client.get(f"{path}?{query}", headers=ours)
    assert_problem(response, 422)
    assert response.json()["errors"][0]["place"] == place


async def test_a_group_says_what_was_expected_what_is_there_and_why_the_rest_is_not(
    client: httpx2.AsyncClient, farm: Farm, ours: Headers
) -> None:
    furnish(farm)
    (group,) = await items(client, f"/completeness?site_id={farm.site_id}&from=2026-02-28&to=2026-03-01", ours)
    assert (group["subject"]["device_slug"], group["channel"]) == ("head", None)
    assert [place["slug"] for place in group["subject"]["places"]] == ["bin-1"]
    saturday, sunday = group["days"]  # as the clock at the site has it, six hours behind
    assert saturday["missing"] == {"agent_off": 60}
    assert (saturday["expected"], saturday["stored"]) == (1440, 1380)
    assert sunday["missing"] == {"unexplained": 10}
    assert sunday["expected"] == sunday["stored"] + 10
    assert (saturday["conflicts"], sunday["conflicts"]) == (0, 1)
    total = {key: saturday["bad"].get(key, 0) + sunday["bad"].get(key, 0) for key in ("comm_failure",)}
    assert total == {"comm_failure": 16}


async def test_a_channel_has_its_own_failures_and_what_its_samples_left_out(
    client: httpx2.AsyncClient, farm: Farm, ours: Headers
) -> None:
    furnish(farm)
    first, second = await items(client, "/completeness?by=channel&from=2026-02-28&to=2026-02-28", ours)
    assert (first["channel"]["key"], second["channel"]["key"]) == ("t1", "t2")
    (of_first,), (of_second,) = first["days"], second["days"]
    assert (of_first["bad"], of_first["missing"]) == ({}, {"agent_off": 60})
    assert of_second["stored"] == sum(of_second["bad"].values())
    assert of_second["missing"]["not_reported"] == of_first["stored"] - of_second["stored"]
    for day in (of_first, of_second):
        assert day["expected"] + day["surplus"] == day["stored"] + sum(day["missing"].values())


async def test_gaps_come_newest_first_page_by_page(client: httpx2.AsyncClient, farm: Farm, ours: Headers) -> None:
    furnish(farm)
    pages: list[list[dict[str, Any]]] = []
    cursor: str | None = None
    while cursor is not None or not pages:
        query = {"limit": "1"} if cursor is None else {"limit": "1", "cursor": cursor}
        body = (await client.get("/gaps", params=query, headers=ours)).json()
        pages.append(body["items"])
        cursor = body["next_cursor"]
    found = [(gap["cause"], gap["from"], gap["to"], gap["samples"]) for page in pages for gap in page]
    assert found == [
        ("unexplained", "2026-03-01T06:51:00Z", "2026-03-01T07:00:00Z", 10),
        ("agent_off", "2026-03-01T01:01:00Z", "2026-03-01T02:00:00Z", 60),
    ]
    assert len(await items(client, "/gaps?cause=agent_off", ours)) == 1


async def test_conflicts_name_both_values_and_both_packs(client: httpx2.AsyncClient, farm: Farm, ours: Headers) -> None:
    furnish(farm)
    (conflict,) = await items(client, "/conflicts", ours)
    assert (conflict["kept_value"], conflict["kept_epoch"], conflict["kept_seq"]) == (1, "01" * 16, 4)
    assert (conflict["other_value"], conflict["other_reason"], conflict["other_seq"]) == (None, "comm_failure", 9)
    assert conflict["channel_key"] == "t1"


async def test_a_node_shows_its_numbers(client: httpx2.AsyncClient, farm: Farm, ours: Headers) -> None:
    farm.connection.execute(
        "INSERT INTO node_epoch (node_id, epoch, accounted, declared_oldest, declared_next, last_seen_at) "
        "VALUES (%s, %s, '{[1,5),[7,9)}', 5, 12, %s)",
        (farm.node_id, "01" * 16, NOW),
    )
    ledger = (await client.get(f"/nodes/{farm.node_id}/ledger", headers=ours)).json()
    (epoch,) = ledger["epochs"]
    assert epoch["below"] == 5
    assert epoch["on_its_way"] == {"count": 5, "ranges": [[5, 6], [9, 11]]}
    assert epoch["lost"] == {"count": 0, "ranges": []}


async def test_a_channel_that_was_added_later_lacks_nothing_of_the_days_before(
    client: httpx2.AsyncClient, farm: Farm, ours: Headers
) -> None:
    _, group = furnish(farm)
    row = farm.connection.execute(
        "INSERT INTO channel (org_id, group_id, device_id, key, quantity, unit, position, created_at) "
        "SELECT org_id, group_id, device_id, 't3', quantity, unit, 2, %s FROM channel WHERE channel_id = %s "
        "RETURNING channel_id",
        (NOW, group.channels["t1"]),
    ).fetchone()
    assert row is not None
    days = "from=2026-02-27&to=2026-03-01"
    (found,) = await items(client, f"/completeness?channel_id={row[0]}&{days}", ours)
    assert [day["day"] for day in found["days"]] == ["2026-03-01"]
    (found,) = await items(client, f"/completeness?channel_id={group.channels['t1']}&{days}", ours)
    assert len(found["days"]) > 1
