"""The API's own description of itself."""

import json
from typing import Any

import httpx2
import pytest

from siloscope_dashboards.app import create_app
from tests.dashboards.fakes import Parts


@pytest.fixture
def description(fakes: Parts) -> dict[str, Any]:
    found: dict[str, Any] = create_app(fakes.wiring).openapi()
    return found


async def test_it_is_served(client: httpx2.AsyncClient, description: dict[str, Any]) -> None:
    assert (await client.get("/api/v1/openapi.json")).json() == description


def test_every_reference_leads_somewhere(description: dict[str, Any]) -> None:
    text = json.dumps(description)
    named = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert named <= set(description["components"]["schemas"])


def test_every_answer_has_a_model(description: dict[str, Any]) -> None:
    for path, methods in description["paths"].items():
        for operation in methods.values():
            for status, response in operation["responses"].items():
                content = response.get("content", {})
                if status == "204" or path == "/metrics":
                    continue
                assert content, f"{path} {status}"
                assert all("schema" in form for form in content.values()), f"{path} {status}"


def test_every_refusal_is_a_problem(description: dict[str, Any]) -> None:
    for path, methods in description["paths"].items():
        for operation in methods.values():
            refusals = {status: each for status, each in operation["responses"].items() if status >= "400"}
            if path.startswith("/api/"):
                assert {"406", "500", "503"} <= set(refusals), path
            for response in refusals.values():
                assert response["content"] == {
                    "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
                }


def test_every_read_says_that_it_needs_a_login(description: dict[str, Any]) -> None:
    for path, methods in description["paths"].items():
        if path.startswith("/api/v1/") and "get" in methods:
            assert methods["get"]["security"] == [{"access token": []}], path
            assert "401" in methods["get"]["responses"]


def test_a_series_is_described_by_the_names_on_the_wire(description: dict[str, Any]) -> None:
    assert {"from", "to", "points"} <= set(description["components"]["schemas"]["Series"]["properties"])
