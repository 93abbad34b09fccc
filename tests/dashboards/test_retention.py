"""Retention over HTTP: who may look and set, and what is refused before anybody is asked."""

from typing import Any

import httpx2
import pytest

from siloscope_dashboards.auth.tokens import Identity
from tests.dashboards.account_fakes import THEIRS
from tests.dashboards.answers import assert_problem
from tests.dashboards.conftest import Headers
from tests.dashboards.fakes import Parts

ROOT = "/api/v1/retention"
POLICY = f"{ROOT}/measurements/raw"
BODY = {"keep": "90d", "expected_version": 1}
SWITCH = {"required": False, "expected": True}


async def test_a_stranger_sets_nothing(client: httpx2.AsyncClient, fakes: Parts) -> None:
    response = await client.put(POLICY, json=BODY)
    assert_problem(response, 401)
    assert response.headers["www-authenticate"] == 'Bearer realm="siloscope"'
    assert_problem(await client.put(f"{ROOT}/archive", json=SWITCH), 401)
    assert not fakes.retention.changed
    assert not fakes.retention.switched


@pytest.mark.parametrize("role", ["viewer", "operator"])
async def test_who_does_not_administer_neither_looks_nor_sets(
    client: httpx2.AsyncClient, fakes: Parts, role: str
) -> None:
    token = fakes.wiring.tokens.issue(Identity(3, 1, "eve", role))
    headers = {"Authorization": f"Bearer {token}"}
    for path in ("", "/plan", "/history"):
        response = await client.get(ROOT + path, headers=headers)
        assert_problem(response, 403)
        assert response.json()["detail"] == f"this is for administrators; eve is {role}"
    assert_problem(await client.put(POLICY, json=BODY, headers=headers), 403)
    assert_problem(await client.put(f"{ROOT}/archive", json=SWITCH, headers=headers), 403)
    assert not fakes.retention.changed
    assert not fakes.retention.switched
    assert not fakes.retention.asked


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ([], "body"),
        (None, "body"),
        ({}, "body.keep"),
        ({"keep": "90d"}, "body.expected_version"),
        ({"keep": 90, "expected_version": 1}, "body.keep"),
        ({"keep": None, "expected_version": 1}, "body.keep"),
        ({"keep": "", "expected_version": 1}, "body.keep"),
        ({"keep": "x" * 21, "expected_version": 1}, "body.keep"),
        ({"keep": "90d", "expected_version": -1}, "body.expected_version"),
        ({"keep": "90d", "expected_version": 2**31}, "body.expected_version"),
        ({"keep": "90d", "expected_version": "newest"}, "body.expected_version"),
        ({**BODY, "org_id": 2}, "body.org_id"),
    ],
)
async def test_a_malformed_policy_is_a_problem(
    client: httpx2.AsyncClient, fakes: Parts, ours: Headers, body: Any, place: str
) -> None:
    response = await client.put(POLICY, json=body, headers=ours)
    assert_problem(response, 422)
    assert response.json()["errors"][0]["place"] == place
    assert not fakes.retention.changed


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("weather/raw", "path.retention_class"),
        ("measurements/week", "path.level"),
        ("measurements/%00", "path.level"),
        ("10/10", "path.retention_class"),
    ],
)
async def test_what_is_no_policy_is_a_problem(client: httpx2.AsyncClient, ours: Headers, name: str, place: str) -> None:
    response = await client.put(f"{ROOT}/{name}", json=BODY, headers=ours)
    assert_problem(response, 422)
    assert response.json()["errors"][0]["place"] == place


@pytest.mark.parametrize(
    ("query", "place"),
    [
        ({"level": "raw"}, "query.retention_class"),
        ({"keep": "90d"}, "query.level"),
        ({"retention_class": "measurements", "keep": "90d"}, "query.level"),
        ({"level": "raw", "keep": "90d"}, "query.retention_class"),
        ({"retention_class": "weather"}, "query.retention_class"),
        ({"retention_class": "measurements", "level": "raw", "keep": ""}, "query.keep"),
    ],
)
async def test_a_plan_of_half_a_policy_is_a_problem(
    client: httpx2.AsyncClient, fakes: Parts, ours: Headers, query: dict[str, str], place: str
) -> None:
    response = await client.get(f"{ROOT}/plan", params=query, headers=ours)
    assert_problem(response, 422)
    assert response.json()["errors"][0]["place"] == place
    assert not fakes.retention.asked


async def test_who_did_not_see_the_newest_version_is_told(client: httpx2.AsyncClient, ours: Headers) -> None:
    assert_problem(await client.put(POLICY, json={**BODY, "expected_version": 0}, headers=ours), 409)


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ([], "body"),
        (None, "body"),
        ({}, "body.required"),
        ({"required": False}, "body.expected"),
        ({"required": "off", "expected": True}, "body.required"),
        ({"required": 0, "expected": True}, "body.required"),
        ({"required": None, "expected": True}, "body.required"),
        ({**SWITCH, "org_id": 2}, "body.org_id"),
    ],
)
async def test_a_malformed_switch_is_a_problem(
    client: httpx2.AsyncClient, fakes: Parts, ours: Headers, body: Any, place: str
) -> None:
    response = await client.put(f"{ROOT}/archive", json=body, headers=ours)
    assert_problem(response, 422)
    assert response.json()["errors"][0]["place"] == place
    assert not fakes.retention.switched


async def test_the_archive_is_switched_by_who_saw_how_it_was(
    client: httpx2.AsyncClient, fakes: Parts, ours: Headers
) -> None:
    assert_problem(await client.put(f"{ROOT}/archive", json={**SWITCH, "expected": False}, headers=ours), 409)
    response = await client.put(f"{ROOT}/archive", json=SWITCH, headers=ours)
    assert (response.status_code, response.json()["archive_required"]) == (200, False)
    assert fakes.retention.switched == [(1, False)]


async def test_nothing_deletes_over_http(client: httpx2.AsyncClient, ours: Headers) -> None:
    for path in ("", "/plan", "/history", "/archive", "/measurements/raw"):
        for method in ("POST", "DELETE", "PATCH"):
            assert_problem(await client.request(method, ROOT + path, headers=ours), 405)


async def test_an_administrator_asks_and_sets_for_his_own_organisation(
    client: httpx2.AsyncClient, fakes: Parts, ours: Headers
) -> None:
    token = fakes.wiring.tokens.issue(Identity(4, THEIRS, "bea", "administrator"))
    theirs = {"Authorization": f"Bearer {token}"}
    assert (await client.get(ROOT, headers=theirs)).json()["items"][0]["keep"] == "2y"
    query = {"retention_class": "vitals", "level": "m5", "keep": "26w"}
    assert (await client.get(f"{ROOT}/plan", params=query, headers=theirs)).json()["items"][0]["rows"] == 2
    assert (await client.get(f"{ROOT}/history", params={"cursor": "17"}, headers=ours)).status_code == 200
    assert fakes.retention.asked == [(THEIRS,), (THEIRS, "vitals", "m5", "26w"), (1, 100, 17)]
    response = await client.put(POLICY, json=BODY, headers=ours)
    assert (response.status_code, response.json()["version"]) == (200, 2)
    ((org_id, retention_class, level, new),) = fakes.retention.changed
    assert (org_id, retention_class, level, new.keep) == (1, "measurements", "raw", "90d")
