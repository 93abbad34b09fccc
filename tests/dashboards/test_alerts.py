"""What the routes of alerts, silences and links make of what they are asked; the database is not there."""

from collections.abc import MutableMapping
from typing import Any

import httpx2
import pytest

from siloscope_dashboards.ports import AlertFilter
from tests.dashboards.alert_fakes import OVER
from tests.dashboards.answers import assert_problem
from tests.dashboards.conftest import Headers
from tests.dashboards.fakes import Parts


async def test_a_list_is_narrowed_as_it_was_asked(fakes: Parts, client: httpx2.AsyncClient, ours: Headers) -> None:
    asked = "state=firing&severity=critical&site_id=10&place_id=10&rule=hot&open=true"
    assert (await client.get(f"/api/v1/alerts?{asked}", headers=ours)).status_code == 200
    assert fakes.alerts.wanted == [AlertFilter("firing", "critical", 10, 10, None, "hot", True)]


@pytest.mark.parametrize(
    "asked", [{"state": "red"}, {"severity": "urgent"}, {"open": "perhaps"}, {"rule": "Hot"}, {"cursor": "-1"}]
)
async def test_a_word_that_is_none_is_refused(client: httpx2.AsyncClient, ours: Headers, asked: dict[str, str]) -> None:
    refused = await client.get("/api/v1/alerts", params=asked, headers=ours)
    assert_problem(refused, 422)
    assert refused.json()["errors"][0]["place"] == f"query.{next(iter(asked))}"


async def test_an_alert_that_is_over_is_a_conflict(client: httpx2.AsyncClient, ours: Headers) -> None:
    assert_problem(await client.post(f"/api/v1/alerts/{OVER}/acknowledge", json={}, headers=ours), 409)


@pytest.mark.parametrize(
    "until", ["2023-12-31T23:59:59Z", "2024-01-01T00:00:00Z", "2024-02-01T00:00:00Z", "2024-01-02", "soon"]
)
async def test_a_snooze_ends_within_a_month(
    fakes: Parts, client: httpx2.AsyncClient, ours: Headers, until: str
) -> None:
    assert_problem(await client.post("/api/v1/alerts/10/snooze", json={"until": until}, headers=ours), 422)
    assert fakes.alerts.deeds == []


@pytest.mark.parametrize(
    ("order", "place"),
    [
        ({"ends": "2023-12-31T00:00:00Z"}, "body.ends"),
        ({"ends": "2025-06-01T00:00:00Z"}, "body.ends"),
        ({"ends": "2024-01-03T00:00:00Z", "repeats": "daily"}, "body.ends"),
        ({"ends": "2024-01-02T00:00:00Z", "begins": "2024-01-02T00:00:00Z"}, "body.ends"),
        ({"ends": "2024-01-02T00:00:00"}, "body.ends"),
        ({"ends": "2024-01-02T00:00:00Z", "selector": {"rules": "hot"}}, "body.selector.rules"),
        ({"ends": "2024-01-02T00:00:00Z", "selector": {"severities": ["urgent"]}}, "body.selector.severities[0]"),
    ],
)
async def test_a_silence_that_cannot_be_meant_is_refused(
    fakes: Parts, client: httpx2.AsyncClient, ours: Headers, order: dict[str, object], place: str
) -> None:
    refused = await client.post("/api/v1/silences", json={"selector": {}, **order}, headers=ours)
    assert_problem(refused, 422)
    assert refused.json()["errors"][0]["place"] == place
    assert fakes.alerts.orders == []


@pytest.mark.parametrize("text", ["\\u0000", "\\ud800"])
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("alerts/10/comment", '{"comment": "TEXT"}'),
        ("alerts/10/assign", '{"to": "TEXT"}'),
        ("alerts/10/acknowledge", '{"comment": "TEXT"}'),
        ("silences", '{"selector": {}, "ends": "2024-01-02T00:00:00Z", "comment": "TEXT"}'),
        ("silences", '{"selector": {"labels": {"team": "TEXT"}}, "ends": "2024-01-02T00:00:00Z"}'),
        ("rules/check", '{"rule": "a", "name": "TEXT", "condition": {"kind": "no_data"}}'),
        ("rules/check", '{"rule": "a", "name": "A", "condition": {"kind": "spread", "above": NaN}}'),
    ],
)
async def test_what_no_database_takes_is_refused(
    client: httpx2.AsyncClient, ours: Headers, path: str, body: str, text: str
) -> None:
    headers = {**ours, "Content-Type": "application/json"}
    refused = await client.post(f"/api/v1/{path}", content=body.replace("TEXT", text), headers=headers)
    assert_problem(refused, 422)


async def test_a_link_acts_by_its_button_alone(fakes: Parts, client: httpx2.AsyncClient) -> None:
    shown = await client.get("/a/good")
    assert "<button" in shown.text
    assert "&lt;b&gt;Hot&lt;/b&gt;" in shown.text
    assert "With 3 alerts of the same cause." in shown.text
    assert (shown.headers["cache-control"], shown.headers["content-type"]) == ("no-store", "text/html; charset=utf-8")
    assert "default-src 'none'" in shown.headers["content-security-policy"]
    assert fakes.alerts.followed == []
    assert (await client.head("/a/good")).status_code == 200
    assert fakes.alerts.followed == []
    done = await client.post("/a/good")
    assert "Acknowledged by link:cab." in done.text
    assert "<button" not in done.text
    assert fakes.alerts.followed == ["good"]


async def test_a_link_to_what_is_over_has_no_button(client: httpx2.AsyncClient) -> None:
    shown = await client.get("/a/over")
    assert "over: there is nothing left" in shown.text
    assert "<button" not in shown.text


async def test_a_link_speaks_its_readers_language(client: httpx2.AsyncClient) -> None:
    shown = await client.get("/a/good", headers={"Accept-Language": "uk-UA,uk;q=0.9"})
    assert "Підтвердити" in shown.text


async def test_a_link_that_is_none_says_so_without_repeating_it(client: httpx2.AsyncClient) -> None:
    for method in ("GET", "POST"):
        refused = await client.request(method, "/a/forged-secret")
        assert_problem(refused, 404)
        assert "forged-secret" not in refused.json()["detail"]


async def test_no_log_holds_a_link(client: httpx2.AsyncClient, records: list[MutableMapping[str, Any]]) -> None:
    for token in ("good", "forged-secret", "forged-secret/more"):
        await client.get(f"/a/{token}")
    assert {record["path"] for record in records} == {"/a/…"}
    assert "forged-secret" not in str(records)


async def test_a_secret_that_is_refused_is_not_repeated(client: httpx2.AsyncClient, ours: Headers) -> None:
    channel = {"document": {"channel": "10", "kind": "apprise"}, "secrets": {"url": "hush\n"}}
    refused = await client.put("/api/v1/notify/channels/10", json=channel, headers=ours)
    assert_problem(refused, 422)
    assert "hush" not in refused.text
