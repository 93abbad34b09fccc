"""Every route of the API: refuses strangers, hides other organisations, answers nonsense with a problem."""

from collections.abc import Iterator, MutableMapping
from typing import Any

import httpx2
import pytest

from siloscope_dashboards.app import create_app
from tests.dashboards.answers import assert_problem
from tests.dashboards.conftest import Headers
from tests.dashboards.fakes import Parts

NO_LOGIN_NEEDED = {
    ("post", "/api/v1/auth/token"),
    ("post", "/api/v1/auth/refresh"),
    ("post", "/api/v1/auth/logout"),
    ("get", "/healthz"),
    ("get", "/readyz"),
    ("get", "/metrics"),
    ("get", "/a/{token}"),
    ("post", "/a/{token}"),
}
ADMINISTRATORS_ONLY = ("/api/v1/quarantine", "/api/v1/retention")
MALFORMED_IDS = ("0", "-1", "x", "1.5", "2147483648", "99999999999999999999", "%00", "1%20or%201=1")
CHANGES: dict[str, dict[str, Any]] = {
    "/api/v1/quarantine/replay": {"ids": [10]},
    "/api/v1/quarantine/discard": {"reason": "malformed"},
    "/api/v1/undated/redate": {"node_id": 10, "rule": "shift", "shift_s": 3600},
}
RULE = {"rule": "10", "name": "Hot", "condition": {"kind": "threshold", "above": 30}}
CHANNEL = {"document": {"channel": "10", "kind": "email", "to": ["ada@farm.example"]}}
ROUTE = {"document": {"route": "10", "steps": [{"channels": ["mail"]}]}}
SILENCE = {"selector": {"rules": ["hot"]}, "ends": "2024-01-02T00:00:00Z"}
# Of method, path and body: what operators may do, and what administrators alone.
ACTS: list[tuple[str, str, dict[str, Any] | None]] = [
    ("POST", "/api/v1/alerts/{alert_id}/acknowledge", {}),
    ("POST", "/api/v1/alerts/{alert_id}/unacknowledge", {"comment": "my mistake"}),
    ("POST", "/api/v1/alerts/{alert_id}/assign", {"to": "bob"}),
    ("POST", "/api/v1/alerts/{alert_id}/comment", {"comment": "the fan is off"}),
    ("POST", "/api/v1/alerts/{alert_id}/snooze", {"until": "2024-01-01T08:00:00Z"}),
    ("POST", "/api/v1/alerts/{alert_id}/unsnooze", {}),
    ("POST", "/api/v1/silences", SILENCE),
    ("POST", "/api/v1/silences/{silence_id}/end", None),
    ("POST", "/api/v1/notify/channels/{slug}/test", None),
    ("POST", "/api/v1/nodes/{node_id}/commands", {"kind": "read_now"}),
]
EDITS: list[tuple[str, str, dict[str, Any] | None]] = [
    ("POST", "/api/v1/rules/check", RULE),
    ("PUT", "/api/v1/rules/{slug}", RULE),
    ("DELETE", "/api/v1/rules/{slug}", None),
    ("PUT", "/api/v1/notify/channels/{slug}", CHANNEL),
    ("DELETE", "/api/v1/notify/channels/{slug}", None),
    ("PUT", "/api/v1/notify/routes/{slug}", ROUTE),
    ("DELETE", "/api/v1/notify/routes/{slug}", None),
    ("PUT", "/api/v1/notify/digests/{slug}", {"document": {"digest": "10", "channels": ["mail"]}}),
    ("DELETE", "/api/v1/notify/digests/{slug}", None),
    ("PUT", "/api/v1/nodes/{node_id}/config", {"document": {"mqtt": {"heartbeat_s": 30}}}),
    ("PUT", "/api/v1/retention/archive", {"required": False, "expected": True}),
]
# Its holes take words, not ids: what it refuses is in test_retention.py.
POLICY = "/api/v1/retention/{retention_class}/{level}"
MALFORMED_INTEGERS = ("", "x", "0", "-5", "1e3", "99999999999")


def paths(fakes: Parts) -> dict[str, dict[str, Any]]:
    """What the API's own description lists."""
    found: dict[str, dict[str, Any]] = create_app(fakes.wiring).openapi()["paths"]
    return found


