"""Two values for one reading: the first stays, the other is kept once, with both packs' numbers."""

from typing import Any

import pytest

from siloscope_process.clock import SystemClock
from siloscope_store import samples
from tests.ingest.conftest import Farm
from tests.ingest.messages import EPOCH, OTHER_EPOCH, pack
from tests.ingest.unplugged import Unplugged, unplugged

pytestmark = pytest.mark.postgres
CONFLICTS = """
SELECT position, kept_value, kept_seq, other_value, other_seq FROM sample_conflict ORDER BY conflict_id
"""
KEPT = 'SELECT "values" FROM sample'


def now_ms() -> int:
    return SystemClock().now_ms() // 60_000 * 60_000


def counted(worker: Unplugged) -> Any:
    return worker.metrics.conflicts._value.get()


def transactions(worker: Unplugged) -> int:
    (found,) = worker.metrics.commit_seconds.collect()
    return int(next(each.value for each in found.samples if each.name.endswith("_count")))


@pytest.mark.parametrize("one_batch", [True, False])
async def test_the_first_stays_and_the_other_is_kept_with_both_numbers(postgres_farm_url: str, one_batch: bool) -> None:
    farm, at_ms = Farm(postgres_farm_url), now_ms()
    async with unplugged(postgres_farm_url) as worker:
        worker.send(pack(1, at_ms - 1_000, 0.0, 0.0), at_ms)
        await worker.settled()
        for seq, value in ((2, 1.0), (3, 5.0)):
            worker.send(pack(seq, at_ms, value, 2.0), at_ms)
            if not one_batch:
                await worker.settled()
        await worker.settled()
        assert farm.rows(CONFLICTS) == [(0, 1.0, 2, 5.0, 3)]
        assert counted(worker) == 1
    assert farm.rows(KEPT + " ORDER BY time DESC LIMIT 1") == [([1.0, 2.0],)]


