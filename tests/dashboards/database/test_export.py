"""GET /export over a real database."""

import csv
import io
from datetime import timedelta

import httpx2
import pyarrow.parquet as pq
import pytest

from siloscope_dashboards import database
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
