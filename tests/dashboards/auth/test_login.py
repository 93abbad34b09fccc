"""Logging in over HTTP: refusals first."""

from typing import Any

import httpx2
import pytest

from siloscope_dashboards.auth.sessions import REFRESH_LIFETIME_S
from tests.dashboards.account_fakes import PASSWORD
from tests.dashboards.answers import assert_problem
from tests.dashboards.fakes import Parts

TOKEN = "/api/v1/auth/token"
REFRESH = "/api/v1/auth/refresh"
LOGOUT = "/api/v1/auth/logout"
GOOD = {"username": "ada", "password": PASSWORD}


async def log_in(client: httpx2.AsyncClient) -> dict[str, Any]:
    response = await client.post(TOKEN, json=GOOD)
    assert response.status_code == 200, response.text
    tokens: dict[str, Any] = response.json()
    return tokens


async def test_a_wrong_password_and_an_unknown_user_get_the_same_answer(client: httpx2.AsyncClient) -> None:
    wrong = await client.post(TOKEN, json={"username": "ada", "password": "guess"})
    unknown = await client.post(TOKEN, json={"username": "eve", "password": "guess"})
    assert_problem(wrong, 401)
    assert_problem(unknown, 401)
    assert wrong.headers["www-authenticate"] == unknown.headers["www-authenticate"]
    assert {**wrong.json(), "request_id": ""} == {**unknown.json(), "request_id": ""}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"username": "ada"}',
        b'{"username": 7, "password": "secret-7"}',
        b'{"username": "a\\u0000da", "password": "secret-7"}',
        b'{"username": "", "password": "secret-7"}',
        b'{"username": "ada", "password": ""}',
        b"\xff\xfe",
    ],
)
async def test_malformed_credentials_are_a_problem_that_repeats_no_secret(
    client: httpx2.AsyncClient, body: bytes
) -> None:
    response = await client.post(TOKEN, content=body, headers={"Content-Type": "application/json"})
    assert_problem(response, 422)
    assert "secret-7" not in response.text


async def test_credentials_of_no_stated_type_are_refused(client: httpx2.AsyncClient) -> None:
    assert_problem(await client.post(TOKEN, content=b"ada:secret"), 415)
    assert_problem(await client.post(TOKEN, content=b"<ada/>", headers={"Content-Type": "text/xml"}), 415)


async def test_a_form_with_too_many_fields_is_refused(client: httpx2.AsyncClient) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert_problem(await client.post(TOKEN, content=b"a=1&" * 50, headers=form), 422)


async def test_a_body_beyond_the_limit_is_refused(client: httpx2.AsyncClient) -> None:
    huge = b'{"username": "' + b"a" * 70_000 + b'", "password": "x"}'
    json = {"Content-Type": "application/json"}

    async def in_pieces() -> object:
        for start in range(0, len(huge), 10_000):
            yield huge[start : start + 10_000]

    announced = await client.post(TOKEN, content=huge, headers=json)
    unannounced = await client.post(TOKEN, content=in_pieces(), headers=json)  # type: ignore[arg-type]
    for response in (announced, unannounced):
        assert_problem(response, 413)
        assert response.json()["type"] == "urn:siloscope:problem:too-large"


async def test_the_sixth_failure_must_wait_and_each_further_one_longer(
    fakes: Parts, client: httpx2.AsyncClient
) -> None:
    for _ in range(5):
        assert_problem(await client.post(TOKEN, json={**GOOD, "password": "guess"}), 401)
    response = await client.post(TOKEN, json=GOOD)
    assert_problem(response, 429)
    assert response.headers["retry-after"] == "16"
    fakes.clock.advance(16)
    assert_problem(await client.post(TOKEN, json={**GOOD, "password": "guess"}), 401)
    assert (await client.post(TOKEN, json=GOOD)).headers["retry-after"] == "31"
    fakes.clock.advance(31)
    assert (await client.post(TOKEN, json=GOOD)).status_code == 200


async def test_a_login_gives_a_token_that_opens_the_api(client: httpx2.AsyncClient) -> None:
    tokens = await log_in(client)
    assert tokens["token_type"] == "bearer"
    assert tokens["expires_in"] == 900
    me = await client.get("/api/v1/me", headers={"Authorization": f"Bearer {tokens['access_token']}"})
    assert me.json() == {
        "id": 1,
        "username": "ada",
        "role": "administrator",
        "organisation": {"id": 1, "slug": "ours", "name": "Our farm"},
    }


async def test_a_login_may_come_as_an_oauth2_form(client: httpx2.AsyncClient) -> None:
    response = await client.post(TOKEN, data={"grant_type": "password", **GOOD})
    assert response.status_code == 200


async def test_a_refresh_token_is_good_once_and_its_second_use_ends_the_session(client: httpx2.AsyncClient) -> None:
    first = await log_in(client)
    second = (await client.post(REFRESH, json={"refresh_token": first["refresh_token"]})).json()
    assert second["refresh_token"] != first["refresh_token"]
    assert_problem(await client.post(REFRESH, json={"refresh_token": first["refresh_token"]}), 401)
    assert_problem(await client.post(REFRESH, json={"refresh_token": second["refresh_token"]}), 401)


async def test_a_refresh_token_runs_out(fakes: Parts, client: httpx2.AsyncClient) -> None:
    tokens = await log_in(client)
    fakes.clock.advance(REFRESH_LIFETIME_S)
    assert_problem(await client.post(REFRESH, json={"refresh_token": tokens["refresh_token"]}), 401)


async def test_logging_out_ends_the_session_and_is_no_error_twice(client: httpx2.AsyncClient) -> None:
    tokens = await log_in(client)
    refresh = {"refresh_token": tokens["refresh_token"]}
    assert (await client.post(LOGOUT, json=refresh)).status_code == 204
    assert (await client.post(LOGOUT, json=refresh)).status_code == 204
    assert_problem(await client.post(REFRESH, json=refresh), 401)


async def test_a_user_that_is_gone_is_nobody(fakes: Parts, client: httpx2.AsyncClient) -> None:
    tokens = await log_in(client)
    del fakes.accounts.users[1]
    me = await client.get("/api/v1/me", headers={"Authorization": f"Bearer {tokens['access_token']}"})
    assert_problem(me, 401)


async def test_nothing_secret_is_kept_or_logged(
    fakes: Parts, client: httpx2.AsyncClient, records: list[dict[str, object]]
) -> None:
    tokens = await log_in(client)
    assert tokens["refresh_token"].encode() not in fakes.accounts.tokens
    assert {record["event"] for record in records} == {"logged_in", "request"}
    logged = str(records)
    assert PASSWORD not in logged
    assert tokens["refresh_token"] not in logged
    assert tokens["access_token"] not in logged
