"""Alerts, rules, silences, notifications and links over real rows, of one organisation at a time."""

from typing import Any

import httpx2
import pytest
import yaml
from psycopg import Connection

from siloscope_contract.alerts.links import Tap, sign
from siloscope_process.clock import to_ms
from tests.dashboards.answers import assert_problem
from tests.dashboards.conftest import Headers
from tests.store.alerts import Alerts
from tests.store.farm import NOW, Farm

pytestmark = pytest.mark.postgres
RULE = {"rule": "hot", "name": "Hot grain", "condition": {"kind": "threshold", "above": 30}, "severity": "warning"}
MAIL = {"document": {"channel": "mail", "kind": "email", "to": ["ada@farm.example"]}}
NOW_S = to_ms(NOW) // 1000


@pytest.fixture
def staff(owner: Connection[Any], farm: Farm, foreign: Farm) -> None:
    """Both users may do everything in their organisations."""
    owner.execute("UPDATE app_user SET role = 'administrator'")


@pytest.fixture
def alerts(staff: None, farm: Farm) -> Alerts:
    """Our alerts: none yet."""
    return Alerts(farm)


async def test_alerts_are_listed_shown_and_acted_upon(
    alerts: Alerts, farm: Farm, client: httpx2.AsyncClient, ours: Headers, theirs: Headers
) -> None:
    head = farm.group("head", [("t1", "temperature", "Cel")])
    alert_id = alerts.alert(1, channel_id=head.channels["t1"])
    listed = (await client.get("/alerts?open=true", headers=ours)).json()
    assert [each["id"] for each in listed["items"]] == [alert_id]
    assert (listed["counts"]["open"], listed["counts"]["unacknowledged"], listed["next_cursor"]) == (1, 1, None)
    assert (await client.get("/alerts", headers=theirs)).json()["items"] == []
    done = await client.post(f"/alerts/{alert_id}/acknowledge", json={"comment": "on my way"}, headers=ours)
    assert done.json()["acknowledged_by"] == "user:ada"
    until = "2026-03-01T20:00:00Z"
    snoozed = await client.post(f"/alerts/{alert_id}/snooze", json={"until": until}, headers=ours)
    assert snoozed.json()["snoozed_until"] == until
    shown = (await client.get(f"/alerts/{alert_id}", headers=ours)).json()
    assert [each["to_state"] for each in shown["transitions"]] == ["pending", "firing"]
    assert [(each["kind"], each["actor"], each["body"]) for each in shown["actions"]] == [
        ("acknowledge", "user:ada", "on my way"),
        ("snooze", "user:ada", ""),
    ]
    assert shown["channel"] == {
        **{"id": head.channels["t1"], "key": "t1", "title": None},
        **{"quantity": "temperature", "unit": "Cel"},
    }
    assert (shown["subject"]["title"], shown["site"]["name"], shown["facts"]) == ("head, t1", "Yard", {"value": 31.5})
    assert shown["document"]["condition"] == {"kind": "threshold", "above": 30}
    assert_problem(await client.get(f"/alerts/{alert_id}", headers=theirs), 404)
    assert_problem(await client.post(f"/alerts/{alert_id}/acknowledge", json={}, headers=theirs), 404)


async def test_what_is_over_is_not_acknowledged(alerts: Alerts, client: httpx2.AsyncClient, ours: Headers) -> None:
    alert_id = alerts.alert(1, state="resolved")
    assert_problem(await client.post(f"/alerts/{alert_id}/acknowledge", json={}, headers=ours), 409)
    said = await client.post(f"/alerts/{alert_id}/comment", json={"comment": "fan"}, headers=ours)
    assert said.status_code == 200


async def test_pages_of_alerts_go_on(alerts: Alerts, client: httpx2.AsyncClient, ours: Headers) -> None:
    made = [alerts.alert(number) for number in range(3)]
    first = (await client.get("/alerts?limit=2", headers=ours)).json()
    rest = (await client.get(f"/alerts?limit=2&cursor={first['next_cursor']}", headers=ours)).json()
    assert [each["id"] for each in (*first["items"], *rest["items"])] == made[::-1]
    assert rest["next_cursor"] is None


