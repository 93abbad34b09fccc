"""Samples whose times cannot be right: nothing is lost, nothing becomes the newest, and hardly a chunk is opened."""

from collections.abc import Collection
from random import Random
from typing import Any

import pytest

from siloscope_contract.packs import Pack, Sample, encode
from siloscope_process.clock import SystemClock, from_ms, to_ms
from siloscope_store import spans
from siloscope_store.samples import SPAN_MS
from tests.ingest.conftest import Farm
from tests.ingest.messages import EPOCH, OTHER_EPOCH, pack
from tests.ingest.unplugged import unplugged

DAY_MS = 86_400_000
CHUNKS = """
SELECT count(*) FROM (
    SELECT inhrelid FROM pg_inherits WHERE inhparent IN ('sample'::regclass, 'sample_vitals'::regclass)) AS chunk
"""


def now_ms() -> int:
    """Today, to the minute: the service under test counts days with the database's clock."""
    return SystemClock().now_ms() // 60_000 * 60_000


def many(seq: int, times_ms: list[int]) -> bytes:
    found = [Sample("bin1-head1", time_ms, ("t1",), ("Cel",), [20.0], [0]) for time_ms in times_ms]
    return encode(Pack(EPOCH, seq, found))


async def test_a_hundred_thousand_wild_times_open_a_handful_of_chunks_and_lose_nothing(farm_url: str) -> None:
    random, farm, at_ms = Random(4), Farm(farm_url), now_ms()
    times_ms = [at_ms - random.randrange(20 * 365 * DAY_MS) for _ in range(100_000)]
    async with unplugged(farm_url) as worker:
        for seq in range(1, 1_001):
            worker.send(many(seq, times_ms[(seq - 1) * 100 : seq * 100]), at_ms)
            if seq % 100 == 0:
                worker.send(pack(seq, at_ms - seq, 21.5, device="bin2-head1", epoch=OTHER_EPOCH), at_ms)
                await worker.settled()
    stored = farm.value(
        "SELECT count(*) FROM sample JOIN sample_group USING (group_id) JOIN device USING (device_id)"
        " WHERE slug = 'bin1-head1'"
    )
    undated = farm.value("SELECT count(*) FROM undated")
    distinct = len(set(times_ms))
    assert stored + undated == distinct, (stored, undated, distinct)
    assert stored > 0
    near_weeks = 60 // 7 + 2
    assert farm.value(CHUNKS) <= near_weeks + 8 + 2
    assert (
        farm.value(
            "SELECT count(*) FROM sample JOIN sample_group USING (group_id) JOIN device USING (device_id)"
            " WHERE slug = 'bin2-head1'"
        )
        == 10
    )
    assert dict(farm.rows("SELECT reason, count(*) > 0 FROM undated GROUP BY reason")) == {
        "out_of_window": True,
        "far_week": True,
    }
    assert farm.value("SELECT count(*) FROM span_grant") <= 8
    assert (
        farm.value("SELECT sum(upper(r) - lower(r))::int FROM node_epoch, unnest(accounted) r WHERE epoch = %s", EPOCH)
        == 1_000
    )


@pytest.mark.postgres
async def test_two_workers_share_the_allowance(postgres_farm_url: str) -> None:
    random, at_ms = Random(5), now_ms()
    days = iter(random.sample(range(100, 3_000), 1_000))
    async with unplugged(postgres_farm_url) as one, unplugged(postgres_farm_url) as two:
        for seq in range(1, 51):
            worker = random.choice([one, two])
            worker.send(many(seq, [at_ms - next(days) * DAY_MS for _ in range(20)]), at_ms)
        await one.settled()
        await two.settled()
    farm = Farm(postgres_farm_url)
    assert farm.value("SELECT count(*) FROM span_grant") <= 8
    assert farm.value("SELECT (SELECT count(*) FROM sample) + (SELECT count(*) FROM undated)") == 1_000


@pytest.mark.postgres
async def test_a_year_of_backlog_comes_in_week_by_week_beside_a_wild_clock(postgres_farm_url: str) -> None:
    random, farm, at_ms = Random(6), Farm(postgres_farm_url), now_ms()
    hours = [at_ms - 365 * DAY_MS + hour * 3_600_000 for hour in range(0, 365 * 24, 6)]
    wild_topic = "silo/v1/demo/north-farm/other-pi/samples"
    async with unplugged(postgres_farm_url) as worker:
        for seq, first in enumerate(range(0, len(hours), 4), start=1):
            worker.send(many(seq, hours[first : first + 4]), at_ms)
            wild_ms = at_ms - random.randrange(100, 3_000) * DAY_MS
            worker.send(pack(seq, wild_ms, 20.0, epoch=OTHER_EPOCH), at_ms, wild_topic)
            if seq % 20 == 0:
                await worker.settled()
        await worker.settled()
    undated = dict(farm.rows("SELECT slug, count(*) FROM undated JOIN node USING (node_id) GROUP BY slug"))
    assert set(undated) == {"other-pi"}, farm.rows(
        "SELECT time_ms, reason, seq FROM undated JOIN node USING (node_id) WHERE slug = 'yard-pi' ORDER BY 1"
    )
    assert farm.value(
        "SELECT count(*) FROM sample JOIN sample_group USING (group_id) JOIN device USING (device_id)"
        " JOIN node USING (node_id) WHERE node.slug = 'yard-pi'"
    ) == len(hours)
    assert farm.value("SELECT count(*) FROM span_grant WHERE NOT walk") <= 8


