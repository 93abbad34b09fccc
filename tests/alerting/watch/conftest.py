"""An evaluator over the farm."""

from collections.abc import AsyncIterator

import pytest

from siloscope_store.connections import async_pool
from tests.alerting.conftest import AlertFarm
from tests.alerting.watch.evaluation import Evaluation


@pytest.fixture
async def evaluation(alert_farm: AlertFarm) -> AsyncIterator[Evaluation]:
    """An evaluator; ingest runs, and all nodes were heard of just now."""
    alert_farm.ingest_runs()
    alert_farm.hear()
    async with async_pool(alert_farm.url, min_size=1, max_size=4) as pool:
        yield Evaluation(pool, alert_farm)