async def test_rules_are_judged_applied_and_removed(
    staff: None, client: httpx2.AsyncClient, ours: Headers, theirs: Headers
) -> None:
    checked = await client.post("/rules/check", json=RULE, headers=ours)
    assert (checked.json()["change"], checked.json()["document"]["hold"]) == ("new", "0s")
    assert (await client.get("/rules", headers=ours)).json()["items"] == []
    for expected in (1, 1):
        assert (await client.put("/rules/hot", json=RULE, headers=ours)).json()["version"] == expected
    changed = await client.put("/rules/hot", json=RULE | {"hold": "30m"}, headers=ours)
    assert (changed.json()["version"], changed.json()["author"]) == (2, "user:ada")
    versions = (await client.get("/rules/hot/versions", headers=ours)).json()["items"]
    assert [each["version"] for each in versions] == [2, 1]
    second = {**RULE, "rule": "second", "inhibited_by": ["hto"]}
    refused = await client.put("/rules/second", json=second, headers=ours)
    assert_problem(refused, 422)
    assert refused.json()["errors"] == [
        {"place": "body.inhibited_by[0]", "expected": "a rule; a known one; did you mean 'hot'?, found 'hto'"}
    ]
    await client.put("/rules/second", json=second | {"inhibited_by": ["hot"]}, headers=ours)
    assert_problem(await client.delete("/rules/hot", headers=ours), 409)
    assert_problem(await client.delete("/rules/hot", headers=theirs), 404)
    assert (await client.delete("/rules/second", headers=ours)).json() == {"removed": "second"}
    assert (await client.delete("/rules/hot", headers=ours)).json() == {"removed": "hot"}
    assert_problem(await client.get("/rules/hot", headers=ours), 404)
    assert len((await client.get("/rules/hot/versions", headers=ours)).json()["items"]) == 2


async def test_a_rule_is_written_as_yaml_and_its_faults_name_the_line(
    staff: None, client: httpx2.AsyncClient, ours: Headers, theirs: Headers
) -> None:
    text = "rule: hot\nname: Hot\nselect: {quantities: [temperature]}\ncondition: {kind: threshold, above: 30}\n"
    checked = (await client.post("/rules/check", json={"yaml": text}, headers=ours)).json()
    assert checked["change"] == "new"
    assert checked["matches"]["count"] == len(checked["matches"]["examples"])
    assert (await client.put("/rules/hot", json={"yaml": text}, headers=ours)).json()["version"] == 1
    shown = (await client.get("/rules/hot/yaml", headers=ours)).json()
    assert yaml.safe_load(shown["yaml"]) == yaml.safe_load(text)
    assert (await client.put("/rules/hot", json={"yaml": shown["yaml"]}, headers=ours)).json()["version"] == 1
    assert_problem(await client.get("/rules/hot/yaml", headers=theirs), 404)
    for wrong, line, place in (
        (text.replace("above", "abvoe"), 4, "yaml.condition.abvoe"),
        (text + "message:\n  en: '{{ subjekt }}'\n", 6, "yaml.message.en"),
        (text + "hold: {\n", 5, "yaml"),
        (text.replace("rule: hot", "rule: cold"), 1, "yaml.rule"),
    ):
        refused = await client.put("/rules/hot", json={"yaml": wrong}, headers=ours)
        assert_problem(refused, 422)
        (fault,) = refused.json()["errors"]
        assert (fault["line"], fault["place"]) == (line, place)


async def test_what_a_rule_matches_is_of_ones_own_organisation(
    staff: None, client: httpx2.AsyncClient, ours: Headers
) -> None:
    found = (await client.post("/rules/check", json=RULE | {"select": {"sites": ["nowhere"]}}, headers=ours)).json()
    assert found["matches"] == {"count": 0, "examples": []}
    platform = RULE | {"condition": {"kind": "platform", "metric": "ingest_lag_s", "above": 60}}
    assert (await client.post("/rules/check", json=platform, headers=ours)).json()["matches"]["count"] == 0


async def test_nobody_takes_the_name_of_what_is_silent(staff: None, client: httpx2.AsyncClient, ours: Headers) -> None:
    refused = await client.put("/rules/siloscope-silence", json=RULE | {"rule": "siloscope-silence"}, headers=ours)
    assert_problem(refused, 422)
    assert refused.json()["errors"][0]["place"] == "body.rule"