@pytest.mark.postgres
async def test_a_sample_from_the_future_is_stored_and_never_the_latest(postgres_farm_url: str) -> None:
    farm, at_ms = Farm(postgres_farm_url), now_ms()
    latest = 'SELECT times[1], "values"[1] FROM latest'
    async with unplugged(postgres_farm_url) as worker:
        worker.send(pack(1, at_ms, 20.0, 1.0), at_ms)
        await worker.settled()
        worker.send(pack(2, at_ms + 3 * 3_600_000, 99.0, 1.0), at_ms + 1_000)
        await worker.settled()
        assert farm.rows(latest) == [(from_ms(at_ms), 20.0)]
        # In one batch, before and behind the true one, whole and in part.
        worker.send(pack(3, at_ms + 3 * 3_600_000 + 1, 98.0, 1.0), at_ms + 2_000)
        worker.send(pack(4, at_ms + 2_000, 21.0, 1.0), at_ms + 2_000)
        worker.send(pack(5, at_ms + 3 * 3_600_000 + 2, 97.0), at_ms + 2_000)
        await worker.settled()
        assert farm.rows(latest) == [(from_ms(at_ms + 2_000), 21.0)]
        worker.send(pack(6, at_ms + 60_000 + 3_000, 22.0, 1.0), at_ms + 3_000)  # just within the tolerance
        await worker.settled()
        assert farm.rows(latest) == [(from_ms(at_ms + 63_000), 22.0)]
    assert farm.value("SELECT count(*) FROM sample") == 6


@pytest.mark.postgres
async def test_a_late_sample_is_never_the_latest_on_any_way_in(postgres_farm_url: str) -> None:
    farm, at_ms = Farm(postgres_farm_url), now_ms()
    async with unplugged(postgres_farm_url) as worker:
        worker.send(pack(1, at_ms, 20.0, 1.0), at_ms)
        await worker.settled()
        for seq, late in enumerate(
            (
                pack(2, at_ms - 1_000, 1.0, 1.0),  # a whole group
                pack(3, at_ms - 2_000, 1.0),  # a part of one
                pack(4, at_ms - 2_000, None, 1.0),  # fills what is missing there
                pack(5, at_ms - 70 * DAY_MS, 1.0, 1.0),  # of a far week
                pack(6, at_ms - 4_000 * DAY_MS, 1.0, 1.0),  # of an unbelievable one
                pack(7, at_ms, 1.0, 1.0),  # another value for the very same sample
            )
        ):
            worker.send(late, at_ms + seq)
            await worker.settled()
    assert farm.rows('SELECT times[1], "values" FROM latest') == [(from_ms(at_ms), [20.0, 1.0])]


@pytest.mark.postgres
async def test_the_window_is_exact_and_a_pack_may_lie_on_both_sides_of_it(postgres_farm_url: str) -> None:
    farm, at_ms = Farm(postgres_farm_url), now_ms()
    edges = [at_ms - 10 * DAY_MS, at_ms - 10 * DAY_MS - 1, at_ms + DAY_MS, at_ms + DAY_MS + 1, at_ms]
    async with unplugged(postgres_farm_url, believed_past_days=10, near_past_days=10) as worker:
        for _ in range(2):  # delivered twice it is kept once
            worker.send(many(1, [*edges, at_ms + DAY_MS + 1]), at_ms)
            await worker.settled()
    assert sorted(to_ms(row[0]) for row in farm.rows("SELECT time FROM sample")) == sorted(
        [edges[0], edges[2], edges[4]]
    )
    assert sorted(row[0] for row in farm.rows("SELECT time_ms FROM undated")) == [edges[1], edges[3]]
    assert farm.rows("SELECT DISTINCT epoch::text, seq, arrived_at, reason FROM undated") == [
        ("01234567-89ab-cdef-0123-456789abcdef", 1, from_ms(at_ms), "out_of_window")
    ]


def test_a_week_is_that_of_the_store() -> None:
    assert SPAN_MS == 7 * DAY_MS


@pytest.mark.postgres
async def test_a_clock_that_was_not_set_shows_as_such_in_latest_and_readings(postgres_farm_url: str) -> None:
    farm, at_ms = Farm(postgres_farm_url), now_ms()
    unsynced = encode(Pack(EPOCH, 1, [Sample("bin1-head1", at_ms, ("t1",), ("Cel",), [20.0], [101])]))
    async with unplugged(postgres_farm_url) as worker:
        worker.send(unsynced, at_ms)
        await worker.settled()
    for view in ("latest_reading", "reading"):
        assert farm.rows(f"SELECT value, grade, reason FROM {view}") == [  # noqa: S608
            (20.0, "uncertain", "clock_unsynced")
        ]


@pytest.mark.postgres
async def test_the_wild_weeks_of_many_messages_are_asked_for_together(
    postgres_farm_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    random, at_ms, asked = Random(7), now_ms(), list[int]()
    open_book = spans.open_book

    async def noted(connection: Any, wanted: Collection[spans.Span]) -> spans.Book:
        asked.append(len(wanted))
        return await open_book(connection, wanted)

    monkeypatch.setattr(spans, "open_book", noted)
    days = iter(random.sample(range(100, 3_000), 1_000))
    async with unplugged(postgres_farm_url) as worker:
        worker.send(pack(1, at_ms, 1.0), at_ms)
        await worker.settled()
        for seq in range(2, 202):
            worker.send(many(seq, [at_ms - next(days) * DAY_MS for _ in range(5)]), at_ms)
        await worker.settled()
    assert len(asked) <= 4
    farm = Farm(postgres_farm_url)
    assert farm.value("SELECT count(*) FROM span_grant") == 8
    assert farm.value("SELECT (SELECT count(*) FROM sample) + (SELECT count(*) FROM undated)") == 1_001
