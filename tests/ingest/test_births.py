"""What nodes say of themselves: births register what they name, heartbeats and statuses tell how a node is."""

import json

import psycopg
import pytest

from siloscope_contract.births import (
    Birth,
    ChannelBirth,
    DeviceBirth,
    EpochSpan,
    GroupBirth,
    Heartbeat,
    State,
    Status,
    encode,
)
from siloscope_contract.topics import Kind, NodeName, Topic
from siloscope_process.clock import SystemClock
from tests.ingest.conftest import Farm, running_ingest
from tests.ingest.fake_broker import answered, fake_broker
from tests.ingest.messages import BIRTH, EPOCH, HEARTBEAT, SAMPLES, STATUS, birth, pack
from tests.ingest.unplugged import unplugged

pytestmark = pytest.mark.postgres


async def test_a_birth_registers_groups_channels_and_what_they_are(farm: Farm, now_ms: int) -> None:
    async with fake_broker() as broker, running_ingest(farm.url, broker.url):
        connection = await broker.connection()
        connection.deliver(BIRTH, birth("one", [EpochSpan(EPOCH, 1, 1)]), 1)
        connection.deliver(SAMPLES, pack(1, now_ms, *range(1, 9)), 2)
        connection.deliver(SAMPLES, pack(2, now_ms, 5.1, names=["supply"], unit="V"), 3)
        await answered(connection, 1, 2, 3)
    assert farm.rows("SELECT kind, software, session FROM node") == [("agent", "edge 1.0", "one")]
    assert farm.rows("SELECT slug, title, profile FROM device") == [("bin1-head1", "Bin 1 cable 1", "r4dcb08")]
    assert farm.rows("SELECT key, retention_class, interval_s FROM sample_group ORDER BY key") == [
        ("main", "measurements", 10.0),
        ("vitals", "vitals", 60.0),
    ]
    assert farm.value("SELECT count(*) FROM sample_vitals") == 1
    assert farm.value('SELECT "values" FROM sample') == [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]
    assert farm.rows("SELECT resolution, low FROM channel WHERE key IN ('t1', 'supply') ORDER BY key") == [
        (None, 4.5),
        (0.1, None),
    ]


async def test_a_sample_of_several_groups_is_stored_in_each(farm: Farm, now_ms: int) -> None:
    both = [*json.loads(pack(1, now_ms, *range(1, 9))), {"n": "supply", "u": "V", "v": 5.0}]
    async with fake_broker() as broker, running_ingest(farm.url, broker.url):
        connection = await broker.connection()
        connection.deliver(BIRTH, birth("one"), 1)
        connection.deliver(SAMPLES, json.dumps(both).encode(), 2)
        await answered(connection, 1, 2)
    assert farm.value('SELECT "values"[8] FROM sample') == 8.0
    assert farm.value('SELECT "values" FROM sample_vitals') == [5.0]


async def test_a_birth_of_which_something_is_refused_registers_the_rest_and_is_answered(farm: Farm) -> None:
    wide = [ChannelBirth(f"c{at}", "temperature", "Cel") for at in range(200)]
    odd = [DeviceBirth("odd", title="a\x00b"), DeviceBirth("fine", title="fine")]
    messages = [
        encode(Birth(session="first", devices=[DeviceBirth("odd", groups=[GroupBirth("main", channels=wide)])])),
        # 256 positions are all there are, and one is never used again.
        encode(
            Birth(
                session="second",
                devices=[
                    DeviceBirth("odd", groups=[GroupBirth("main", channels=[_renamed(each) for each in wide])]),
                    DeviceBirth("other"),
                ],
            )
        ),
        encode(Birth(session="third", software="a\x00b", devices=odd)),
        encode(Birth(session="fourth", devices=[DeviceBirth("no slug!")])),
    ]
    async with fake_broker() as broker, running_ingest(farm.url, broker.url):
        connection = await broker.connection()
        for packet_id, message in enumerate(messages, start=1):
            connection.deliver(BIRTH, message, packet_id)
        await answered(connection, 1, 2, 3, 4)
        connection.deliver(BIRTH, messages[-1], 5)
        await answered(connection, 1, 2, 3, 4, 5)
    assert farm.rows("SELECT reason FROM quarantine ORDER BY reason") == [
        ("malformed_name",),
        ("refused_by_database",),
        ("too_many_channels",),
    ]
    sessions = farm.rows("SELECT session FROM node_session ORDER BY birth_at, session")
    assert sorted(sessions) == [("first",), ("fourth",), ("second",), ("third",)]
    assert farm.rows("SELECT slug FROM device ORDER BY slug") == [("fine",), ("odd",), ("other",)]