async def test_channels_routes_and_digests_hold_together(
    staff: None, owner: Connection[Any], client: httpx2.AsyncClient, ours: Headers, theirs: Headers
) -> None:
    route = {"document": {"route": "all", "steps": [{"channels": ["mail"]}]}, "place": 3}
    digest = {"document": {"digest": "calm", "channels": ["mail"], "time_zone": "Europe/Kyiv"}}
    assert_problem(await client.put("/notify/routes/all", json=route, headers=ours), 422)
    assert_problem(await client.put("/notify/digests/calm", json=digest, headers=ours), 422)
    assert (await client.put("/notify/channels/mail", json=MAIL, headers=ours)).json()["kind"] == "email"
    assert (await client.put("/notify/routes/all", json=route, headers=ours)).json()["place"] == 3
    assert (await client.put("/notify/digests/calm", json=digest, headers=ours)).json()["last_at"] is None
    for what in ("channels", "routes", "digests"):
        assert len((await client.get(f"/notify/{what}", headers=ours)).json()["items"]) == 1
        assert (await client.get(f"/notify/{what}", headers=theirs)).json()["items"] == []
    assert_problem(await client.delete("/notify/channels/mail", headers=ours), 409)
    assert_problem(await client.delete("/notify/routes/all", headers=theirs), 404)
    sent = (await client.post("/notify/channels/mail/test", headers=ours)).json()["notification_id"]
    assert_problem(await client.post("/notify/channels/mail/test", headers=theirs), 404)
    outbox = (await client.get("/notify/outbox", headers=ours)).json()["items"]
    assert [(each["id"], each["kind"], each["state"]) for each in outbox] == [(sent, "test", "queued")]
    assert (await client.get("/notify/outbox", headers=theirs)).json()["items"] == []
    for path in ("routes/all", "digests/calm"):
        assert (await client.delete(f"/notify/{path}", headers=ours)).status_code == 200
    assert (await client.delete("/notify/channels/mail", headers=ours)).status_code == 200


async def test_the_outbox_goes_on_behind_its_cursor(staff: None, client: httpx2.AsyncClient, ours: Headers) -> None:
    await client.put("/notify/channels/mail", json=MAIL, headers=ours)
    sent = [(await client.post("/notify/channels/mail/test", headers=ours)).json()["notification_id"] for _ in range(3)]
    first = (await client.get("/notify/outbox?limit=2", headers=ours)).json()
    rest = (await client.get("/notify/outbox", params={"cursor": first["next_cursor"]}, headers=ours)).json()
    assert [each["id"] for each in (*first["items"], *rest["items"])] == sent[::-1]


async def test_no_answer_tells_a_secret(
    staff: None, client: httpx2.AsyncClient, ours: Headers, theirs: Headers
) -> None:
    bot = {"document": {"channel": "bot", "kind": "telegram", "to": ["42"]}}
    refused = await client.put("/notify/channels/bot", json=bot, headers=ours)
    assert_problem(refused, 422)
    assert refused.json()["errors"][0]["place"] == "body.secrets.token"
    answers = [await client.put("/notify/channels/bot", json={**bot, "secrets": {"token": "1:hush"}}, headers=ours)]
    answers += [await client.put("/notify/channels/bot", json=bot, headers=ours)]
    answers += [
        await client.get("/notify/channels/bot", headers=ours),
        await client.get("/notify/channels", headers=ours),
    ]
    wrong = {**bot, "secrets": {"token": "1:hush", "more": "1:hush"}}
    answers += [await client.put("/notify/channels/bot", json=wrong, headers=ours)]
    assert all("hush" not in each.text for each in answers)
    assert [each.status_code for each in answers] == [200, 200, 200, 200, 422]
    assert answers[1].json()["secrets"] == ["token"]


