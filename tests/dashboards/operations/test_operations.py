"""Health, readiness and numbers, without a login."""

import httpx2

from tests.dashboards.answers import assert_problem
from tests.dashboards.conftest import Headers
from tests.dashboards.fakes import Parts


async def test_a_database_that_is_away_makes_it_unready_by_name_but_not_dead(
    fakes: Parts, client: httpx2.AsyncClient
) -> None:
    fakes.readings.away = "127.0.0.1:5432 does not answer"
    response = await client.get("/readyz")
    assert_problem(response, 503)
    assert response.json()["checks"] == {"database": {"ok": False, "detail": "127.0.0.1:5432 does not answer"}}
    assert (await client.get("/healthz")).json() == {"alive": True}


async def test_it_is_ready_when_the_database_answers(client: httpx2.AsyncClient) -> None:
    assert (await client.get("/readyz")).json() == {"ready": True, "checks": {"database": {"ok": True, "detail": ""}}}


async def test_requests_are_counted_by_route_and_never_by_id(client: httpx2.AsyncClient, ours: Headers) -> None:
    for number in (10, 11, 12):
        await client.get(f"/api/v1/channels/{number}", headers=ours)
    await client.get("/api/v1/channels/x", headers=ours)
    await client.get("/api/v1/nothing")
    await client.request("BREW", "/api/v1/sites")
    text = (await client.get("/metrics")).text
    route = 'route="/api/v1/channels/{channel_id}"'
    assert f'siloscope_api_request_seconds_count{{method="GET",{route},status="404"}} 2.0' in text
    assert f'siloscope_api_request_seconds_count{{method="GET",{route},status="422"}} 1.0' in text
    assert "nothing" not in text
    assert "BREW" not in text


async def test_the_access_log_names_route_user_and_request(
    client: httpx2.AsyncClient, ours: Headers, records: list[dict[str, object]]
) -> None:
    response = await client.get("/api/v1/channels/10", headers=ours)
    (record,) = records
    assert record["route"] == "/api/v1/channels/{channel_id}"
    assert record["user"] == "ada"
    assert record["status"] == 200
    assert record["client"] == "192.0.2.7"
    assert record["request_id"] == response.headers["x-request-id"]


async def test_an_unforeseen_failure_is_logged_with_its_cause(
    fakes: Parts, client: httpx2.AsyncClient, ours: Headers, records: list[dict[str, object]]
) -> None:
    fakes.readings.broken = RuntimeError("a bolt is loose")
    response = await client.get("/api/v1/sites", headers=ours)
    failed = next(record for record in records if record["event"] == "request_failed")
    assert failed["exc_info"] is fakes.readings.broken
    assert failed["request_id"] == response.json()["request_id"]


async def test_the_numbers_tell_of_the_process_too(client: httpx2.AsyncClient) -> None:
    assert "process_resident_memory_bytes" in (await client.get("/metrics")).text
