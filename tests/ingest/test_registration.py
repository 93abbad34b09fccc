"""How nodes, devices and channels come to be known by merely sending."""

import pytest

from siloscope_contract.topics import Kind, NodeName, Topic
from siloscope_process.clock import SystemClock
from tests.ingest.conftest import Farm, running_ingest
from tests.ingest.fake_broker import answered, fake_broker
from tests.ingest.messages import BIRTH, SAMPLES, birth, pack, relative

pytestmark = pytest.mark.postgres


async def test_a_plain_device_is_registered_by_its_first_message(farm: Farm) -> None:
    async with fake_broker() as broker, running_ingest(farm.url, broker.url):
        connection = await broker.connection()
        connection.deliver(SAMPLES, relative(20.5), 1)
        await answered(connection, 1)
    assert farm.rows("SELECT slug, kind FROM node") == [("yard-pi", "plain")]
    assert farm.rows("SELECT site, device, channel, quantity, unit, value FROM reading") == [
        ("north-farm", "probe", "temperature", "temperature", "Cel", 20.5)
    ]


async def test_registration_by_sending_can_be_forbidden(farm: Farm) -> None:
    async with fake_broker() as broker, running_ingest(farm.url, broker.url, register_plain_devices=False):
        connection = await broker.connection()
        connection.deliver(SAMPLES, relative(20.5), 1)
        await answered(connection, 1)
        connection.deliver(BIRTH, birth("one"), 2)
        connection.deliver(SAMPLES, pack(1, SystemClock().now_ms(), 1.0), 3)
        await answered(connection, 1, 2, 3)
    assert farm.rows("SELECT reason FROM quarantine") == [("node_unknown",)]
    assert farm.value("SELECT count(*) FROM sample") == 1


async def test_a_node_gets_so_many_devices_by_sending_and_no_more(farm: Farm) -> None:
    async with fake_broker() as broker, running_ingest(farm.url, broker.url, most_devices_per_node=3):
        connection = await broker.connection()
        for packet_id in range(1, 6):
            connection.deliver(SAMPLES, relative(20.5, f"probe{packet_id}"), packet_id)
        await answered(connection, 1, 2, 3, 4, 5)
    assert farm.value("SELECT count(*) FROM device") == 3
    assert farm.rows("SELECT reason FROM quarantine") == [("too_many_devices",)] * 2


async def test_a_group_has_256_positions_and_no_more(farm: Farm, now_ms: int) -> None:
    async with fake_broker() as broker, running_ingest(farm.url, broker.url):
        connection = await broker.connection()
        connection.deliver(SAMPLES, pack(None, now_ms, *[1.0] * 250), 1)
        connection.deliver(SAMPLES, pack(None, now_ms, *[2.0] * 7, names=[f"x{at}" for at in range(7)]), 2)
        connection.deliver(SAMPLES, pack(None, now_ms, *[3.0] * 6, names=[f"y{at}" for at in range(6)]), 3)
        await answered(connection, 1, 2, 3)
    assert farm.rows("SELECT reason FROM quarantine") == [("too_many_channels",)]
    assert farm.value("SELECT count(*) FROM channel") == 256
    assert farm.value('SELECT cardinality("values") FROM sample') == 256


async def test_a_failed_reading_of_an_unknown_channel_is_not_silently_dropped(farm: Farm, now_ms: int) -> None:
    async with fake_broker() as broker, running_ingest(farm.url, broker.url):
        connection = await broker.connection()
        connection.deliver(SAMPLES, pack(1, now_ms, 1.0, None), 1)
        await answered(connection, 1)
        connection.deliver(SAMPLES, pack(2, now_ms + 1000, 1.0, 2.0), 2)
        await answered(connection, 1, 2)
        connection.deliver(SAMPLES, pack(3, now_ms + 2000, 1.0, None), 3)
        await answered(connection, 1, 2, 3)
    assert farm.rows("SELECT reason, seq FROM quarantine") == [("channel_unknown", 1)]
    assert farm.rows("SELECT reason FROM latest_reading ORDER BY channel") == [("good",), ("sensor_missing",)]


async def test_what_cannot_be_read_registers_nobody(farm: Farm) -> None:
    async with fake_broker() as broker, running_ingest(farm.url, broker.url):
        connection = await broker.connection()
        connection.deliver(SAMPLES, b"[{]", 1)
        await answered(connection, 1)
    assert farm.value("SELECT count(*) FROM node") == 0
    assert farm.value("SELECT count(*) FROM quarantine") == 1


async def test_many_nodes_at_once_are_registered_together_but_for_what_is_odd(farm: Farm, now_ms: int) -> None:
    messages = [(f"n{at}", pack(1, now_ms, 1.0, None, 2.0)) for at in range(60)]
    messages += [
        ("n5", pack(2, now_ms + 1, 1.0, device="bin2-head1", unit="hPa")),
        ("changing", pack(1, now_ms, 1.0)),
        ("changing", pack(2, now_ms + 1, 1.0, unit="%RH")),
        ("greedy", pack(None, now_ms, 1.0, device="d1")),
        ("greedy", pack(None, now_ms, 1.0, device="d2")),
        ("greedy", pack(None, now_ms, 1.0, device="d3")),
        ("broken", b"[{"),
    ]
    async with fake_broker() as broker, running_ingest(farm.url, broker.url, most_devices_per_node=2):
        connection = await broker.connection()
        for at, (node, message) in enumerate(messages, start=1):
            topic = Topic(NodeName.of("demo", "north-farm", node), Kind.SAMPLES).text()
            connection.deliver(topic, message, at)
        await answered(connection, *range(1, len(messages) + 1))
    assert farm.value("SELECT count(*) FROM node") == 62
    assert farm.value("SELECT count(*) FROM device") == 64
    assert farm.value("SELECT count(*) FROM sample") == 65
    assert farm.rows("SELECT reason, count(*) FROM quarantine GROUP BY 1 ORDER BY 1") == [
        ("channel_unknown", 60),
        ("malformed", 1),
        ("too_many_devices", 1),
    ]
    assert farm.rows("SELECT DISTINCT key, position FROM channel WHERE key = 't3'") == [("t3", 1)]


async def test_many_unknown_nodes_at_once_are_all_found_again(farm: Farm, now_ms: int) -> None:
    names = [NodeName.of("demo", "north-farm", f"n{at}") for at in range(120)]
    async with fake_broker() as broker:
        for turn in range(2):
            async with running_ingest(farm.url, broker.url):
                connection = await broker.connection()
                for at, name in enumerate(names, start=1):
                    message = pack(turn + 1, now_ms + turn * 1000, 1.0, 2.0)
                    connection.deliver(Topic(name, Kind.SAMPLES).text(), message, at)
                await answered(connection, *range(1, len(names) + 1))
    assert farm.value("SELECT count(*) FROM node") == 120
    assert farm.value("SELECT count(*) FROM channel") == 240
    assert farm.value("SELECT count(*) FROM sample") == 240
    assert farm.value("SELECT count(*) FROM quarantine") == 0
