"""The job that keeps each node's epochs few: it counts them only where many were begun."""

from typing import Any

import pytest
from psycopg import AsyncConnection

from siloscope_contract.packs import Epoch
from siloscope_ingest.jobs import epochs
from siloscope_ingest.jobs.epochs import EpochsJob
from siloscope_store import ledger
from siloscope_store.connections import connect_async
from tests.ingest.conftest import Farm
from tests.ingest.messages import pack
from tests.ingest.unplugged import unplugged

pytestmark = pytest.mark.postgres
AT_MS = 1_790_000_000_000


async def begin(url: str, *numbers: int) -> None:
    """Have a node begin epochs, a pack each, one after the other."""
    async with unplugged(url) as worker:
        for number in numbers:
            worker.send(pack(1, AT_MS + number * 1_000, 20.0, epoch=Epoch(f"{number:032x}")), AT_MS + number * 1_000)
            await worker.settled()


async def until_done(job: EpochsJob, connection: AsyncConnection[Any]) -> int:
    """Run a job as its runner does; return how often it said that more may wait."""
    runs = 0
    while await job.run(connection):
        runs += 1
    return runs


async def test_a_flood_of_epochs_leaves_the_newest_and_every_sample(
    postgres_farm_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    farm = Farm(postgres_farm_url)
    for name, value in (("MOST_EPOCHS", 20), ("KEPT_EPOCHS", 15)):
        monkeypatch.setattr(ledger, name, value)
    monkeypatch.setattr(epochs, "_AT_ONCE", 10)
    await begin(postgres_farm_url, *range(45))
    async with await connect_async(postgres_farm_url, autocommit=True) as connection:
        assert await until_done(EpochsJob(), connection) == 3
    assert farm.rows("SELECT count(*), min(epoch::text) FROM node_epoch") == [(15, f"{0:08}-0000-0000-0000-{30:012x}")]
    assert farm.value("SELECT count(*) FROM sample") == 45
    assert farm.value("SELECT count(*) FROM seq_refused") == 0


async def test_where_few_were_begun_since_nobody_counts(
    postgres_farm_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, counted = [10, 10 + epochs._LOOKED_FOR_AFTER - 1, 10 + epochs._LOOKED_FOR_AFTER, 0], list[int]()

    async def epochs_begun(_connection: object) -> int:
        return begun[0]

    async def crowded_nodes(_connection: object) -> list[int]:
        counted.append(begun[0])
        return []

    monkeypatch.setattr(ledger, "epochs_begun", epochs_begun)
    monkeypatch.setattr(ledger, "crowded_nodes", crowded_nodes)
    job = EpochsJob()
    async with await connect_async(postgres_farm_url, autocommit=True) as connection:
        while begun:
            assert not await job.run(connection)
            begun.pop(0)
    assert counted == [10, 10 + epochs._LOOKED_FOR_AFTER, 0]  # at first, after many, and after a restart of the count


async def test_the_server_counts_what_is_begun(postgres_farm_url: str) -> None:
    async with await connect_async(postgres_farm_url, autocommit=True) as connection:
        before = await ledger.epochs_begun(connection)
    await begin(postgres_farm_url, 1, 2, 1, 3)
    async with await connect_async(postgres_farm_url, autocommit=True) as connection:
        while await ledger.epochs_begun(connection) < before + 3:
            await connection.execute("SELECT pg_stat_clear_snapshot()")
        assert await ledger.epochs_begun(connection) == before + 3
