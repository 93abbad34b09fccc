"""Refused messages, undated samples and clock events over real rows, of one organisation at a time."""

import json
from typing import Any

import httpx2
import pytest
from psycopg import AsyncConnection, Connection

from siloscope_process.clock import to_ms
from siloscope_store import clocks, quarantine, samples
from siloscope_store.clocks import ClockEvent
from siloscope_store.connections import Pool
from siloscope_store.quarantine import Quarantined
from siloscope_store.samples import Undated
from tests.dashboards.answers import assert_problem
from tests.dashboards.conftest import Headers
from tests.store.farm import NOW, Farm

pytestmark = pytest.mark.postgres
TOPIC = "silo/v1/{}/yard/pi/samples"


@pytest.fixture
async def refused(pool: Pool, farm: Farm, foreign: Farm, owner: Connection[Any]) -> AsyncConnection[Any]:
    """A refused message of each organisation, and one of nobody that named ours."""
    owner.execute("UPDATE app_user SET role = 'administrator'")
    owner.execute("DELETE FROM quarantine")
    async with pool.connection() as connection:
        await quarantine.keep(
            connection,
            [
                Quarantined(TOPIC.format("ours"), b"[{", "malformed", "torn", NOW, farm.org_id, farm.node_id),
                Quarantined(TOPIC.format("ours"), b"[[", "site_unknown", "", NOW),
                Quarantined(TOPIC.format("theirs"), b"{]", "malformed", "", NOW, foreign.org_id, foreign.node_id),
            ],
        )
        return connection


async def test_an_administrator_sees_what_named_his_organisation_and_nothing_else(
    refused: object, client: httpx2.AsyncClient, ours: Headers, theirs: Headers
) -> None:
    mine = (await client.get("/quarantine", headers=ours)).json()["items"]
    assert sorted(item["reason"] for item in mine) == ["malformed", "site_unknown"]
    others = (await client.get("/quarantine", headers=theirs)).json()["items"]
    assert [item["topic"] for item in others] == [TOPIC.format("theirs")]
    for item in mine:
        assert (await client.get(f"/quarantine/{item['id']}", headers=ours)).json()["payload_base64"] in (
            "W3s=",
            "W1s=",
        )
        assert_problem(await client.get(f"/quarantine/{item['id']}", headers=theirs), 404)
    first = (await client.get("/quarantine?limit=1", headers=ours)).json()
    rest = (await client.get(f"/quarantine?limit=1&cursor={first['next_cursor']}", headers=ours)).json()
    assert [*first["items"], *rest["items"]] == mine
    exported = (await client.get("/quarantine/export", headers=ours)).text.splitlines()
    assert {json.loads(line)["payload_base64"] for line in exported} == {"W3s=", "W1s="}


async def test_a_change_reaches_only_ones_own_and_is_in_the_audit_trail(
    refused: object, client: httpx2.AsyncClient, ours: Headers, theirs: Headers, owner: Connection[Any]
) -> None:
    ids = [row[0] for row in owner.execute("SELECT quarantine_id FROM quarantine").fetchall()]
    assert (await client.post("/quarantine/replay", json={"ids": ids}, headers=theirs)).json() == {"messages": 1}
    assert (await client.post("/quarantine/discard", json={"ids": ids}, headers=ours)).json() == {"messages": 2}
    left = owner.execute("SELECT topic, replay_requested_at IS NULL FROM quarantine").fetchall()
    assert left == [(TOPIC.format("theirs"), False)]
    deeds = owner.execute("SELECT actor, action FROM audit WHERE subject = 'quarantine' ORDER BY audit_id").fetchall()
    assert deeds == [("user:bob", "quarantine.replay"), ("user:ada", "quarantine.discard")]


async def test_a_viewer_is_refused(farm: Farm, client: httpx2.AsyncClient, ours: Headers) -> None:
    assert_problem(await client.get("/quarantine", headers=ours), 403)


async def test_undated_samples_are_shifted_after_a_dry_run(
    refused: object, pool: Pool, farm: Farm, client: httpx2.AsyncClient, ours: Headers, owner: Connection[Any]
) -> None:
    head = farm.group("head", [("t1", "temperature", "Cel")])
    async with pool.connection() as connection:
        wrong_ms = to_ms(NOW) - 10_800_000
        sample = Undated(farm.org_id, farm.node_id, head.group_id, wrong_ms, [1.0], None, None, None, NOW)
        await samples.keep_undated(connection, [sample])
    (pile,) = (await client.get("/undated", headers=ours)).json()["items"]
    assert (pile["node"], pile["median_behind_ms"]) == ("pi", 10_800_000)
    order = {"node_id": farm.node_id, "rule": "shift", "shift_s": 10_800}
    years = {**order, "shift_s": -9 * 366 * 86_400, "open_weeks": 0}  # no other test was there
    assert (await client.post("/undated/redate", json=years, headers=ours)).json()["new_weeks"] == 1
    closed = await client.post("/undated/redate", json={**years, "dry_run": False}, headers=ours)
    assert_problem(closed, 409)
    assert "of 1 weeks that nothing is stored of yet" in closed.json()["detail"]
    assert "say open_weeks 1" in closed.json()["detail"]
    dry = (await client.post("/undated/redate", json=order, headers=ours)).json()
    assert (dry["dry_run"], dry["samples"]) == (True, 1)
    assert owner.execute("SELECT count(*) FROM undated").fetchone() == (1,)
    done = (await client.post("/undated/redate", json={**order, "dry_run": False}, headers=ours)).json()
    assert (done["samples"], done["new"], done["more"]) == (1, 1, False)
    assert owner.execute("SELECT count(*) FROM undated").fetchone() == (0,)


async def test_a_nodes_clock_events_are_shown_newest_first_and_bounded(
    pool: Pool, farm: Farm, foreign: Farm, client: httpx2.AsyncClient, ours: Headers, theirs: Headers
) -> None:
    async with pool.connection() as connection:
        for hour in range(105):
            at = NOW.replace(hour=0) if hour == 0 else NOW
            step = ClockEvent(farm.org_id, farm.node_id, "step_back", -3600.0 * hour, 0.0, at, at)
            await clocks.note(connection, [step], {})
        ahead = ClockEvent(farm.org_id, farm.node_id, "ahead", 100.0, None, NOW, None)
        await clocks.note(connection, [ahead, ahead], {})
    items = (await client.get(f"/nodes/{farm.node_id}/clock", headers=ours)).json()["items"]
    assert len(items) == 100
    assert (items[0]["kind"], items[0]["until"]) == ("ahead", None)
    assert sum(item["kind"] == "ahead" for item in items) == 1
    assert_problem(await client.get(f"/nodes/{farm.node_id}/clock", headers=theirs), 404)
    async with pool.connection() as connection:
        await clocks.note(connection, [], {farm.node_id: to_ms(NOW) + 60_000})
    (newest, *_) = (await client.get(f"/nodes/{farm.node_id}/clock", headers=ours)).json()["items"]
    assert newest["until"] is not None