async def test_silences_are_added_and_ended(
    staff: None, owner: Connection[Any], client: httpx2.AsyncClient, ours: Headers, theirs: Headers
) -> None:
    row = owner.execute("SELECT now() + INTERVAL '1 hour'").fetchone()
    assert row is not None
    order = {"kind": "maintenance", "selector": {"select": {"places": ["bin-7"]}}, "ends": row[0].isoformat()}
    too_far = {**order, "ends": "2036-03-01T12:00:00Z"}
    assert_problem(await client.post("/silences", json=too_far, headers=ours), 422)
    misspelt = await client.post("/silences", json={**order, "selector": {"slect": {}}}, headers=ours)
    assert_problem(misspelt, 422)
    assert misspelt.json()["errors"][0]["place"] == "body.selector.slect"
    assert "did you mean 'select'?" in misspelt.json()["errors"][0]["expected"]
    added = (await client.post("/silences", json=order, headers=ours)).json()
    assert (added["state"], added["kind"], added["author"]) == ("active", "maintenance", "user:ada")
    assert [each["id"] for each in (await client.get("/silences?active=true", headers=ours)).json()["items"]] == [
        added["id"]
    ]
    assert (await client.get("/silences", headers=theirs)).json()["items"] == []
    assert_problem(await client.post(f"/silences/{added['id']}/end", headers=theirs), 404)
    for _ in range(2):
        ended = (await client.post(f"/silences/{added['id']}/end", headers=ours)).json()
        assert (ended["state"], ended["ended_by"]) == ("over", "user:ada")
    assert (await client.get("/silences?active=true", headers=ours)).json()["items"] == []


async def test_a_link_shows_on_get_and_acts_on_post(
    alerts: Alerts, owner: Connection[Any], client: httpx2.AsyncClient, ours: Headers
) -> None:
    incident = alerts.incident()
    told = [alerts.alert(number, incident_id=incident) for number in range(2)]
    row = owner.execute("SELECT link_key FROM alert_evaluator").fetchone()
    assert row is not None
    token = sign(row[0], Tap(told[0], "acknowledge", "cab", NOW_S, NOW_S + 3_600))
    address = f"http://siloscope.test/a/{token}"
    for _ in range(2):
        page = await client.get(address)
        assert page.status_code == 200
        assert "<button" in page.text
    acknowledged = "SELECT acknowledged_by FROM alert ORDER BY alert_id"
    assert owner.execute(acknowledged).fetchall() == [(None,), (None,)]
    for _ in range(2):
        page = await client.post(address)
        assert (page.status_code, "<button" in page.text) == (200, False)
    assert owner.execute(acknowledged).fetchall() == [("link:cab",), ("link:cab",)]
    assert owner.execute("SELECT count(*) FROM alert_action").fetchone() == (2,)


async def test_a_link_that_snoozes(
    alerts: Alerts, owner: Connection[Any], client: httpx2.AsyncClient, ours: Headers
) -> None:
    alert_id = alerts.alert(1)
    row = owner.execute("SELECT link_key FROM alert_evaluator").fetchone()
    assert row is not None
    token = sign(row[0], Tap(alert_id, "snooze", "cab", NOW_S, NOW_S + 3_600, 28_800))
    assert "Snooze for 8 h" in (await client.get(f"http://siloscope.test/a/{token}")).text
    assert "Snoozed." in (await client.post(f"http://siloscope.test/a/{token}")).text
    shown = (await client.get(f"/alerts/{alert_id}", headers=ours)).json()
    assert shown["snoozed_until"] == "2026-03-01T20:00:00Z"
    owner.execute("UPDATE alert SET snoozed_until = %s", (NOW,))
    assert "<button" in (await client.get(f"http://siloscope.test/a/{token}")).text, "that snooze is over"


async def test_links_that_are_old_forged_or_of_nothing_do_not_exist(
    alerts: Alerts, owner: Connection[Any], client: httpx2.AsyncClient
) -> None:
    alert_id = alerts.alert(1)
    row = owner.execute("SELECT link_key FROM alert_evaluator").fetchone()
    assert row is not None
    told = {
        sign(row[0], Tap(alert_id, "acknowledge", "cab", 0, NOW_S)),
        sign(b"another", Tap(alert_id, "acknowledge", "cab", 0, NOW_S + 60)),
        sign(row[0], Tap(4_711, "acknowledge", "cab", 0, NOW_S + 60)),
        "x",
    }
    details = set()
    for token in told:
        for method in ("GET", "POST"):
            refused = await client.request(method, f"http://siloscope.test/a/{token}")
            assert_problem(refused, 404)
            details.add(refused.json()["detail"])
    assert len(details) == 1
    assert owner.execute("SELECT count(*) FROM alert_action").fetchone() == (0,)
