"""What ingest promises, with a broker that misbehaves on purpose and a real database."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
import pytest

from siloscope_contract.gaps import Gap, GapKind
from siloscope_contract.packs import Pack, Sample, encode
from siloscope_process.clock import SystemClock
from tests.ingest.conftest import Farm, running_ingest
from tests.ingest.fake_broker import FakeConnection, fake_broker
from tests.ingest.messages import EPOCH, OTHER_EPOCH, SAMPLES, pack, relative
from tests.ingest.waiting import eventually

DAY_MS = 86_400_000
READ_ONLY = "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I {}', current_database()); END $$"


@pytest.fixture
def farm(postgres_farm_url: str) -> Farm:
    return Farm(postgres_farm_url)


@pytest.fixture
def homes(farm_url: str) -> Farm:
    """A farm on each home: what depends on how samples are stored."""
    return Farm(farm_url)


@pytest.fixture
def now_ms() -> int:
    return SystemClock().now_ms() // 1000 * 1000


@asynccontextmanager
async def nobody_writes(farm: Farm) -> AsyncIterator[None]:
    """Hold back every commit."""
    async with await psycopg.AsyncConnection.connect(farm.url) as connection:
        await connection.execute("LOCK TABLE node_epoch, sample IN ACCESS EXCLUSIVE MODE")
        yield


async def answered(connection: FakeConnection, *packet_ids: int) -> None:
    """Wait until exactly these were acknowledged."""
    await eventually(lambda: sorted(connection.acknowledged) == sorted(packet_ids), lambda: connection.acknowledged)


async def test_nothing_is_acknowledged_before_it_is_committed(farm: Farm, now_ms: int) -> None:
    async with fake_broker() as broker, running_ingest(farm.url, broker.url) as ingest:
        connection = await broker.connection()
        connection.deliver(SAMPLES, pack(1, now_ms, 11.5), 1)
        await answered(connection, 1)
        async with nobody_writes(farm):
            connection.deliver(SAMPLES, pack(2, now_ms + 1000, 11.6), 2)
            await eventually(lambda: ingest.service.held.messages == 1, lambda: ingest.service.held.messages)
            await waiting_for_lock(farm)
            assert connection.acknowledged == [1]
        await answered(connection, 1, 2)
    assert farm.value("SELECT count(*) FROM sample") == 2


async def test_an_acknowledgement_never_crosses_a_reconnect(farm: Farm, now_ms: int) -> None:
    async with fake_broker() as broker, running_ingest(farm.url, broker.url):
        first = await broker.connection()
        first.deliver(SAMPLES, pack(1, now_ms, 11.5), 1)
        await answered(first, 1)
        async with nobody_writes(farm):
            first.deliver(SAMPLES, pack(2, now_ms + 1000, 11.6), 7)
            await waiting_for_lock(farm)
            await first.cut()
            second = await broker.connection()
            second.deliver(SAMPLES, b"[another message under the same packet id", 7)
            second.deliver(SAMPLES, pack(2, now_ms + 1000, 11.6), 8, duplicate=True)
        await answered(second, 7, 8)
        assert first.acknowledged == [1]
    assert farm.value("SELECT count(*) FROM sample") == 2
    assert farm.value("SELECT count(*) FROM quarantine") == 1


async def test_a_redelivery_is_harmless(farm: Farm, now_ms: int) -> None:
    async with fake_broker() as broker, running_ingest(farm.url, broker.url):
        connection = await broker.connection()
        for packet_id in (1, 2, 3):
            connection.deliver(SAMPLES, pack(1, now_ms, 11.5, 12.5), packet_id, duplicate=packet_id > 1)
            await answered(connection, *range(1, packet_id + 1))
    assert farm.value("SELECT count(*) FROM sample") == 1
    assert farm.value("SELECT count(*) FROM sample_conflict") == 0


@pytest.mark.parametrize("in_one_batch", [True, False])
async def test_the_first_value_stays_and_the_other_is_kept_beside(homes: Farm, now_ms: int, in_one_batch: bool) -> None:
    async with fake_broker() as broker, running_ingest(homes.url, broker.url):
        connection = await broker.connection()
        connection.deliver(SAMPLES, pack(1, now_ms, 11.5, 12.5), 1)
        if not in_one_batch:
            await answered(connection, 1)
        connection.deliver(SAMPLES, pack(2, now_ms, 11.5, 99.0), 2)
        await answered(connection, 1, 2)
        connection.deliver(SAMPLES, pack(2, now_ms, 11.5, 99.0), 3, duplicate=True)
        await answered(connection, 1, 2, 3)
    assert homes.rows('SELECT "values" FROM sample') == [([11.5, 12.5],)]
    assert homes.rows('SELECT "values" FROM latest') == [([11.5, 12.5],)]
    found = homes.rows("SELECT position, kept_value, kept_seq, other_value, other_seq, kept_epoch FROM sample_conflict")
    assert [(*row[:5], row[5].hex) for row in found] == [(1, 12.5, 1, 99.0, 2, EPOCH)]
    assert homes.value("SELECT other_epoch FROM sample_conflict").hex == EPOCH
    assert homes.value("SELECT accounted::text FROM node_epoch") == "{[1,3)}"


@pytest.mark.parametrize("in_one_batch", [True, False])
async def test_packs_with_different_channels_of_one_sample_are_merged(
    homes: Farm, now_ms: int, in_one_batch: bool
) -> None:
    async with fake_broker() as broker, running_ingest(homes.url, broker.url):
        connection = await broker.connection()
        connection.deliver(SAMPLES, pack(1, now_ms, 1.0, None, 3.0, names=["t1", "t2", "t3"]), 1)
        connection.deliver(SAMPLES, pack(2, now_ms - 1000, 2.0, names=["t2"]), 2)
        await answered(connection, 1, 2)
        connection.deliver(SAMPLES, pack(3, now_ms + 1000, 3.5, names=["t3"]), 3)
        if not in_one_batch:
            await answered(connection, 1, 2, 3)
        connection.deliver(SAMPLES, pack(4, now_ms + 1000, 1.5, names=["t1"]), 4)
        await answered(connection, 1, 2, 3, 4)
    newest = homes.rows("SELECT channel, value, reason FROM reading WHERE time > to_timestamp(%s)", now_ms / 1000)
    assert sorted(newest) == [("t1", 1.5, "good"), ("t3", 3.5, "good")]
    assert homes.value("SELECT count(*) FROM sample_conflict") == 0
    latest = dict(homes.rows("SELECT channel, value FROM latest_reading"))
    assert (latest["t1"], latest["t3"]) == (1.5, 3.5)


async def test_late_samples_are_stored_and_never_become_the_latest(homes: Farm, now_ms: int) -> None:
    async with fake_broker() as broker, running_ingest(homes.url, broker.url):
        connection = await broker.connection()
        for packet_id, (second, value) in enumerate([(60, 6.0), (0, 0.5), (30, 3.0)], start=1):
            connection.deliver(SAMPLES, pack(packet_id, now_ms + second * 1000, value), packet_id)
            await answered(connection, *range(1, packet_id + 1))
    assert homes.value("SELECT count(*) FROM sample") == 3
    assert homes.rows('SELECT "values" FROM latest') == [([6.0],)]


async def test_a_failed_reading_is_stored_as_failed(farm: Farm, now_ms: int) -> None:
    async with fake_broker() as broker, running_ingest(farm.url, broker.url):
        connection = await broker.connection()
        connection.deliver(SAMPLES, pack(1, now_ms, 1.0, 2.0), 1)
        connection.deliver(SAMPLES, pack(2, now_ms + 1000, 1.1, None), 2)
        await answered(connection, 1, 2)
    assert farm.rows("SELECT channel, value, reason, grade FROM latest_reading ORDER BY channel") == [
        ("t1", 1.1, "good", "good"),
        ("t2", None, "sensor_missing", "bad"),
    ]


async def test_wild_times_are_kept_apart_and_accounted_for(homes: Farm, now_ms: int) -> None:
    wild = [0, now_ms - 3660 * DAY_MS, now_ms + 2 * DAY_MS, 2**42]
    async with fake_broker() as broker, running_ingest(homes.url, broker.url):
        connection = await broker.connection()
        connection.deliver(SAMPLES, pack(1, now_ms, 1.0), 1)
        for seq, time_ms in enumerate((time_ms for time_ms in wild if time_ms), start=2):
            connection.deliver(SAMPLES, pack(seq, time_ms, 2.0), seq)
            connection.deliver(SAMPLES, pack(seq, time_ms, 2.0), seq + 10, duplicate=True)
        await answered(connection, 1, 2, 3, 4, 12, 13, 14)
    assert homes.value("SELECT count(*) FROM sample") == 1
    assert homes.value("SELECT count(*) FROM undated") == 3
    assert homes.value("SELECT accounted::text FROM node_epoch") == "{[1,5)}"


async def test_a_clock_that_stands_still_loses_no_sample(homes: Farm) -> None:
    stopped_ms = 946_684_800_000
    halves = [Sample("bin1-head1", stopped_ms, (key,), ("Cel",), [1.0], [0]) for key in ("t1", "t2")]
    other = Sample("bin1-head2", stopped_ms, ("t1",), ("Cel",), [1.0], [0])
    torn = encode(Pack(EPOCH, 1, [halves[0], other, halves[1]]))
    async with fake_broker() as broker, running_ingest(homes.url, broker.url):
        connection = await broker.connection()
        for packet_id, value in enumerate([1.0, 2.0, 2.0], start=1):
            connection.deliver(SAMPLES, pack(None, stopped_ms, value, device="alone"), packet_id)
        connection.deliver(SAMPLES, torn, 4)
        connection.deliver(SAMPLES, torn, 5, duplicate=True)
        await answered(connection, 1, 2, 3, 4, 5)
    found = homes.rows(
        'SELECT slug, "values" FROM undated JOIN sample_group USING (group_id) JOIN device USING (device_id)'
    )
    assert sorted(found, key=str) == [
        ("alone", [1.0]),
        ("alone", [2.0]),
        ("bin1-head1", [1.0]),
        ("bin1-head1", [None, 1.0]),
        ("bin1-head2", [1.0]),
    ]


async def test_many_weeks_at_once_open_a_handful_of_spans_a_transaction(homes: Farm, now_ms: int) -> None:
    weeks = 40
    async with fake_broker() as broker, running_ingest(homes.url, broker.url):
        connection = await broker.connection()
        for seq in range(1, weeks + 1):
            connection.deliver(SAMPLES, pack(seq, now_ms - seq * 7 * DAY_MS, 1.0), seq)
        await answered(connection, *range(1, weeks + 1))
    assert homes.value("SELECT count(*) FROM sample") == weeks


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


async def test_a_partition_that_was_dropped_meanwhile_is_made_again(farm: Farm, now_ms: int) -> None:
    async with fake_broker() as broker, running_ingest(farm.url, broker.url):
        connection = await broker.connection()
        connection.deliver(SAMPLES, pack(1, now_ms, 1.0), 1)
        await answered(connection, 1)
        (partition,) = farm.rows(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'sample'::regclass"
        )
        await farm.change(f"DROP TABLE {partition[0]}")
        connection.deliver(SAMPLES, pack(2, now_ms + 1000, 1.0), 2)
        await answered(connection, 1, 2)
    assert farm.value("SELECT count(*) FROM sample") == 1
    assert farm.value("SELECT count(*) FROM quarantine") == 0


async def test_a_database_that_takes_no_writes_for_a_while_loses_nothing(farm: Farm, now_ms: int) -> None:
    end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'siloscope ingest%'"
    async with fake_broker() as broker, running_ingest(farm.url, broker.url) as ingest:
        connection = await broker.connection()
        connection.deliver(SAMPLES, pack(None, now_ms, 1.0), 1)
        await answered(connection, 1)
        await farm.change(READ_ONLY.format("SET default_transaction_read_only = on"))
        await farm.change(end)
        connection.deliver(SAMPLES, pack(None, now_ms + 1000, 2.0), 2)
        await eventually(lambda: ingest.service.metrics.retries._value.get() > 1, lambda: connection.acknowledged)
        assert connection.acknowledged == [1]
        await farm.change("BEGIN READ WRITE;" + READ_ONLY.format("RESET default_transaction_read_only") + "; COMMIT")
        await farm.change(end)
        await answered(connection, 1, 2)
    assert farm.value("SELECT count(*) FROM sample") == 2
    assert farm.value("SELECT count(*) FROM quarantine") == 0


async def test_a_broken_database_connection_loses_nothing(farm: Farm, now_ms: int) -> None:
    async with fake_broker() as broker, running_ingest(farm.url, broker.url):
        connection = await broker.connection()
        connection.deliver(SAMPLES, pack(1, now_ms, 1.0), 1)
        await answered(connection, 1)
        async with nobody_writes(farm):
            connection.deliver(SAMPLES, pack(2, now_ms + 1000, 1.0), 2)
            await waiting_for_lock(farm)
            await farm.change(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'siloscope ingest%'"
            )
            assert connection.acknowledged == [1]
        await answered(connection, 1, 2)
    assert farm.value("SELECT count(*) FROM sample") == 2


async def test_a_redelivered_message_without_times_is_taken_once(farm: Farm) -> None:
    async with fake_broker() as broker, running_ingest(farm.url, broker.url):
        connection = await broker.connection()
        connection.deliver(SAMPLES, relative(20.5), 1)
        await answered(connection, 1)
        connection.deliver(SAMPLES, relative(20.5), 2, duplicate=True)
        connection.deliver(SAMPLES, relative(20.5), 3, retained=True)
        await answered(connection, 1, 2, 3)
        connection.deliver(SAMPLES, relative(20.5), 4)
        await answered(connection, 1, 2, 3, 4)
    assert farm.value("SELECT count(*) FROM sample") == 2


async def test_a_message_without_times_that_was_committed_before_a_kill_is_taken_once(farm: Farm) -> None:
    async with fake_broker() as broker:
        async with running_ingest(farm.url, broker.url):
            connection = await broker.connection()
            connection.deliver(SAMPLES, relative(20.5), 1)
            await answered(connection, 1)
        async with running_ingest(farm.url, broker.url):
            connection = await broker.connection()
            connection.deliver(SAMPLES, relative(20.5), 1, duplicate=True)
            connection.deliver(SAMPLES, relative(21.5), 2, duplicate=True)
            await answered(connection, 1, 2)
        await farm.change("UPDATE relative_message SET arrived_at = arrived_at - interval '11 minutes'")
        async with running_ingest(farm.url, broker.url):
            connection = await broker.connection()
            connection.deliver(SAMPLES, relative(20.5), 1, duplicate=True)
            await answered(connection, 1)
    assert farm.rows('SELECT "values"[1] FROM sample ORDER BY "time"') == [(20.5,), (21.5,), (20.5,)]
    assert farm.value("SELECT count(*) FROM relative_message") == 2


async def test_a_numbered_pack_without_times_is_refused_and_accounted_for(farm: Farm) -> None:
    record = f'[{{"n":"probe/t","u":"Cel","v":1,"epoch":"{EPOCH}","seq":1}}]'
    async with fake_broker() as broker, running_ingest(farm.url, broker.url):
        connection = await broker.connection()
        connection.deliver(SAMPLES, record.encode(), 1)
        await answered(connection, 1)
    assert farm.rows("SELECT seq, reason FROM seq_refused") == [(1, "relative_time_with_seq")]
    assert farm.value("SELECT accounted::text FROM node_epoch") == "{[1,2)}"


async def test_declared_gaps_are_kept_and_their_numbers_accounted_for(farm: Farm, now_ms: int) -> None:
    evicted = Gap(GapKind.EVICTED, now_ms - 5000, now_ms, OTHER_EPOCH, 3, 8, count=60, detail="spool full")
    bus = Gap(GapKind.BUS_ERROR, now_ms - 9000, now_ms, device="bin1-head1")
    async with fake_broker() as broker, running_ingest(farm.url, broker.url):
        connection = await broker.connection()
        for packet_id in (1, 2):
            connection.deliver(SAMPLES, pack(1, now_ms, 1.0, gaps=[evicted, bus]), packet_id)
        await answered(connection, 1, 2)
    assert farm.rows("SELECT kind, first_seq, last_seq, device, count FROM gap_record ORDER BY gap_id") == [
        ("evicted", 3, 8, None, 60),
        ("bus_error", None, None, "bin1-head1", None),
    ]
    assert farm.rows("SELECT accounted::text FROM node_epoch ORDER BY epoch") == [("{[1,2)}",), ("{[3,9)}",)]


async def test_a_stop_finishes_what_was_read(farm: Farm, now_ms: int) -> None:
    async with fake_broker() as broker:
        async with running_ingest(farm.url, broker.url) as ingest:
            connection = await broker.connection()
            connection.deliver(SAMPLES, pack(1, now_ms, 1.0), 1)
            await answered(connection, 1)
            for seq in range(2, 50):
                connection.deliver(SAMPLES, pack(seq, now_ms + seq * 1000, 1.0), seq)
            # It may be done with all of them before anybody looks.
            await eventually(
                lambda: ingest.service.held.messages > 0 or len(connection.acknowledged) > 1,
                lambda: ingest.service.held.messages,
            )
        await connection.ended.wait()
        assert connection.said_goodbye
        assert farm.value("SELECT count(*) FROM sample") == len(connection.acknowledged)
        assert ingest.service.held.messages == 0


class MovedClock(SystemClock):
    """The machine's clocks, of which the wall clock goes ahead by as much as a test says."""

    ahead_ms = 0

    def now_ms(self) -> int:
        return super().now_ms() + self.ahead_ms


