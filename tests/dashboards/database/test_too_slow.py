"""A question that the database cannot answer in time."""

from collections.abc import AsyncIterator

import httpx2
import pytest

from siloscope_store.connections import Pool, async_pool, connect
from tests.dashboards.answers import assert_problem
from tests.dashboards.conftest import Headers

pytestmark = pytest.mark.postgres


@pytest.fixture
async def pool(migrated_postgres_url: str) -> AsyncIterator[Pool]:
    """The API's pool, with little patience."""
    async with async_pool(migrated_postgres_url, max_size=2, statement_timeout_s=0.3) as pool:
        yield pool


async def test_what_takes_too_long_is_given_up_and_said_so(
    client: httpx2.AsyncClient, ours: Headers, migrated_postgres_url: str
) -> None:
    with connect(migrated_postgres_url) as other:
        other.execute("LOCK TABLE place")
        response = await client.get("/places", headers=ours)
    assert_problem(response, 504)
    assert response.json()["type"] == "urn:siloscope:problem:too-slow"
    assert "statement timeout" in response.json()["detail"]
    assert (await client.get("/places", headers=ours)).status_code == 200