async def test_what_another_worker_brought_meanwhile_is_compared(
    postgres_farm_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    farm, at_ms, expected_new = Farm(postgres_farm_url), now_ms(), list[bool]()
    write = samples.write

    async def noted(*args: Any, fresh: bool, **others: Any) -> samples.Written:
        expected_new.append(fresh)
        return await write(*args, fresh=fresh, **others)

    async with unplugged(postgres_farm_url) as worker, unplugged(postgres_farm_url) as other:
        worker.send(pack(1, at_ms - 1_000, 0.0, 0.0), at_ms)
        await worker.settled()
        other.send(pack(2, at_ms, 1.0, 2.0), at_ms)
        await other.settled()
        monkeypatch.setattr(samples, "write", noted)
        worker.send(pack(3, at_ms, 5.0, 2.0), at_ms)
        await worker.settled()
    assert expected_new == [True, False]
    assert farm.rows(CONFLICTS) == [(0, 1.0, None, 5.0, 3)]
    assert farm.rows(KEPT + " ORDER BY time") == [([0.0, 0.0],), ([1.0, 2.0],)]


async def test_a_redelivery_adds_no_second_row(postgres_farm_url: str) -> None:
    farm, at_ms = Farm(postgres_farm_url), now_ms()
    async with unplugged(postgres_farm_url) as worker:
        for _ in range(3):
            for seq, value in ((1, 1.0), (2, 5.0)):
                worker.send(pack(seq, at_ms, value), at_ms)
                await worker.settled()
    assert farm.rows(CONFLICTS) == [(0, 1.0, 1, 5.0, 2)]


async def test_a_conflict_of_a_conflict_is_kept_too(postgres_farm_url: str) -> None:
    farm, at_ms = Farm(postgres_farm_url), now_ms()
    async with unplugged(postgres_farm_url) as worker:
        for seq, value in enumerate((1.0, 5.0, 6.0, None), start=1):
            worker.send(pack(seq, at_ms, value, 2.0), at_ms)
        await worker.settled()
        worker.send(pack(9, at_ms, 5.0, 2.0, epoch=OTHER_EPOCH), at_ms)  # said before, by another
        await worker.settled()
    others = [(row[3], row[4]) for row in farm.rows(CONFLICTS)]
    assert others == [(5.0, 2), (6.0, 3), (None, 4), (5.0, 9)]
    assert farm.value("SELECT count(*) FROM sample_conflict WHERE kept_seq = 1 AND kept_epoch = %s", EPOCH) == 4
    assert farm.rows(KEPT) == [([1.0, 2.0],)]


@pytest.mark.parametrize("one_batch", [True, False])
async def test_each_pack_that_says_the_other_value_is_listed(postgres_farm_url: str, one_batch: bool) -> None:
    farm, at_ms = Farm(postgres_farm_url), now_ms()
    async with unplugged(postgres_farm_url) as worker:
        worker.send(pack(1, at_ms - 1_000, 0.0), at_ms)
        await worker.settled()
        for seq, value in ((2, 1.0), (3, 5.0), (4, 5.0), (4, 5.0), (5, 1.0), (6, 5.0)):
            worker.send(pack(seq, at_ms, value), at_ms)
            if not one_batch:
                await worker.settled()
        await worker.settled()
    assert farm.rows(CONFLICTS) == [(0, 1.0, 2, 5.0, seq) for seq in (3, 4, 6)]


async def test_several_workers_keep_one_value_and_every_other_once(postgres_farm_url: str) -> None:
    farm, at_ms = Farm(postgres_farm_url), now_ms()
    async with unplugged(postgres_farm_url) as one, unplugged(postgres_farm_url) as two:
        one.send(pack(1, at_ms - 1_000, 0.0), at_ms)
        await one.settled()
        for round_ in range(20):
            for worker, seq, value in ((one, 2, 1.0), (two, 3, 2.0)):
                worker.send(pack(seq + 10 * round_, at_ms + round_, value), at_ms)
                worker.send(pack(seq + 10 * round_, at_ms + round_, value), at_ms)
        await one.settled()
        await two.settled()
    assert farm.value("SELECT count(*) FROM sample") == 21
    found = farm.rows(
        'SELECT s."values"[1], c.kept_value, c.other_value FROM sample_conflict c JOIN sample s USING (group_id, time)'
    )
    assert len(found) == 20
    assert all(kept == said and {kept, other} == {1.0, 2.0} for kept, said, other in found)


async def test_a_pack_that_contradicts_itself_keeps_what_it_said_first(postgres_farm_url: str) -> None:
    farm, at_ms = Farm(postgres_farm_url), now_ms()
    twice = pack(1, at_ms, 1.0)[:-1] + b',{"n":"t1","u":"Cel","v":2}]'
    async with unplugged(postgres_farm_url) as worker:
        for _ in range(2):
            worker.send(twice, at_ms)
            await worker.settled()
    assert farm.rows(KEPT) == [([1.0],)]
    assert farm.rows(CONFLICTS) == [(0, 1.0, 1, 2.0, 1)]


async def test_a_flood_of_contradictions_is_a_handful_of_transactions(postgres_farm_url: str) -> None:
    farm, at_ms = Farm(postgres_farm_url), now_ms()
    async with unplugged(postgres_farm_url) as worker:
        worker.send(pack(1, at_ms - 1_000, 0.0, 0.0), at_ms)
        await worker.settled()
        before = transactions(worker)
        for seq in range(2, 402):
            worker.send(pack(seq, at_ms, float(seq), 2.0), at_ms)
        await worker.settled()
        assert transactions(worker) - before <= 3
        assert counted(worker) == 399
    assert farm.rows(KEPT + " ORDER BY time DESC LIMIT 1") == [([2.0, 2.0],)]
    assert farm.rows(CONFLICTS) == [(0, 2.0, 2, float(seq), seq) for seq in range(3, 402)]
    assert farm.value("SELECT accounted::text FROM node_epoch") == "{[1,402)}"
    assert farm.rows('SELECT "values" FROM latest') == [([2.0, 2.0],)]
