"""Nodes over HTTP: who may set what, and what is refused before it reaches a node."""

from typing import Any

import httpx2
import pytest

from tests.dashboards.answers import assert_problem
from tests.dashboards.conftest import Headers
from tests.dashboards.fakes import Parts

CONFIG, COMMANDS = "/api/v1/nodes/10/config", "/api/v1/nodes/10/commands"


@pytest.mark.parametrize(
    ("document", "place", "found"),
    [
        ({"mqtt": {"host": "elsewhere"}}, "body.document.mqtt", "host"),
        ({"mqtt": {"password_file": "x"}}, "body.document.mqtt", "password_file"),
        ({"mqtt": []}, "body.document.mqtt", "[]"),
        ({"node": "another"}, "body.document", "node"),
        ({"data_directory": "/"}, "body.document", "data_directory"),
    ],
)
async def test_what_belongs_to_the_site_is_not_set_from_afar(
    client: httpx2.AsyncClient, fakes: Parts, ours: Headers, document: dict[str, Any], place: str, found: str
) -> None:
    response = await client.put(CONFIG, json={"document": document}, headers=ours)
    assert_problem(response, 422)
    (error,) = response.json()["errors"]
    assert error["place"] == place
    assert found in error["expected"]
    assert not fakes.nodes.changed


@pytest.mark.parametrize(
    "body",
    [
        {"document": {}, "confirm_within_s": 0},
        {"document": {}, "confirm_within_s": 1e9},
        {"document": {}, "may_be_silent": ["Not a slug"]},
        {"document": {}, "expected_version": -1},
        {"document": {}, "comment": "\0"},
        {"confirm_within_s": 5},
    ],
)
async def test_a_malformed_version_is_a_problem(
    client: httpx2.AsyncClient, ours: Headers, body: dict[str, Any]
) -> None:
    assert_problem(await client.put(CONFIG, json=body, headers=ours), 422)


@pytest.mark.parametrize(
    "value", ["NaN", '"\\ud800"', "-Infinity", "1e999", '"\\u0000"', '{"\\u0000": 1}', "[" * 800 + "]" * 800]
)
async def test_what_no_database_takes_is_a_problem(client: httpx2.AsyncClient, ours: Headers, value: str) -> None:
    as_json = {**ours, "Content-Type": "application/json"}
    version = f'{{"document": {{"buses": [{value}]}}}}'
    command = f'{{"kind": "read_now", "arguments": {{"devices": [{value}]}}}}'
    assert (await client.put(CONFIG, content=version, headers=as_json)).status_code in (400, 422)
    assert (await client.post(COMMANDS, content=command, headers=as_json)).status_code in (400, 422)


async def test_who_did_not_see_the_newest_version_is_told(client: httpx2.AsyncClient, ours: Headers) -> None:
    assert_problem(await client.put(CONFIG, json={"document": {}, "expected_version": 7}, headers=ours), 409)


async def test_a_version_is_set_in_the_name_of_who_is_logged_in(
    client: httpx2.AsyncClient, fakes: Parts, ours: Headers
) -> None:
    body = {"document": {"buses": []}, "confirm_within_s": 30, "may_be_silent": ["head"], "comment": "a new head"}
    response = await client.put(CONFIG, json=body, headers=ours)
    assert (response.status_code, response.json()["author"]) == (200, "user:ada")
    assert fakes.nodes.changed[0].may_be_silent == ["head"]


async def test_operators_give_what_changes_nothing_and_administrators_the_rest(
    client: httpx2.AsyncClient, fakes: Parts, ours: Headers, operators: Headers
) -> None:
    for kind, status in (("read_now", 200), ("identify", 200), ("restart", 403), ("diagnostics", 403), ("doctor", 403)):
        response = await client.post(COMMANDS, json={"kind": kind}, headers=operators)
        assert response.status_code == status
        assert (await client.post(COMMANDS, json={"kind": kind}, headers=ours)).status_code == 200
    assert len(fakes.nodes.given) == 7


@pytest.mark.parametrize(
    "body",
    [
        {"kind": "format_disk"},
        {"kind": "read_now", "valid_for_s": 0},
        {"kind": "read_now", "valid_for_s": 1e9},
        {"kind": "read_now", "arguments": {"devices": ["x" * 20_000]}},
        {"arguments": {}},
    ],
)
async def test_a_malformed_command_is_a_problem(
    client: httpx2.AsyncClient, ours: Headers, body: dict[str, Any]
) -> None:
    assert_problem(await client.post(COMMANDS, json=body, headers=ours), 422)


async def test_diagnostics_come_as_json(client: httpx2.AsyncClient, ours: Headers) -> None:
    response = await client.get(f"{COMMANDS}/10/bundle", headers=ours)
    assert (response.status_code, response.json()) == (200, {"log": []})
    assert_problem(await client.get(f"{COMMANDS}/11/bundle", headers=ours), 404)