async def test_two_starts_alive_under_one_credential_are_reported(farm: Farm, now_ms: int) -> None:
    clock = MovedClock()
    async with fake_broker() as broker, running_ingest(farm.url, broker.url, clock=clock) as ingest:
        connection = await broker.connection()
        for packet_id, epoch in ((1, EPOCH), (2, OTHER_EPOCH)):
            connection.deliver(SAMPLES, pack(1, now_ms, 1.0, device=f"head{packet_id}", epoch=epoch), packet_id)
        await answered(connection, 1, 2)
        clock.ahead_ms = 300_000
        for packet_id, epoch in ((3, EPOCH), (4, OTHER_EPOCH)):
            later_ms = now_ms + clock.ahead_ms
            connection.deliver(SAMPLES, pack(2, later_ms, 1.0, device=f"head{packet_id}", epoch=epoch), packet_id)
        await answered(connection, 1, 2, 3, 4)
        await farm.until("SELECT count(*) FROM audit WHERE action = 'epochs_growing_at_once'", 1)
        assert ingest.service.metrics.twins._value.get() == 1


async def waiting_for_lock(farm: Farm) -> None:
    """Wait until ingest waits for a lock of the test."""
    waiting = (
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'siloscope ingest writer' "
        "AND wait_event_type = 'Lock'"
    )
    await eventually(lambda: farm.value(waiting) == 1, lambda: farm.value(waiting))
    await asyncio.sleep(0)


async def test_what_is_held_is_bounded_while_the_database_is_away(farm: Farm, now_ms: int) -> None:
    count = 5000
    async with fake_broker() as broker, running_ingest(farm.url, broker.url, ingest_held_messages=100) as ingest:
        connection = await broker.connection()
        connection.deliver(SAMPLES, pack(1, now_ms, 1.0), 1)
        await answered(connection, 1)
        async with nobody_writes(farm):
            for seq in range(2, count + 1):
                connection.deliver(SAMPLES, pack(seq, now_ms + seq * 1000, 1.0), seq)
            await waiting_for_lock(farm)
            await eventually(lambda: ingest.service.held.is_full, lambda: ingest.service.held.messages)
            assert ingest.service.held.messages < count // 2
        await answered(connection, *range(1, count + 1))
    assert farm.value("SELECT count(*) FROM sample") == count


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
