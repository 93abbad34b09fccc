"""What nodes are told of the committed state."""

import asyncio
from typing import Any, cast

import pytest
from prometheus_client import CollectorRegistry

from siloscope_contract.births import EpochSpan
from siloscope_contract.packs import Epoch
from siloscope_contract.topics import Kind, Topic
from siloscope_contract.watermarks import EpochMark, Watermark, decode
from siloscope_ingest import publisher
from siloscope_ingest.metrics import Metrics
from siloscope_process.clock import ManualClock
from tests.ingest.conftest import Farm, running_ingest
from tests.ingest.fake_broker import FakeConnection, fake_broker
from tests.ingest.messages import BIRTH, EPOCH, NODE, OTHER_EPOCH, SAMPLES, birth, pack
from tests.ingest.waiting import eventually

pytestmark = pytest.mark.postgres
_SERVER_UNAVAILABLE = 136
COMMITTED = Topic(NODE, Kind.COMMITTED).text()


def watermarks(connection: FakeConnection) -> list[Watermark]:
    return [decode(payload) for topic, payload in list(connection.published) if topic == COMMITTED]


def answered(connection: FakeConnection) -> list[str]:
    """The sessions that the newest watermark answers."""
    found = watermarks(connection)
    return found[-1].answered if found else []


async def told(connection: FakeConnection, expected: EpochMark, epoch: Epoch = EPOCH) -> Watermark:
    """Wait until the newest watermark says this of an epoch."""

    def newest() -> Watermark | None:
        found = watermarks(connection)
        return found[-1] if found else None

    def holds() -> bool:
        now = newest()
        return now is not None and now.epochs.get(epoch) == expected

    await eventually(holds, newest)
    return watermarks(connection)[-1]


async def test_a_birth_is_answered_and_packs_raise_the_mark(farm: Farm, now_ms: int) -> None:
    async with fake_broker() as broker, running_ingest(farm.url, broker.url):
        connection = await broker.connection()
        connection.deliver(BIRTH, birth("first", [EpochSpan(EPOCH, 1, 4)]), 1)
        answer = await told(connection, EpochMark(1, 1))
        assert answer.answered == ["first"]
        for packet_id, seq in enumerate([1, 2, 5, 9, 3], start=2):
            connection.deliver(SAMPLES, pack(seq, now_ms + seq * 1000, 1.0), packet_id)
        after = await told(connection, EpochMark(4, 10, [(4, 4), (6, 8)]))
        connection.deliver(BIRTH, birth("second", [EpochSpan(OTHER_EPOCH, 1, 1)]), 9)
        last = await told(connection, EpochMark(1, 1), OTHER_EPOCH)
    assert (after.store, after.generation) == (answer.store, answer.generation)
    assert last.answered == ["first", "second"]


async def test_every_watermark_is_published_when_ingest_starts(farm: Farm, now_ms: int) -> None:
    async with fake_broker() as broker:
        async with running_ingest(farm.url, broker.url):
            connection = await broker.connection()
            connection.deliver(SAMPLES, pack(1, now_ms, 1.0), 1)
            await told(connection, EpochMark(2, 2))
        async with running_ingest(farm.url, broker.url):
            await told(await broker.connection(), EpochMark(2, 2))


async def test_every_watermark_is_published_when_the_broker_comes_back(farm: Farm, now_ms: int) -> None:
    async with fake_broker() as broker, running_ingest(farm.url, broker.url):
        connection = await broker.connection()
        connection.deliver(SAMPLES, pack(1, now_ms, 1.0), 1)
        await told(connection, EpochMark(2, 2))
        await connection.cut()
        await told(await broker.connection(), EpochMark(2, 2))


