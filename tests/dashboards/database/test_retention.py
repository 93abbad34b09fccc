"""Retention over HTTP on a real database: what holds, what would go, what was set and what has gone."""

from datetime import date, timedelta
from typing import Any

import httpx2
import pytest
from psycopg import Connection

from siloscope_dashboards import database_retention
from siloscope_process.clock import ManualClock, to_ms
from siloscope_store import users
from siloscope_store.retention import dropping, policies
from tests.dashboards.account_fakes import PASSWORD
from tests.dashboards.answers import assert_problem
from tests.dashboards.conftest import Headers
from tests.dashboards.database.conftest import log_in
from tests.store.farm import NOW, Farm

pytestmark = pytest.mark.postgres
DAY = timedelta(days=1)
ROOT = "/retention"
RAW = f"{ROOT}/measurements/raw"
ARCHIVE = f"{ROOT}/archive"


async def administrator(client: httpx2.AsyncClient, owner: Connection[Any], farm: Farm) -> Headers:
    users.add(owner, farm.slug, f"chief-of-{farm.slug}", PASSWORD, "administrator")
    return await log_in(client, f"chief-of-{farm.slug}")


@pytest.fixture
async def chief(client: httpx2.AsyncClient, owner: Connection[Any], farm: Farm) -> Headers:
    """The header of our administrator."""
    return await administrator(client, owner, farm)


@pytest.fixture
async def stranger(client: httpx2.AsyncClient, owner: Connection[Any], foreign: Farm) -> Headers:
    """The header of the other organisation's administrator."""
    return await administrator(client, owner, foreign)


@pytest.fixture
def weeks(farm: Farm) -> Farm:
    """Our farm, with a sample a day for eight weeks."""
    group = farm.group("head", [("t1", "temperature", "Cel")])
    farm.samples(group, [(NOW - n * DAY, [20.0], None) for n in range(56)])
    return farm


async def test_who_may_only_look_is_refused(client: httpx2.AsyncClient, ours: Headers) -> None:
    for path in (ROOT, f"{ROOT}/plan", f"{ROOT}/history"):
        assert_problem(await client.get(path), 401)
        assert_problem(await client.get(path, headers=ours), 403)
    assert_problem(await client.put(RAW, json={"keep": "90d", "expected_version": 0}, headers=ours), 403)
    assert_problem(await client.put(ARCHIVE, json={"required": False, "expected": True}, headers=ours), 403)


async def test_the_archive_is_switched_for_ones_own_organisation_and_nobody_is_overtaken(
    client: httpx2.AsyncClient, owner: Connection[Any], chief: Headers, stranger: Headers
) -> None:
    late = {"required": False, "expected": False}
    refused = await client.put(ARCHIVE, json=late, headers=chief)
    assert_problem(refused, 409)
    assert "the archive is required by now" in refused.json()["detail"]
    off = await client.put(ARCHIVE, json={"required": False, "expected": True}, headers=chief)
    assert (off.status_code, off.json()["archive_required"]) == (200, False)
    assert (await client.get(ROOT, headers=chief)).json()["archive_required"] is False
    assert (await client.get(ROOT, headers=stranger)).json()["archive_required"] is True
    refused = await client.put(ARCHIVE, json={"required": True, "expected": True}, headers=chief)
    assert_problem(refused, 409)
    assert "the archive is off by now" in refused.json()["detail"]
    on = await client.put(ARCHIVE, json={"required": True, "expected": False}, headers=chief)
    assert on.json()["archive_required"] is True
    deeds = owner.execute("SELECT actor, subject FROM audit WHERE action = 'retention.archive' ORDER BY audit_id")
    assert [row[1] for row in deeds.fetchall()] == ["off", "required"]


@pytest.mark.parametrize(
    ("name", "keep", "status", "says"),
    [
        ("measurements/raw", "90 hours", 422, "'90 hours' is no duration; expected a whole number of days"),
        ("measurements/raw", "0d", 422, "expected 1 to 36525 days"),
        ("measurements/raw", "forever", 422, "m5 would be kept for 3y and raw for forever"),
        ("measurements/hour", "9d", 422, "hour would be kept for 9d and m5 for 3y"),
        ("records/raw", "9d", 404, "there is no policy records/raw"),
        ("vitals/alerts", "9d", 404, "there is no policy vitals/alerts"),
    ],
)
async def test_what_cannot_be_set_is_a_problem_and_nothing_is_set(
    client: httpx2.AsyncClient, chief: Headers, name: str, keep: str, status: int, says: str
) -> None:
    before = (await client.get(ROOT, headers=chief)).json()
    response = await client.put(f"{ROOT}/{name}", json={"keep": keep, "expected_version": 0}, headers=chief)
    assert_problem(response, status)
    assert says in response.json()["detail"]
    if status == 422:
        assert response.json()["errors"][0]["place"] == "body.keep"
    assert (await client.get(ROOT, headers=chief)).json() == before


@pytest.mark.parametrize(
    ("query", "place"),
    [
        ({"retention_class": "records", "level": "raw"}, "query.level"),
        ({"retention_class": "measurements", "level": "alerts", "keep": "9d"}, "query.level"),
        ({"retention_class": "measurements", "level": "raw", "keep": "9 hours"}, "query.keep"),
        ({"retention_class": "measurements", "level": "raw", "keep": "forever"}, "query.keep"),
    ],
)
async def test_a_plan_of_what_cannot_be_is_a_problem(
    client: httpx2.AsyncClient, chief: Headers, query: dict[str, str], place: str
) -> None:
    response = await client.get(f"{ROOT}/plan", params=query, headers=chief)
    assert_problem(response, 422)
    assert response.json()["errors"][0]["place"] == place


