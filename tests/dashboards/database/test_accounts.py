"""Logins over real rows, and the first administrator."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest
from psycopg import Connection

from siloscope_dashboards.first_login import prepare
from siloscope_dashboards.wiring import Wiring
from siloscope_process.clock import ManualClock
from siloscope_process.errors import Stop
from tests.dashboards.account_fakes import PASSWORD
from tests.dashboards.answers import assert_problem
from tests.store.farm import Farm

pytestmark = pytest.mark.postgres


async def log_in(client: httpx2.AsyncClient) -> dict[str, Any]:
    response = await client.post("/auth/token", json={"username": "ada", "password": PASSWORD})
    assert response.status_code == 200, response.text
    tokens: dict[str, Any] = response.json()
    return tokens


async def test_a_disabled_user_is_refused_in_the_same_words(
    client: httpx2.AsyncClient, farm: Farm, owner: Connection[Any]
) -> None:
    tokens = await log_in(client)
    owner.execute("UPDATE app_user SET disabled_at = now()")
    refused = await client.post("/auth/token", json={"username": "ada", "password": PASSWORD})
    assert_problem(refused, 401)
    assert refused.json()["detail"] == "wrong username or password"
    assert_problem(await client.post("/auth/refresh", json={"refresh_token": tokens["refresh_token"]}), 401)


async def test_a_refresh_token_that_comes_back_late_ends_its_session(
    client: httpx2.AsyncClient, farm: Farm, wiring: Wiring
) -> None:
    first = await log_in(client)
    second = (await client.post("/auth/refresh", json={"refresh_token": first["refresh_token"]})).json()
    assert isinstance(wiring.clock, ManualClock)
    wiring.clock.advance(60)
    assert_problem(await client.post("/auth/refresh", json={"refresh_token": first["refresh_token"]}), 401)
    assert_problem(await client.post("/auth/refresh", json={"refresh_token": second["refresh_token"]}), 401)


async def test_logging_out_ends_one_session_and_leaves_the_others(client: httpx2.AsyncClient, farm: Farm) -> None:
    here, there = await log_in(client), await log_in(client)
    await client.post("/auth/logout", json={"refresh_token": here["refresh_token"]})
    assert_problem(await client.post("/auth/refresh", json={"refresh_token": here["refresh_token"]}), 401)
    assert (await client.post("/auth/refresh", json={"refresh_token": there["refresh_token"]})).status_code == 200


async def test_a_login_is_in_the_audit_trail_with_its_address(
    client: httpx2.AsyncClient, farm: Farm, owner: Connection[Any]
) -> None:
    await client.post("/auth/token", json={"username": "ada", "password": "guess"})
    await log_in(client)
    trail = owner.execute("SELECT org_id, actor, action, detail FROM audit").fetchall()
    assert trail == [(farm.org_id, "user:ada", "session.open", {"address": "192.0.2.7"})]


async def test_a_hash_made_with_other_parameters_is_replaced_at_the_next_login(
    client: httpx2.AsyncClient, farm: Farm, owner: Connection[Any]
) -> None:
    before = owner.execute("SELECT password_hash FROM app_user").fetchone()
    await log_in(client)
    after = owner.execute("SELECT password_hash FROM app_user").fetchone()
    assert before is not None
    assert after is not None
    assert ("m=65536,t=3,p=4" in before[0], "m=8,t=1,p=1" in after[0]) == (True, True)
    await log_in(client)


def test_an_unknown_organisation_has_no_first_administrator(migrated_postgres_url: str) -> None:
    with pytest.raises(Stop, match="no organisation is named 'nowhere'"):
        prepare(migrated_postgres_url, organisation="nowhere", home=None)


def test_a_login_that_cannot_be_written_leaves_nobody_behind(
    migrated_postgres_url: str, tmp_path: Path, owner: Connection[Any]
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Stop, match="SILOSCOPE_HOME"):
        prepare(migrated_postgres_url, organisation=None, home=tmp_path / "file")
    assert owner.execute("SELECT count(*) FROM app_user").fetchone() == (0,)


def test_of_many_processes_exactly_one_makes_the_first_administrator(
    migrated_postgres_url: str, owner: Connection[Any]
) -> None:
    with ThreadPoolExecutor(4) as threads:
        told = list(threads.map(lambda _: prepare(migrated_postgres_url, organisation=None, home=None), range(4)))
    assert sum(each is not None for each in told) == 1
    assert owner.execute("SELECT username, role FROM app_user").fetchall() == [("admin", "administrator")]
    assert owner.execute("SELECT actor, action, subject FROM audit").fetchall() == [
        ("command:siloscope api", "user.add", "admin")
    ]


def test_with_a_home_the_login_is_written_for_its_owner_alone_and_not_told(
    migrated_postgres_url: str, tmp_path: Path
) -> None:
    told = prepare(migrated_postgres_url, organisation=None, home=tmp_path)
    file = tmp_path / "secrets" / "administrator"
    username, password = (line.split(": ")[1] for line in file.read_text().splitlines())
    assert file.stat().st_mode & 0o777 == 0o600
    assert told is not None
    assert str(file) in told
    assert username in told
    assert password not in told
    assert prepare(migrated_postgres_url, organisation=None, home=tmp_path) is None


def test_where_there_is_an_organisation_its_administrator_is_made(
    migrated_postgres_url: str, owner: Connection[Any]
) -> None:
    Farm(owner, "ours")
    told = prepare(migrated_postgres_url, organisation="ours", home=None)
    assert told is not None
    assert "shown only now" in told
    row = owner.execute("SELECT slug FROM app_user JOIN organisation USING (org_id)").fetchone()
    assert row == ("ours",)