async def test_one_of_two_workers_publishes_and_marks_never_go_back(farm: Farm, now_ms: int) -> None:
    async with (
        fake_broker() as broker,
        running_ingest(farm.url, broker.url, ingest_worker="one"),
        running_ingest(farm.url, broker.url, ingest_worker="two"),
    ):
        connections = [await broker.connection(), await broker.connection()]
        for seq in range(1, 300):
            connections[seq % 2].deliver(SAMPLES, pack(seq, now_ms + seq * 1000, 1.0), seq)
            if seq % 3 == 0:  # both get it, as without a shared subscription
                connections[(seq + 1) % 2].deliver(SAMPLES, pack(seq, now_ms + seq * 1000, 1.0), seq)
            await asyncio.sleep(0)
        published = [connection for connection in connections if connection.client_id]
        await eventually(
            lambda: any(
                found and found[-1].epochs.get(EPOCH) == EpochMark(300, 300) for found in map(watermarks, published)
            ),
            lambda: [watermarks(each)[-1:] for each in published],
        )
    publishers = [each for each in connections if each.published]
    assert len(publishers) == 1
    below = [mark.below for found in watermarks(publishers[0]) for mark in found.epochs.values()]
    assert below == sorted(below)
    assert farm.value("SELECT count(*) FROM sample") == 299
    assert farm.value("SELECT count(*) FROM sample_conflict") == 0


async def test_the_other_worker_takes_over_when_the_publisher_stops(farm: Farm, now_ms: int) -> None:
    async with fake_broker() as broker:
        async with running_ingest(farm.url, broker.url, ingest_worker="one"):
            first = await broker.connection()
            first.deliver(SAMPLES, pack(1, now_ms, 1.0), 1)
            await told(first, EpochMark(2, 2))
            stay = running_ingest(farm.url, broker.url, ingest_worker="two")
            await stay.__aenter__()
            second = await broker.connection()
        try:
            second.deliver(SAMPLES, pack(2, now_ms + 1000, 1.0), 1)
            await told(second, EpochMark(3, 3))
        finally:
            await stay.__aexit__(None, None, None)


async def test_the_other_worker_takes_over_when_the_publisher_is_cut_off_from_the_broker(
    farm: Farm, now_ms: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publisher, "CUT_OFF_S", 0.5)
    async with fake_broker() as broker, running_ingest(farm.url, broker.url, ingest_worker="one") as one:
        first = await broker.connection()
        first.deliver(SAMPLES, pack(1, now_ms, 1.0), 1)
        await told(first, EpochMark(2, 2))
        async with running_ingest(farm.url, broker.url, ingest_worker="two"):
            second = await broker.connection()
            broker.refuse_with = _SERVER_UNAVAILABLE
            await first.cut()
            second.deliver(SAMPLES, pack(2, now_ms + 1000, 1.0), 1)
            await told(second, EpochMark(3, 3))
            broker.refuse_with = None
            await eventually(lambda: one.service.health.ready, one.service.health.report)
            second.deliver(SAMPLES, pack(3, now_ms + 2000, 1.0), 2)
            await told(second, EpochMark(4, 4))


def test_a_broker_that_is_merely_slow_is_no_reason_to_step_down() -> None:
    clock, connected, nothing = ManualClock(), [True], cast(Any, None)
    metrics = Metrics(CollectorRegistry())
    leader = publisher.Publisher(
        *(nothing, nothing, nothing), lambda: False, lambda: connected[0], clock, metrics, *(nothing, nothing)
    )
    clock.jump(60)
    clock.advance(60)
    assert not leader._is_cut_off()
    connected[0] = False
    clock.advance(publisher.CUT_OFF_S - 1)
    assert not leader._is_cut_off()
    clock.advance(2)
    assert leader._is_cut_off()


async def test_a_database_that_went_back_gets_a_new_generation(farm: Farm, now_ms: int) -> None:
    async with fake_broker() as broker, running_ingest(farm.url, broker.url):
        connection = await broker.connection()
        connection.deliver(BIRTH, birth("one", [EpochSpan(EPOCH, 1, 3)]), 1)
        for seq in (1, 2):
            connection.deliver(SAMPLES, pack(seq, now_ms + seq * 1000, 1.0), seq + 1)
        before = await told(connection, EpochMark(3, 3))
        seen: dict[str, int] = {EPOCH: 3}
        told_before = {"store": before.store, "generation": before.generation}
        connection.deliver(BIRTH, birth("two", [EpochSpan(EPOCH, 1, 3)], committed=seen, **told_before), 4)
        await eventually(lambda: "two" in answered(connection), lambda: watermarks(connection))
        assert watermarks(connection)[-1].generation == before.generation

        await farm.change("UPDATE node_epoch SET accounted = '{[1,2)}'")  # as an older backup would have it
        connection.deliver(BIRTH, birth("three", [EpochSpan(EPOCH, 1, 3)], committed=seen, **told_before), 5)
        await connection.ended.wait()
        assert 5 not in connection.acknowledged
        again = await broker.connection()
        again.deliver(BIRTH, birth("three", [EpochSpan(EPOCH, 1, 3)], committed=seen, **told_before), 1, duplicate=True)
        await eventually(lambda: "three" in answered(again), lambda: watermarks(again))
        after = watermarks(again)[-1]
    assert after.generation != before.generation
    assert after.store == before.store
    assert after.answered == ["three"]
    assert after.epochs[EPOCH] == EpochMark(2, 2)