def reads(fakes: Parts) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Every GET that needs a login, with its parameters."""
    for path, methods in paths(fakes).items():
        for method, operation in methods.items():
            if (method, path) not in NO_LOGIN_NEEDED and method == "get":
                yield path, operation.get("parameters", [])


def filled(path: str, identifier: object) -> str:
    """Put the same id into every hole of a path."""
    for hole in (
        "site_id",
        "place_id",
        "channel_id",
        "node_id",
        "quarantine_id",
        "alert_id",
        "silence_id",
        "slug",
        "command_id",
        "retention_class",
        "level",
    ):
        path = path.replace(f"{{{hole}}}", str(identifier))
    assert "{" not in path.replace("{token}", "")
    return path


def test_the_description_lists_every_route_that_exists(fakes: Parts) -> None:
    assert {path for path, _ in reads(fakes)} == {
        "/api/v1/me",
        "/api/v1/sites",
        "/api/v1/sites/{site_id}",
        "/api/v1/places",
        "/api/v1/places/{place_id}",
        "/api/v1/devices",
        "/api/v1/channels",
        "/api/v1/channels/{channel_id}",
        "/api/v1/channels/{channel_id}/series",
        "/api/v1/live",
        "/api/v1/completeness",
        "/api/v1/gaps",
        "/api/v1/conflicts",
        "/api/v1/nodes/{node_id}/ledger",
        "/api/v1/export",
        "/api/v1/nodes/{node_id}/clock",
        "/api/v1/nodes/{node_id}/config",
        "/api/v1/nodes/{node_id}/config/versions",
        "/api/v1/nodes/{node_id}/commands",
        "/api/v1/nodes/{node_id}/commands/{command_id}",
        "/api/v1/nodes/{node_id}/commands/{command_id}/bundle",
        "/api/v1/undated",
        "/api/v1/quarantine",
        "/api/v1/quarantine/export",
        "/api/v1/quarantine/{quarantine_id}",
        "/api/v1/alerts",
        "/api/v1/alerts/{alert_id}",
        "/api/v1/silences",
        "/api/v1/rules",
        "/api/v1/rules/{slug}",
        "/api/v1/rules/{slug}/yaml",
        "/api/v1/rules/{slug}/versions",
        "/api/v1/notify/channels",
        "/api/v1/notify/channels/{slug}",
        "/api/v1/notify/routes",
        "/api/v1/notify/routes/{slug}",
        "/api/v1/notify/digests",
        "/api/v1/notify/digests/{slug}",
        "/api/v1/notify/outbox",
        "/api/v1/retention",
        "/api/v1/retention/plan",
        "/api/v1/retention/history",
    }
    changing = {(method.upper(), path) for path, methods in paths(fakes).items() for method in methods} - {
        ("GET", path) for path in paths(fakes)
    }
    assert changing == {
        *((method.upper(), path) for method, path in NO_LOGIN_NEEDED if method != "get"),
        *(("POST", path) for path in CHANGES),
        *((method, path) for method, path, _ in (*ACTS, *EDITS)),
        ("PUT", POLICY),
    }


async def test_a_stranger_is_refused_everywhere(fakes: Parts, client: httpx2.AsyncClient) -> None:
    for path, _ in reads(fakes):
        response = await client.get(filled(path, 10))
        assert_problem(response, 401)
        assert response.headers["www-authenticate"] == 'Bearer realm="siloscope"'


@pytest.mark.parametrize("token", ["x", "a.b.c", "Bearer", ""])
async def test_a_token_that_is_none_is_refused_everywhere(fakes: Parts, client: httpx2.AsyncClient, token: str) -> None:
    for path, _ in reads(fakes):
        response = await client.get(filled(path, 10), headers={"Authorization": f"Bearer {token}"})
        assert_problem(response, 401)
        assert response.headers["www-authenticate"].startswith("Bearer ")


async def test_every_read_has_its_head(fakes: Parts, client: httpx2.AsyncClient, ours: Headers) -> None:
    for path in ("/healthz", "/readyz", "/metrics", *(path for path, _ in reads(fakes))):
        stranger = await client.head(filled(path, 10))
        assert stranger.status_code == (401 if path.startswith("/api/") else 200)
        response = await client.head(filled(path, 10), headers=ours)
        assert (response.status_code, response.content) == (200, b"")
        if not path.endswith(("/live", "/metrics", "/export")):
            whole = await client.get(filled(path, 10), headers=ours)
            assert response.headers["content-length"] == whole.headers["content-length"]


async def test_a_head_is_logged_as_one(
    client: httpx2.AsyncClient, ours: Headers, records: list[MutableMapping[str, Any]]
) -> None:
    await client.head("/api/v1/sites/10", headers=ours)
    (record,) = records
    assert (record["method"], record["route"], record["user"]) == ("HEAD", "/api/v1/sites/{site_id}", "ada")


async def test_where_get_is_allowed_head_is(client: httpx2.AsyncClient) -> None:
    response = await client.delete("/api/v1/sites")
    assert_problem(response, 405)
    assert response.headers["allow"] == "GET, HEAD"


async def test_a_token_that_has_run_out_is_refused_everywhere(
    fakes: Parts, client: httpx2.AsyncClient, ours: Headers
) -> None:
    fakes.clock.advance(900)
    for path, _ in reads(fakes):
        response = await client.get(filled(path, 10), headers=ours)
        assert_problem(response, 401)
        assert "invalid_token" in response.headers["www-authenticate"]


async def test_ids_of_another_organisation_do_not_exist(
    fakes: Parts, client: httpx2.AsyncClient, ours: Headers, theirs: Headers
) -> None:
    for path, parameters in reads(fakes):
        if "{" in path:
            assert (await client.get(filled(path, 10), headers=ours)).status_code == 200
            hidden = 403 if path.startswith(ADMINISTRATORS_ONLY) else 404
            assert_problem(await client.get(filled(path, 10), headers=theirs), hidden)
        for parameter in parameters:
            if parameter["in"] == "query" and parameter["name"].endswith("_id"):
                if path.startswith(ADMINISTRATORS_ONLY):
                    asked = f"{filled(path, 10)}?{parameter['name']}=20"
                    assert_problem(await client.get(asked, headers=ours), 404)
                    continue
                asked = f"{filled(path, 20)}?{parameter['name']}=10"
                assert_problem(await client.get(asked, headers=theirs), 404)


async def test_changes_are_refused_to_strangers_and_to_those_who_may_only_look(
    fakes: Parts, client: httpx2.AsyncClient, ours: Headers, theirs: Headers
) -> None:
    for path, body in CHANGES.items():
        assert_problem(await client.post(path, json=body), 401)
        refused = await client.post(path, json=body, headers=theirs)
        assert_problem(refused, 403)
        assert "administrators" in refused.json()["detail"]
        shapeless: list[Any] = [
            {},
            {"ids": []},
            {"ids": ["x"]},
            {**body, "more": 1},
            [],
            {"node_id": 0, "rule": "as_is"},
        ]
        for nonsense in shapeless:
            assert_problem(await client.post(path, json=nonsense, headers=ours), 422)
        assert (await client.post(path, json=body, headers=ours)).status_code == 200
    strange = {"node_id": 20, "rule": "as_is"}
    assert_problem(await client.post("/api/v1/undated/redate", json=strange, headers=ours), 404)


async def test_who_may_only_look_does_not_act(
    fakes: Parts, client: httpx2.AsyncClient, ours: Headers, operators: Headers, theirs: Headers
) -> None:
    for method, path, body in (*ACTS, *EDITS):
        asked = filled(path, 10)
        assert_problem(await client.request(method, asked, json=body), 401)
        assert_problem(await client.request(method, asked, json=body, headers=theirs), 403)
        allowed = (method, path, body) in ACTS
        response = await client.request(method, asked, json=body, headers=operators)
        assert response.status_code == (200 if allowed else 403), (path, response.text)
        assert (await client.request(method, asked, json=body, headers=ours)).status_code == 200
        if body is not None:
            shapeless: list[Any] = [[], {**body, "more": 1}, {"document": []}, None]
            for nonsense in shapeless:
                assert_problem(await client.request(method, asked, json=nonsense, headers=ours), 422)


async def test_nobody_acts_on_what_is_another_organisations(
    fakes: Parts, client: httpx2.AsyncClient, ours: Headers
) -> None:
    for method, path, body in (*ACTS, *EDITS):
        if "{" in path and not (method == "PUT" and "{slug}" in path):
            assert_problem(await client.request(method, filled(path, 20), json=body, headers=ours), 404)


async def test_a_document_has_the_name_of_its_path(client: httpx2.AsyncClient, ours: Headers) -> None:
    for method, path, body in EDITS:
        if method == "PUT" and "{slug}" in path:
            response = await client.put(filled(path, "other"), json=body, headers=ours)
            assert_problem(response, 422)
            assert "'other', as in the path, found '10'" in response.json()["errors"][0]["expected"]


@pytest.mark.parametrize("slug", ["-1", "A", "a%20b", "%00", "x" * 65])
async def test_malformed_slugs_are_problems(fakes: Parts, client: httpx2.AsyncClient, ours: Headers, slug: str) -> None:
    asked = [("GET", path, None) for path, _ in reads(fakes) if "{slug}" in path]
    for method, path, body in [*asked, *(each for each in (*ACTS, *EDITS) if "{slug}" in each[1])]:
        response = await client.request(method, filled(path, slug), json=body, headers=ours)
        assert_problem(response, 422)
        assert response.json()["errors"][0]["place"] == "path.slug"


async def test_only_an_administrator_looks_into_the_quarantine_and_at_what_goes(
    fakes: Parts, client: httpx2.AsyncClient, theirs: Headers
) -> None:
    for path, _ in reads(fakes):
        if path.startswith(ADMINISTRATORS_ONLY):
            assert_problem(await client.get(filled(path, 20), headers=theirs), 403)


async def test_lists_hold_only_what_is_ours(client: httpx2.AsyncClient, ours: Headers, theirs: Headers) -> None:
    for path in ("sites", "places", "devices", "channels"):
        mine = (await client.get(f"/api/v1/{path}", headers=ours)).json()["items"]
        others = (await client.get(f"/api/v1/{path}", headers=theirs)).json()["items"]
        assert [item["id"] for item in mine] == [10]
        assert [item["id"] for item in others] == [20]


@pytest.mark.parametrize("identifier", MALFORMED_IDS)
async def test_malformed_ids_are_problems(
    fakes: Parts, client: httpx2.AsyncClient, ours: Headers, identifier: str
) -> None:
    for path, _ in reads(fakes):
        if "{" in path and "{slug}" not in path:
            response = await client.get(filled(path, identifier), headers=ours)
            if "{alert_id}" in path and identifier == "2147483648":
                assert_problem(response, 404)  # alerts have longer numbers
                continue
            assert_problem(response, 422)
            assert response.json()["errors"][0]["place"].startswith("path.")


async def test_malformed_parameters_are_problems(fakes: Parts, client: httpx2.AsyncClient, ours: Headers) -> None:
    for path, parameters in reads(fakes):
        for parameter in parameters:
            if parameter["in"] != "query":
                continue
            number = "integer" in str(parameter["schema"])
            for nonsense in MALFORMED_INTEGERS if number else ("", "\0", "x" * 5000):
                response = await client.get(filled(path, 10), params={parameter["name"]: nonsense}, headers=ours)
                assert_problem(response, 422)
                assert response.json()["errors"][0]["place"] == f"query.{parameter['name']}"


async def test_other_methods_are_problems(fakes: Parts, client: httpx2.AsyncClient, ours: Headers) -> None:
    for path in paths(fakes):
        response = await client.request("PATCH", filled(path, 10).replace("{token}", "good"), headers=ours)
        assert_problem(response, 405)
        methods = {method.upper() for method in paths(fakes)[path]}
        assert set(response.headers["allow"].split(", ")) == methods | ({"HEAD"} if "GET" in methods else set())


async def test_a_form_that_is_not_offered_is_a_problem(fakes: Parts, client: httpx2.AsyncClient, ours: Headers) -> None:
    for path, _ in reads(fakes):
        assert_problem(await client.get(filled(path, 10), headers={**ours, "Accept": "image/png"}), 406)


async def test_a_database_that_is_away_is_a_problem(fakes: Parts, client: httpx2.AsyncClient, ours: Headers) -> None:
    fakes.readings.away = fakes.changes.away = "127.0.0.1:5432 does not answer"
    for path, _ in reads(fakes):
        if path != "/api/v1/me":
            response = await client.get(filled(path, 10), headers=ours)
            assert_problem(response, 503)
            assert response.headers["retry-after"] == "5"


async def test_an_unforeseen_failure_is_a_problem_that_tells_nothing(
    fakes: Parts, client: httpx2.AsyncClient, ours: Headers
) -> None:
    fakes.readings.broken = RuntimeError("the secret of the house")
    for path, _ in reads(fakes):
        if path not in ("/api/v1/me", "/api/v1/live"):
            response = await client.get(filled(path, 10), headers=ours)
            assert_problem(response, 500)
            assert "secret" not in response.text


async def test_every_answer_carries_the_security_headers(
    fakes: Parts, client: httpx2.AsyncClient, ours: Headers
) -> None:
    asked = [filled(path, 10) for path, _ in reads(fakes) if not path.endswith("/live")]
    for path in [*asked, "/", "/nowhere", "/api/v1/sites/0", "/healthz"]:
        headers = (await client.get(path, headers=ours)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "no-referrer"


async def test_answers_with_data_are_kept_by_nobody(client: httpx2.AsyncClient, ours: Headers) -> None:
    assert (await client.get("/api/v1/sites", headers=ours)).headers["cache-control"] == "no-store"