async def test_a_plan_that_takes_too_long_is_a_problem(
    client: httpx2.AsyncClient, owner: Connection[Any], chief: Headers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_retention, "LONGEST_PLAN_S", 0.2)
    with owner.transaction():
        owner.execute("LOCK TABLE retention")
        response = await client.get(f"{ROOT}/plan", headers=chief)
    assert_problem(response, 504)
    assert "ask for one class or level" in response.json()["detail"]
    assert (await client.get(ROOT, headers=chief)).status_code == 200


async def test_every_level_is_told_with_where_it_comes_from(
    client: httpx2.AsyncClient, owner: Connection[Any], chief: Headers
) -> None:
    policies.set_policy(owner, "ours", "vitals", "raw", 30, author="command:siloscope db")
    policies.require_archive(owner, "ours", required=False)
    found = (await client.get(ROOT, headers=chief)).json()
    names = [(each["retention_class"], each["level"]) for each in found["items"]]
    assert names == [(name, level) for name, levels in policies.LEVELS.items() for level in levels]
    by_name = dict(zip(names, found["items"], strict=True))
    vitals = by_name["vitals", "raw"]
    assert (vitals["source"], vitals["keep"], vitals["default_keep"]) == ("set", "30d", "92d")
    assert (vitals["version"], vitals["set_by"]) == (1, "command:siloscope db")
    raw, days = by_name["measurements", "raw"], by_name["measurements", "day"]
    assert (raw["source"], raw["keep"], raw["keep_days"], raw["version"]) == ("default", "2y", 731, 0)
    assert (days["keep"], days["keep_days"]) == ("forever", None)
    assert (found["archive_required"], found["archiving"], found["last_run_at"]) == (False, None, None)


async def test_a_policy_is_set_once_and_who_has_not_seen_it_is_told(
    client: httpx2.AsyncClient, chief: Headers, stranger: Headers
) -> None:
    response = await client.put(RAW, json={"keep": "26w", "expected_version": 0}, headers=chief)
    assert response.status_code == 200
    found = response.json()
    assert (found["keep"], found["source"], found["version"], found["set_by"]) == (
        "182d",
        "set",
        1,
        "user:chief-of-ours",
    )
    late = await client.put(RAW, json={"keep": "1y", "expected_version": 0}, headers=chief)
    assert_problem(late, 409)
    assert "somebody else set one meanwhile" in late.json()["detail"]
    assert (await client.get(ROOT, headers=chief)).json()["items"][0] == found
    assert (await client.get(ROOT, headers=stranger)).json()["items"][0]["source"] == "default"


async def test_a_dry_run_says_what_would_go_and_nothing_goes(
    client: httpx2.AsyncClient, owner: Connection[Any], weeks: Farm, chief: Headers, stranger: Headers
) -> None:
    query = {"retention_class": "measurements", "level": "raw", "keep": "30d"}
    found = (await client.get(f"{ROOT}/plan", params=query, headers=chief)).json()
    (going,) = found["items"]
    assert going["site"] == {"id": weeks.site_id, "slug": "yard", "name": "Yard"}
    assert going["rows"] == len(going["days"]) > 14
    assert going["days"][0] == {"day": "2026-01-05", "archived": False}
    assert (going["first"], going["last"]) == (going["days"][0]["day"], going["days"][-1]["day"])
    assert going["stays"] == ["not_rolled_up"]
    assert (await client.get(f"{ROOT}/plan", headers=chief)).json()["items"] == []
    assert (await client.get(f"{ROOT}/plan", params=query, headers=stranger)).json()["items"] == []
    response = await client.put(RAW, json={"keep": "30d", "expected_version": 0}, headers=chief)
    assert response.status_code == 200
    assert (await client.get(f"{ROOT}/plan", headers=chief)).json()["items"] == found["items"]
    assert owner.execute("SELECT count(*) FROM sample").fetchone() == (56,)


async def test_what_has_gone_is_told_by_run_page_by_page(
    client: httpx2.AsyncClient, owner: Connection[Any], farm: Farm, chief: Headers, stranger: Headers
) -> None:
    group = farm.group("head", [("t1", "temperature", "Cel")])
    owner.execute(
        "INSERT INTO rollup_day (group_id, day, samples, counts, minimum, maximum, mean, last) "
        "SELECT %s, d, 1, '{0}', '{0}', '{0}', '{0}', '{0}' "
        "FROM unnest(ARRAY['2015-01-01', '2015-02-01']::date[]) AS d",
        (group.group_id,),
    )
    clock = ManualClock(to_ms(NOW))
    for first_kept in (date(2015, 1, 15), date(2015, 2, 15)):
        policies.set_policy(owner, "ours", "measurements", "day", (NOW.date() - first_kept).days)
        dropping.run(owner, at=clock.now(), directory=None)
        clock.advance(900)
    page = (await client.get(f"{ROOT}/history", params={"limit": 1}, headers=chief)).json()
    (newest,) = page["items"]
    assert (newest["level"], newest["rows"], newest["site"], newest["archived"]) == ("day", 1, None, False)
    assert newest["first"] == newest["last"] == "2015-02-01T00:00:00Z"
    rest = (await client.get(f"{ROOT}/history", params={"cursor": page["next_cursor"]}, headers=chief)).json()
    assert [(each["first"], each["gone_at"]) for each in rest["items"]] == [
        ("2015-01-01T00:00:00Z", "2026-03-01T12:00:00Z")
    ]
    assert rest["next_cursor"] is None
    assert (await client.get(f"{ROOT}/history", headers=stranger)).json() == {"items": [], "next_cursor": None}
    found = (await client.get(ROOT, headers=chief)).json()
    assert (found["archiving"], found["last_run_at"]) == (False, "2026-03-01T12:15:00Z")