async def test_an_epoch_that_many_others_came_after_is_no_sign_of_a_database_that_went_back(
    farm: Farm, now_ms: int
) -> None:
    async with fake_broker() as broker, running_ingest(farm.url, broker.url):
        connection = await broker.connection()
        connection.deliver(SAMPLES, pack(1, now_ms, 1.0), 1)
        before = await told(connection, EpochMark(2, 2))
        for at in range(70):
            connection.deliver(SAMPLES, pack(1, now_ms + 1000 + at, 1.0, epoch=Epoch(f"{at:032x}")), 2 + at)
        await eventually(lambda: len(connection.acknowledged) == 71, lambda: connection.acknowledged)
        await farm.change(
            "UPDATE node_epoch SET last_seen_at = now() - interval '1 day' "
            "WHERE first_seen_at = (SELECT min(first_seen_at) FROM node_epoch)"
        )
        told_before = {"store": before.store, "generation": before.generation}
        message = birth("next", [EpochSpan(EPOCH, 1, 2)], committed={EPOCH: 2}, **told_before)
        connection.deliver(BIRTH, message, 100)
        await eventually(lambda: 100 in connection.acknowledged, lambda: farm.rows("SELECT * FROM store_identity"))
    assert str(farm.value("SELECT generation FROM store_identity")) == before.generation


@pytest.mark.parametrize(
    "change",
    ["UPDATE store_identity SET system_identifier = 'another'", "UPDATE store_identity SET timeline = timeline + 1"],
)
async def test_a_restored_or_promoted_database_gets_a_new_generation(farm: Farm, now_ms: int, change: str) -> None:
    generations = []
    async with fake_broker() as broker:
        for _ in range(3):
            async with running_ingest(farm.url, broker.url):
                connection = await broker.connection()
                connection.deliver(SAMPLES, pack(1, now_ms, 1.0), 1)
                generations.append((await told(connection, EpochMark(2, 2))).generation)
            if len(generations) == 2:
                await farm.change(change)
    assert generations[0] == generations[1] != generations[2]


async def test_a_promotion_under_way_makes_ingest_begin_anew(farm: Farm, now_ms: int) -> None:
    async with fake_broker() as broker, running_ingest(farm.url, broker.url):
        connection = await broker.connection()
        connection.deliver(SAMPLES, pack(1, now_ms, 1.0), 1)
        before = await told(connection, EpochMark(2, 2))
        await farm.change("UPDATE store_identity SET timeline = timeline + 1")
        await farm.change(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'siloscope ingest%'"
        )
        again = await broker.connection()
        again.deliver(SAMPLES, pack(2, now_ms + 1000, 1.0), 1)
        after = await told(again, EpochMark(3, 3))
    assert after.generation != before.generation


async def test_workers_hear_of_a_new_generation_from_each_other(farm: Farm, now_ms: int) -> None:
    async with (
        fake_broker() as broker,
        running_ingest(farm.url, broker.url, ingest_worker="one"),
        running_ingest(farm.url, broker.url, ingest_worker="two"),
    ):
        await broker.connection()
        await broker.connection()
        await farm.change("UPDATE store_identity SET generation = gen_random_uuid()")
        anew = {(await broker.connection()).client_id, (await broker.connection()).client_id}
    assert {each.rsplit("-", 1)[0] for each in anew} == {"siloscope-ingest-one", "siloscope-ingest-two"}
