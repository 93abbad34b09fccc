"""How samples are stored: the first value stays, late and failed ones are what they are, wild ones are kept apart."""

import pytest

from siloscope_contract.gaps import Gap, GapKind
from siloscope_contract.packs import Pack, Sample, encode
from tests.ingest.conftest import Farm, running_ingest
from tests.ingest.fake_broker import answered, fake_broker
from tests.ingest.messages import EPOCH, OTHER_EPOCH, SAMPLES, pack

DAY_MS = 86_400_000


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
