"""GET /export over a real database."""

import asyncio
import csv
import io
import json
import threading
import zipfile
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pyarrow.parquet as pq
import pytest

from siloscope_dashboards import database
from siloscope_store import exports
from siloscope_store.exchange.workbook import Workbook
from tests.dashboards.answers import assert_problem
from tests.dashboards.conftest import Headers
from tests.store.farm import NOW, Farm

pytestmark = pytest.mark.postgres


@pytest.fixture
def filled(farm: Farm, foreign: Farm) -> Farm:
    for each in (farm, foreign):
        group = each.group("head", [("t1", "temperature", "Cel"), ("t2", "temperature", "Cel")])
        rows = [(NOW - timedelta(minutes=minute), [float(each.org_id), None], [0, 201]) for minute in range(1, 4)]
        each.samples(group, rows)  # type: ignore[arg-type]  # a list of floats is one of floats and Nones
    return farm


async def test_it_holds_what_is_ours(filled: Farm, client: httpx2.AsyncClient, ours: Headers) -> None:
    response = await client.get("/export?local_time=true", headers=ours)
    rows = list(csv.DictReader(io.StringIO(response.text)))
    assert [(row["channel"], row["value"], row["reason"]) for row in rows] == [
        ("t1", str(float(filled.org_id)), "good"),
        ("t2", "", "comm_failure"),
    ] * 3
    assert rows[0]["local_time"] == "2026-03-01T05:57:00-06:00"


async def test_parquet_and_xlsx(filled: Farm, client: httpx2.AsyncClient, ours: Headers) -> None:
    parquet = await client.get("/export?format=parquet", headers=ours)
    assert pq.read_table(io.BytesIO(parquet.content)).num_rows == 6
    book = await client.get("/export?format=xlsx", headers=ours)
    assert book.content[:2] == b"PK"


async def test_days_are_those_of_the_site_that_meet_the_span(
    farm: Farm, client: httpx2.AsyncClient, ours: Headers
) -> None:
    group = farm.group("head", [("t1", "temperature", "Cel")])
    farm.connection.execute(
        "INSERT INTO rollup_day (group_id, day, samples, counts, minimum, maximum, mean, last) "
        "SELECT %s, '2026-01-05'::date + n, 1, '{1}', '{1}', '{1}', '{1}', '{1}' FROM generate_series(0, 9) AS n",
        (group.group_id,),
    )
    between = {"from": "2026-01-08T00:00:00-06:00", "to": "2026-01-10T00:00:00-06:00"}  # midnights of Chicago
    response = await client.get("/export", params={"level": "day", **between}, headers=ours)
    assert [row["day"] for row in csv.DictReader(io.StringIO(response.text))] == ["2026-01-08", "2026-01-09"]


async def test_what_was_let_go_is_told(filled: Farm, foreign: Farm, client: httpx2.AsyncClient, ours: Headers) -> None:
    for each, days in ((filled, 0), (foreign, 9)):
        each.connection.execute(
            "INSERT INTO raw_horizon (site_id, retention_class, org_id, kept_from) VALUES (%s, 'measurements', %s, %s)",
            (each.site_id, each.org_id, NOW - timedelta(hours=6) + timedelta(days=days)),
        )
    told = 'measurements;before="2026-03-01T06:00:00Z";sites=1'
    parquet = await client.get("/export?format=parquet", headers=ours)
    assert parquet.headers["siloscope-let-go"] == told
    metadata = pq.read_metadata(io.BytesIO(parquet.content)).metadata
    lacking = {"site": "yard", "retention_class": "measurements", "before": "2026-03-01T06:00:00Z"}
    assert json.loads(metadata[b"siloscope.let_go"]) == [lacking]
    book = await client.get("/export?format=xlsx", headers=ours)
    with zipfile.ZipFile(io.BytesIO(book.content)) as opened:
        assert b'name="let go"' in opened.read("xl/workbook.xml")
    text = await client.get("/export", headers=ours)
    assert (text.headers["siloscope-let-go"], text.text.count("\n")) == (told, 7)

    filled.connection.execute(
        "INSERT INTO raw_restored (org_id, site_id, retention_class, during, held_until) "
        "VALUES (%s, %s, 'measurements', tstzrange(%s, %s), %s)",
        (filled.org_id, filled.site_id, NOW - timedelta(days=2), NOW, NOW + timedelta(days=1)),
    )
    whole = await client.get("/export?format=parquet", headers=ours)
    assert "siloscope-let-go" not in whole.headers
    assert pq.read_metadata(io.BytesIO(whole.content)).metadata.get(b"siloscope.let_go") is None


async def test_what_goes_while_it_is_read_is_not_passed_over(
    filled: Farm, client: httpx2.AsyncClient, ours: Headers, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = exports.pages

    async def going(*arguments: Any) -> AsyncIterator[exports.Page]:
        async for page in real(*arguments):
            yield page
        filled.connection.execute(
            "INSERT INTO raw_horizon AS h (site_id, retention_class, org_id, kept_from) "
            "VALUES (%s, 'measurements', %s, %s) "
            "ON CONFLICT (site_id, retention_class) DO UPDATE SET kept_from = h.kept_from + INTERVAL '1 hour'",
            (filled.site_id, filled.org_id, NOW - timedelta(hours=6)),
        )

    monkeypatch.setattr(exports, "pages", going)
    with pytest.raises(RuntimeError, match="already started"):  # the transfer breaks off
        await client.get("/export", headers=ours)
    for form in ("parquet", "xlsx"):
        assert_problem(await client.get(f"/export?format={form}", headers=ours), 503)
    monkeypatch.undo()
    assert (await client.get("/export", headers=ours)).headers["siloscope-let-go"]


async def test_a_sheet_that_is_too_short_is_a_problem(
    filled: Farm, client: httpx2.AsyncClient, ours: Headers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("siloscope_dashboards.exports.files.MOST_ROWS", 5)
    response = await client.get("/export?format=xlsx", headers=ours)
    assert_problem(response, 422)
    assert "csv or parquet for more than 5 rows" in response.json()["detail"]


async def test_too_many_at_once_are_asked_to_wait(
    filled: Farm, client: httpx2.AsyncClient, ours: Headers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "MOST_EXPORTS", 0)
    assert_problem(await client.get("/export", headers=ours), 503)


async def test_a_file_is_not_taken_away_from_under_who_still_writes_it(
    filled: Farm, client: httpx2.AsyncClient, ours: Headers, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, released, there = threading.Event(), threading.Event(), []

    class Slow(Workbook):
        def __init__(self, path: Path, *arguments: Any) -> None:
            super().__init__(path, *arguments)
            self.folder = path.parent

        def write(self, table: Any) -> None:
            begun.set()
            released.wait(30)
            there.append(self.folder.exists())

    monkeypatch.setattr("siloscope_dashboards.exports.files.Workbook", Slow)
    asking = asyncio.ensure_future(client.get("/export?format=xlsx", headers=ours))
    await asyncio.to_thread(begun.wait, 30)
    asking.cancel()
    asyncio.get_running_loop().call_later(0.2, released.set)
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert there == [True]
