"""GET /export over the fakes: names, forms and refusals."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import httpx2
import pytest
from starlette.types import Message

from siloscope_dashboards.app import create_app
from siloscope_dashboards.exports.models import Export, LetGo
from tests.dashboards.answers import assert_problem
from tests.dashboards.conftest import Headers
from tests.dashboards.fakes import Parts


@pytest.mark.parametrize("form", ["csv", "parquet", "xlsx"])
async def test_a_file_has_a_name_and_a_type(client: httpx2.AsyncClient, ours: Headers, form: str) -> None:
    asked = {"format": form, "level": "hour", "from": "2024-01-01T00:00:00Z", "to": "2024-02-01T00:00:00Z"}
    response = await client.get("/api/v1/export", params=asked, headers=ours)
    assert response.status_code == 200
    assert response.headers["content-disposition"] == f'attachment; filename="siloscope-hour-20240101-20240201.{form}"'
    assert response.text == f"1,{form},hour\n"


async def test_a_channel_of_others_is_none(client: httpx2.AsyncClient, ours: Headers) -> None:
    assert_problem(await client.get("/api/v1/export?channel_id=20", headers=ours), 404)


async def test_a_form_that_the_client_does_not_take_is_refused(client: httpx2.AsyncClient, ours: Headers) -> None:
    refused = await client.get("/api/v1/export?format=csv", headers={**ours, "Accept": "application/json"})
    assert_problem(refused, 406)


async def test_what_was_let_go_is_in_a_header(client: httpx2.AsyncClient, fakes: Parts, ours: Headers) -> None:
    midnight = datetime(2024, 1, 10, 6, tzinfo=UTC)
    fakes.readings.let_go = [
        LetGo("north", "measurements", midnight - timedelta(days=1)),
        LetGo("north", "vitals", midnight),
        LetGo("south", "measurements", midnight),
    ]
    whole = await client.get("/api/v1/export?from=2024-01-10T06:00:00Z&to=2024-02-01T00:00:00Z", headers=ours)
    assert "siloscope-let-go" not in whole.headers
    lacking = await client.get("/api/v1/export?from=2024-01-01T00:00:00Z&to=2024-02-01T00:00:00Z", headers=ours)
    assert lacking.status_code == 200
    assert lacking.headers["siloscope-let-go"] == (
        'measurements;before="2024-01-10T06:00:00Z";sites=2, vitals;before="2024-01-10T06:00:00Z";sites=1'
    )


async def test_who_goes_away_before_the_file_is_made_is_worked_for_no_longer(
    fakes: Parts, ours: Headers, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def made() -> AsyncIterator[bytes]:
        try:
            begun.set()
            await asyncio.Event().wait()  # a workbook of everything
            yield b""
        finally:
            ended.set()

    async def export(*_: object) -> Export:
        return Export([], made())

    async def receive() -> Message:
        await begun.wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    sent: list[Message] = []
    monkeypatch.setattr(fakes.readings, "export", export)
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/api/v1/export",
        "raw_path": b"/api/v1/export",
        "query_string": b"format=xlsx",
        "headers": [(b"host", b"siloscope.test"), (b"authorization", ours["Authorization"].encode())],
        "client": ("192.0.2.7", 1234),
        "server": ("siloscope.test", 80),
    }
    async with asyncio.timeout(30):
        await create_app(fakes.wiring)(scope, receive, send)
    assert ended.is_set()
    assert [message["status"] for message in sent if "status" in message] == [499]