def _renamed(channel: ChannelBirth) -> ChannelBirth:
    return ChannelBirth("x" + channel.key, channel.quantity, channel.unit)


async def test_many_births_at_once_are_registered_each_by_itself(farm: Farm) -> None:
    names = [NodeName.of("demo", "north-farm", f"n{at}") for at in range(60)]
    names.insert(30, NodeName.of("demo", "no-such-site", "lost"))
    async with fake_broker() as broker, running_ingest(farm.url, broker.url):
        connection = await broker.connection()
        for at, name in enumerate(names, start=1):
            connection.deliver(Topic(name, Kind.BIRTH).text(), birth(f"s{at}", [EpochSpan(EPOCH, 1, 1)]), at)
        await answered(connection, *range(1, len(names) + 1))
    assert farm.value("SELECT count(*) FROM node WHERE kind = 'agent'") == 60
    assert farm.value("SELECT count(*) FROM channel") == 540
    assert farm.value("SELECT count(*) FROM node_session") == 60
    assert farm.rows("SELECT reason FROM quarantine") == [("site_unknown",)]


async def test_a_device_that_is_announced_as_before_is_not_written_again(farm: Farm) -> None:
    at_ms = SystemClock().now_ms()
    written = []
    async with unplugged(farm.url) as worker:
        for session in ("one", "two"):
            worker.send(birth(session), at_ms, BIRTH)
            await worker.settled()
            written.append(farm.value("SELECT xmin::text FROM device"))
        assert written[0] == written[1]
        assert farm.value("SELECT count(*) FROM node_session") == 2
        farm.value("UPDATE device SET title = 'by somebody else' RETURNING 1")
        next(iter(worker.service._registrar._nodes.values())).forget()
        worker.send(birth("three"), at_ms, BIRTH)
        await worker.settled()
        assert farm.value("SELECT title FROM device") == "Bin 1 cable 1"


async def test_samples_of_many_devices_that_overtake_their_birth_wait_for_it(farm: Farm, now_ms: int) -> None:
    devices = ["bin1-head1", "bin1-head2"]
    async with fake_broker() as broker, running_ingest(farm.url, broker.url, most_devices_per_node=1, birth_wait_s=0):
        connection = await broker.connection()
        for seq, device in enumerate(devices, start=1):
            connection.deliver(SAMPLES, pack(seq, now_ms, 1.0, device=device), seq)
        await answered(connection, 1, 2)
        assert farm.value("SELECT count(*) FROM seq_refused") == 0
        assert farm.rows("SELECT reason FROM quarantine") == [("too_many_devices",)]
        assert farm.value("SELECT accounted::text FROM node_epoch") == "{[1,2)}"
        connection.deliver(BIRTH, birth("one", [EpochSpan(EPOCH, 1, 3)]), 3)
        connection.deliver(SAMPLES, pack(2, now_ms, 1.0, device="bin1-head2"), 4)
        await answered(connection, 1, 2, 3, 4)
    assert farm.value("SELECT accounted::text FROM node_epoch") == "{[1,3)}"
    assert farm.value("SELECT count(*) FROM sample") == 2


async def test_a_pack_that_overtook_its_birth_is_taken_when_it_comes_again(farm: Farm, now_ms: int) -> None:
    await farm.change(
        "INSERT INTO node (org_id, site_id, slug, kind) "
        "SELECT org_id, site_id, 'yard-pi', 'plain' FROM site WHERE slug = 'north-farm'"
    )
    async with fake_broker() as broker, running_ingest(farm.url, broker.url, register_plain_devices=False):
        connection = await broker.connection()
        connection.deliver(SAMPLES, pack(1, now_ms, 1.0), 1)
        await answered(connection, 1)
        assert farm.value("SELECT count(*) FROM node_epoch") == 0
        connection.deliver(BIRTH, birth("one", [EpochSpan(EPOCH, 1, 2)]), 2)
        connection.deliver(SAMPLES, pack(1, now_ms, 1.0), 3)
        await answered(connection, 1, 2, 3)
    assert farm.value("SELECT accounted::text FROM node_epoch") == "{[1,2)}"
    assert farm.value("SELECT count(*) FROM sample") == 1
    assert farm.value("SELECT count(*) FROM seq_refused") == 0


