"""What is refused: it is kept with its reason and blocks nothing behind it."""

import psycopg

from tests.ingest.conftest import Farm, nobody_writes, running_ingest
from tests.ingest.fake_broker import answered, fake_broker
from tests.ingest.messages import EPOCH, SAMPLES, pack
from tests.ingest.waiting import eventually


async def test_a_bad_message_never_blocks_the_ones_behind_it(farm: Farm, now_ms: int) -> None:
    bad = [
        ("silo/v1/demo/north-farm/yard-pi/samples", b"[not json]", "malformed"),
        ("silo/v1/demo/nowhere/yard-pi/samples", pack(1, now_ms, 1.0), "site_unknown"),
        ("silo/v1/nobody/north-farm/yard-pi/samples", pack(1, now_ms, 1.0), "organisation_unknown"),
        ("silo/v1/demo/north-farm/yard pi/samples", b"[]", "malformed_topic"),
        (SAMPLES, pack(1, now_ms, 1.0).replace(b'"Cel"', b'"Celsius"'), "unknown_unit"),
        ("silo/v1/demo/north-farm/yard-pi/birth", b"{}", "malformed"),
        ("silo/v1/demo/north-farm/yard-pi/heartbeat", b"\xff", "malformed"),
        (SAMPLES, b"\x00\xff\x00", "unknown_form"),
    ]
    async with fake_broker() as broker, running_ingest(farm.url, broker.url):
        connection = await broker.connection()
        for packet_id, (topic, payload, _) in enumerate(bad, start=1):
            connection.deliver(topic, payload, packet_id)
        connection.deliver(SAMPLES, pack(2, now_ms, 1.0), 100)
        await answered(connection, *range(1, len(bad) + 1), 100)
    assert sorted(farm.rows("SELECT topic, reason FROM quarantine")) == sorted((row[0], row[2]) for row in bad)
    assert all(detail for (detail,) in farm.rows("SELECT detail FROM quarantine"))
    assert farm.rows("SELECT seq, reason FROM seq_refused") == [(1, "unknown_unit")]
    assert farm.value("SELECT accounted::text FROM node_epoch") == "{[1,3)}"


async def test_an_impossible_reading_is_stored_as_failed_and_its_message_kept(farm: Farm, now_ms: int) -> None:
    async with fake_broker() as broker, running_ingest(farm.url, broker.url):
        connection = await broker.connection()
        connection.deliver(SAMPLES, pack(1, now_ms, 11.0, 12.0), 1)
        await answered(connection, 1)
        connection.deliver(SAMPLES, pack(2, now_ms + 1000, 11.1, 9999.0), 2)
        await answered(connection, 1, 2)
    assert farm.rows("SELECT channel, value, reason FROM latest_reading ORDER BY 1") == [
        ("t1", 11.1, "good"),
        ("t2", None, "not_plausible"),
    ]
    assert farm.rows("SELECT reason, seq FROM quarantine") == [("not_plausible", 2)]


async def test_data_that_the_database_refuses_is_found_and_the_rest_is_stored(homes: Farm, now_ms: int) -> None:
    await homes.change('ALTER TABLE sample ADD CHECK ("values"[1] <> 13)')
    async with fake_broker() as broker, running_ingest(homes.url, broker.url):
        connection = await broker.connection()
        connection.deliver(SAMPLES, pack(1, now_ms, 1.0), 1)
        await answered(connection, 1)
        async with nobody_writes(homes):
            for seq in range(2, 40):
                connection.deliver(SAMPLES, pack(seq, now_ms + seq * 1000, 13.0 if seq in (9, 30) else 1.0), seq)
        await answered(connection, *range(1, 40))
    assert homes.value("SELECT count(*) FROM sample") == 37
    assert homes.rows("SELECT seq, reason FROM seq_refused ORDER BY 1") == [
        (9, "refused_by_database"),
        (30, "refused_by_database"),
    ]
    assert homes.value("SELECT count(*) FROM quarantine") == 2
    assert homes.value("SELECT accounted::text FROM node_epoch") == "{[1,40)}"


async def test_a_numbered_pack_without_times_is_refused_and_accounted_for(farm: Farm) -> None:
    record = f'[{{"n":"probe/t","u":"Cel","v":1,"epoch":"{EPOCH}","seq":1}}]'
    async with fake_broker() as broker, running_ingest(farm.url, broker.url):
        connection = await broker.connection()
        connection.deliver(SAMPLES, record.encode(), 1)
        await answered(connection, 1)
    assert farm.rows("SELECT seq, reason FROM seq_refused") == [(1, "relative_time_with_seq")]
    assert farm.value("SELECT accounted::text FROM node_epoch") == "{[1,2)}"


async def test_what_could_be_stored_nowhere_is_not_acknowledged(farm: Farm, now_ms: int) -> None:
    with psycopg.connect(farm.url, autocommit=True) as connection:
        connection.execute("ALTER TABLE quarantine ADD CONSTRAINT nothing_fits CHECK (false)")
    async with fake_broker() as broker, running_ingest(farm.url, broker.url) as ingest:
        line = await broker.connection()
        line.deliver(SAMPLES, b"garbage", 1)
        line.deliver(SAMPLES, pack(1, now_ms, 11.5), 2)
        await answered(line, 2)
        await eventually(lambda: ingest.service.held.messages == 0, lambda: ingest.service.held.messages)
        assert line.acknowledged == [2]
    assert farm.value("SELECT count(*) FROM sample") == 1
