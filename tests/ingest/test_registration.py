"""How nodes, devices and channels come to be known: by births, or by merely sending."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

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
from siloscope_ingest import registrar as registrar_module
from siloscope_ingest.admission import admitted
from siloscope_ingest.deliveries import Delivery
from siloscope_ingest.intake import Route
from siloscope_process.clock import SystemClock
from siloscope_store import registry
from tests.ingest.conftest import Farm, running_ingest
from tests.ingest.fake_broker import FakeConnection, fake_broker
from tests.ingest.messages import EPOCH, NODE, SAMPLES, birth, pack, relative
from tests.ingest.unplugged import unplugged
from tests.ingest.waiting import eventually

pytestmark = pytest.mark.postgres
BIRTH, HEARTBEAT, STATUS = (Topic(NODE, kind).text() for kind in (Kind.BIRTH, Kind.HEARTBEAT, Kind.STATUS))


@pytest.fixture
def farm(postgres_farm_url: str) -> Farm:
    return Farm(postgres_farm_url)


@pytest.fixture
def now_ms() -> int:
    return SystemClock().now_ms() // 1000 * 1000


async def answered(connection: FakeConnection, *packet_ids: int) -> None:
    await eventually(lambda: sorted(connection.acknowledged) == sorted(packet_ids), lambda: connection.acknowledged)


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


async def test_another_unit_makes_a_channel_that_succeeds_the_old_one(farm: Farm, now_ms: int) -> None:
    async with fake_broker() as broker, running_ingest(farm.url, broker.url):
        connection = await broker.connection()
        for packet_id, unit in enumerate(["Cel", "%RH", "Cel", "K"], start=1):
            message = pack(packet_id, now_ms + packet_id * 1000, 50.0, names=["x"], unit="Cel")
            connection.deliver(SAMPLES, message.replace(b'"Cel"', b'"%s"' % unit.encode()), packet_id)
            await answered(connection, *range(1, packet_id + 1))
    assert farm.rows("SELECT unit, position, retired_at IS NULL, succeeds FROM channel ORDER BY position") == [
        ("Cel", 0, True, None),
        ("%RH", 1, False, 1),
    ]
    found = farm.rows("SELECT unit, value FROM reading ORDER BY time")
    assert [(unit, round(value, 2)) for unit, value in found] == [
        ("Cel", 50.0),
        ("%RH", 50.0),
        ("Cel", 50.0),
        ("Cel", -223.15),
    ]


async def test_a_unit_that_changes_at_one_worker_is_known_to_the_other(farm: Farm, now_ms: int) -> None:
    async with (
        fake_broker() as one,
        fake_broker() as two,
        running_ingest(farm.url, one.url, ingest_worker="one"),
        running_ingest(farm.url, two.url, ingest_worker="two") as other,
    ):
        here, there = await one.connection(), await two.connection()
        here.deliver(SAMPLES, pack(1, now_ms, 1.0), 1)
        await answered(here, 1)
        there.deliver(SAMPLES, pack(2, now_ms + 1, 2.0), 1)
        await answered(there, 1)
        (known,) = other.service._registrar._nodes.values()
        assert known._shapes
        here.deliver(SAMPLES, pack(3, now_ms + 2, 3.0, unit="%RH"), 2)
        await answered(here, 1, 2)
        await eventually(lambda: not known._shapes, lambda: known._shapes)
        there.deliver(SAMPLES, pack(4, now_ms + 3, 4.0), 2)
        await answered(there, 1, 2)
    assert farm.rows("SELECT unit FROM channel WHERE retired_at IS NULL") == [("Cel",)]
    assert farm.rows('SELECT "values" FROM sample ORDER BY "time"') == [([1.0],), ([2.0],), ([None, 3.0],), ([4.0],)]


async def test_channels_that_change_while_they_are_asked_for_are_asked_for_again(
    farm: Farm, now_ms: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with unplugged(farm.url) as worker:
        registrar = worker.service._registrar
        asked: list[str] = []

        def changing(name: str, ask: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
            async def answer(*arguments: Any) -> Any:
                found = await ask(*arguments)
                asked.append(name)
                if asked.count(name) == 1:  # told by another worker while this answer is under way
                    registrar.forget_shapes(1)
                return found

            return answer

        monkeypatch.setattr(registry, "layouts", changing("layouts", registry.layouts))
        monkeypatch.setattr(registrar_module, "admitted", changing("admitted", admitted))
        worker.send(pack(1, now_ms, 1.0), now_ms)
        await worker.settled()
        assert asked == ["admitted", "admitted"]
        (node,) = registrar._nodes.values()
        await registrar._ahead.fill(await registrar._database.connection(), [node.name], registrar._nodes, 1)
        assert not registrar._ahead.knows(1, "bin1-head1")
        await registrar._ahead.fill(await registrar._database.connection(), [node.name], registrar._nodes, 1)
        assert registrar._ahead.knows(1, "bin1-head1")


async def test_a_worker_that_listens_again_forgets_only_what_changed_meanwhile(farm: Farm, now_ms: int) -> None:
    async with fake_broker() as broker, running_ingest(farm.url, broker.url) as ingest:
        connection = await broker.connection()
        for at, node in enumerate(("changed", "same"), start=1):
            topic = Topic(NodeName.of("demo", "north-farm", node), Kind.SAMPLES).text()
            connection.deliver(topic, pack(1, now_ms, 1.0), at)
        await answered(connection, 1, 2)
        nodes = {str(known.name.node): known for known in ingest.service._registrar._nodes.values()}
        assert nodes["changed"]._shapes
        listening = ingest.service._publishing._connection
        assert listening is not None
        with psycopg.connect(farm.url, autocommit=True) as other:  # as another worker does, and tells nobody
            other.execute(
                "UPDATE channel SET retired_at = now() FROM device AS d JOIN node AS n USING (node_id)"
                " WHERE d.device_id = channel.device_id AND n.slug = 'changed'"
            )
            other.execute("SELECT pg_terminate_backend(%s)", (listening.info.backend_pid,))
        await eventually(lambda: not nodes["changed"]._shapes, lambda: nodes["changed"]._shapes)
        assert nodes["same"]._shapes


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


async def test_what_cannot_be_read_registers_nobody(farm: Farm) -> None:
    async with fake_broker() as broker, running_ingest(farm.url, broker.url):
        connection = await broker.connection()
        connection.deliver(SAMPLES, b"[{]", 1)
        await answered(connection, 1)
    assert farm.value("SELECT count(*) FROM node") == 0
    assert farm.value("SELECT count(*) FROM quarantine") == 1


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


async def test_only_a_birth_that_says_something_else_makes_shapes_forgotten(postgres_farm_url: str) -> None:
    asked: list[str] = []
    at_ms = SystemClock().now_ms()
    async with unplugged(postgres_farm_url) as worker:
        park = worker.service._registrar.park

        def noted(route: Route, delivery: Delivery) -> None:
            asked.append(route.topic.kind.value)
            park(route, delivery)

        worker.service._intake._park = noted
        for at, session in enumerate(("one", "two", "three")):
            worker.send(birth(session), at_ms, BIRTH)
            await worker.settled()
            worker.send(pack(at + 1, at_ms + at, 1.0, 2.0), at_ms)
            await worker.settled()
        assert asked.count("samples") == 1
        node = next(iter(worker.service._registrar._nodes.values()))
        worker.service._registrar.forget_shapes(node.node_id)
        assert not node.announced
        worker.send(pack(4, at_ms + 9, 1.0, 2.0), at_ms)
        await worker.settled()
        assert asked.count("samples") == 2


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