async def test_failed_readings_that_overtook_their_birth_are_filled_in_when_they_come_again(
    farm: Farm, now_ms: int
) -> None:
    async with fake_broker() as broker, running_ingest(farm.url, broker.url):
        connection = await broker.connection()
        connection.deliver(SAMPLES, pack(1, now_ms, 1.0, None), 1)
        await answered(connection, 1)
        assert farm.rows('SELECT "values" FROM sample') == [([1.0],)]
        assert farm.value("SELECT count(*) FROM node_epoch") == 0
        connection.deliver(BIRTH, birth("one", [EpochSpan(EPOCH, 1, 2)]), 2)
        await answered(connection, 1, 2)
        connection.deliver(SAMPLES, pack(1, now_ms, 1.0, None), 3)
        await answered(connection, 1, 2, 3)
    assert farm.value("SELECT accounted::text FROM node_epoch") == "{[1,2)}"
    assert farm.rows('SELECT "values", quality[1:2] FROM sample') == [([1.0, None], [0, 202])]


async def test_samples_of_a_known_node_that_wait_behind_its_birth_make_no_devices_of_their_own(
    farm: Farm, now_ms: int
) -> None:
    await farm.change(
        "INSERT INTO node (org_id, site_id, slug, kind) "
        "SELECT org_id, site_id, 'yard-pi', 'plain' FROM site WHERE slug = 'north-farm'"
    )
    async with unplugged(farm.url) as worker:
        worker.send(birth("one", [EpochSpan(EPOCH, 1, 30)]), now_ms, BIRTH)
        for seq in range(1, 30):
            worker.send(pack(seq, now_ms + seq, 4.9, names=["supply"], unit="V"), now_ms)
        await worker.settled()
    assert farm.rows(
        "SELECT DISTINCT g.key FROM channel AS c JOIN sample_group AS g USING (group_id) WHERE c.key = 'supply'"
    ) == [("vitals",)]


async def test_heartbeats_and_statuses_say_how_a_node_is(farm: Farm, now_ms: int) -> None:
    async with fake_broker() as broker, running_ingest(farm.url, broker.url):
        connection = await broker.connection()
        connection.deliver(BIRTH, birth("one"), 1)
        connection.deliver(STATUS, encode(Status(State.ONLINE, "one", now_ms)), 2)
        connection.deliver(HEARTBEAT, encode(Heartbeat("one", now_ms, epochs=[EpochSpan(EPOCH, 3, 9)])), 3)
        await answered(connection, 1, 2, 3)
        await farm.until("SELECT state FROM node", "online")
        await farm.until("SELECT count(*) FROM node WHERE last_heartbeat_at IS NOT NULL", 1)
    assert farm.rows("SELECT declared_oldest, declared_next, session FROM node_epoch") == [(3, 9, "one")]


async def test_what_a_node_says_while_the_database_is_away_is_written_later(farm: Farm, now_ms: int) -> None:
    async with fake_broker() as broker, running_ingest(farm.url, broker.url):
        connection = await broker.connection()
        connection.deliver(BIRTH, birth("one"), 1)
        connection.deliver(STATUS, encode(Status(State.ONLINE, "one", now_ms)), 2)
        await farm.until("SELECT state FROM node", "online")
        async with await psycopg.AsyncConnection.connect(farm.url) as lock:
            await lock.execute("SELECT FROM node FOR UPDATE")
            connection.deliver(STATUS, encode(Status(State.OFFLINE, "one", now_ms)), 3)
            waiting = (
                "FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND starts_with(application_name, 'siloscope ')"
            )
            await farm.until(f"SELECT count(*) {waiting}", 1)
            await farm.change(f"SELECT pg_terminate_backend(pid) {waiting}")
        await farm.until("SELECT state FROM node", "offline")


async def test_heartbeats_of_unknown_nodes_register_nobody(farm: Farm, now_ms: int) -> None:
    stranger = Topic(NodeName.of("demo", "north-farm", "stranger"), Kind.HEARTBEAT).text()
    async with fake_broker() as broker, running_ingest(farm.url, broker.url):
        connection = await broker.connection()
        connection.deliver(stranger, encode(Heartbeat("one", now_ms)), 1)
        await answered(connection, 1)
    assert farm.value("SELECT count(*) FROM node") == 0
