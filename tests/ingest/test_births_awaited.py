"""Numbered packs that overtake the birth that names what they carry: stored once, in the group that it names."""

import psycopg
import pytest

from siloscope_contract.births import Birth, ChannelBirth, DeviceBirth, GroupBirth, RetentionClass, encode
from siloscope_ingest.births_awaited import BirthsAwaited
from siloscope_ingest.nodes import AGENT, KnownNode
from siloscope_store import credentials
from siloscope_store.registry import Node
from tests.ingest.conftest import Farm, running_ingest
from tests.ingest.fake_broker import answered, fake_broker
from tests.ingest.messages import BIRTH, NODE, SAMPLES, birth, pack

MINUTE_MS = 60_000


def node(node_id: int = 1) -> KnownNode:
    return KnownNode(Node(node_id, 1, NODE, AGENT))


def test_a_pack_waits_so_long_and_no_longer() -> None:
    awaited = BirthsAwaited(60)
    assert [awaited.must_wait(node(), "agent", ("cpu",), at) for at in (0, 59_999, MINUTE_MS, 9 * MINUTE_MS)] == [
        True,
        True,
        False,
        False,
    ]


def test_each_set_of_channels_waits_by_itself() -> None:
    awaited = BirthsAwaited(60)
    awaited.must_wait(node(), "agent", ("cpu",), 0)
    assert not awaited.must_wait(node(), "agent", ("cpu",), MINUTE_MS)
    assert awaited.must_wait(node(), "agent", ("cpu", "disk"), MINUTE_MS)
    assert awaited.must_wait(node(), "head", ("cpu",), MINUTE_MS)
    assert awaited.must_wait(node(2), "agent", ("cpu",), MINUTE_MS)


def test_who_asks_again_after_long_waits_anew_and_a_clock_put_back_is_no_matter() -> None:
    awaited = BirthsAwaited(60)
    awaited.must_wait(node(), "agent", ("cpu",), 100 * MINUTE_MS)
    assert not awaited.must_wait(node(), "agent", ("cpu",), 101 * MINUTE_MS)
    assert awaited.must_wait(node(), "agent", ("cpu",), 162 * MINUTE_MS)
    assert awaited.must_wait(node(), "agent", ("cpu",), 5 * MINUTE_MS)
    assert not awaited.must_wait(node(), "agent", ("cpu",), 6 * MINUTE_MS)


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("siloscope_ingest.births_awaited._MOST", 2)
    awaited = BirthsAwaited(60)
    for device in ("a", "b", "c"):
        awaited.must_wait(node(), device, ("cpu",), 0)
    assert not awaited.must_wait(node(), "c", ("cpu",), MINUTE_MS)
    assert awaited.must_wait(node(), "a", ("cpu",), MINUTE_MS)


def birth_with_agent(session: str) -> bytes:
    """The birth of a node that tells how it is itself."""
    channel = ChannelBirth("cpu", "temperature", "Cel")
    vitals = DeviceBirth("agent", "agent", "Edge agent", [GroupBirth("vitals", 60, RetentionClass.VITALS, [channel])])
    return encode(Birth(session=session, software="edge 1.0", devices=[vitals]))


def stored(farm: Farm) -> list[tuple[object, ...]]:
    return farm.rows(
        "SELECT d.slug, g.key, g.retention_class, c.key, c.retired_at IS NULL FROM channel AS c"
        " JOIN device AS d USING (device_id) JOIN sample_group AS g USING (group_id) WHERE d.slug = 'agent'"
    )


@pytest.mark.postgres
@pytest.mark.parametrize("known_by", ["birth", "credential"])
async def test_a_pack_that_overtook_its_birth_is_stored_once_and_in_the_group_that_it_names(
    farm: Farm, now_ms: int, known_by: str
) -> None:
    vitals = [pack(seq, now_ms + seq * 1000, 20.5, device="agent", names=("cpu",)) for seq in (1, 2)]
    if known_by == "credential":
        with psycopg.connect(farm.url) as database:
            credentials.add(database, "node", "n.1", org=NODE.org, site=NODE.site, node=NODE.node)
    async with fake_broker() as broker, running_ingest(farm.url, broker.url) as ingest:
        connection = await broker.connection()
        if known_by == "birth":
            connection.deliver(BIRTH, birth("one"), 1)
            await answered(connection, 1)
            connection.acknowledged.clear()
        for packet_id, message in enumerate([*vitals, *vitals], start=2):
            connection.deliver(SAMPLES, message, packet_id)
        await answered(connection, 2, 3, 4, 5)
        assert farm.value("SELECT count(*) FROM node_epoch WHERE accounted IS NOT NULL AND NOT isempty(accounted)") == 0
        assert farm.value("SELECT count(*) FROM quarantine") == 0
        assert ingest.service.metrics.awaiting_births._value.get() == 4
        assert stored(farm) == []
        connection.deliver(BIRTH, birth_with_agent("two"), 6)
        for packet_id, message in enumerate(vitals, start=7):
            connection.deliver(SAMPLES, message, packet_id)
        await answered(connection, 2, 3, 4, 5, 6, 7, 8)
    assert stored(farm) == [("agent", "vitals", "vitals", "cpu", True)]
    assert farm.value("SELECT count(*) FROM sample") == 0
    assert farm.value("SELECT count(*) FROM sample_vitals") == 2
    assert farm.value("SELECT accounted::text FROM node_epoch") == "{[1,3)}"


@pytest.mark.postgres
async def test_failed_readings_that_overtook_their_birth_wait_for_it_too(farm: Farm, now_ms: int) -> None:
    failed = pack(1, now_ms, None, device="agent", names=("cpu",))
    async with fake_broker() as broker, running_ingest(farm.url, broker.url):
        connection = await broker.connection()
        connection.deliver(BIRTH, birth("one"), 1)
        connection.deliver(SAMPLES, failed, 2)
        await answered(connection, 1, 2)
        assert farm.value("SELECT count(*) FROM quarantine") == 0
        connection.deliver(BIRTH, birth_with_agent("two"), 3)
        connection.deliver(SAMPLES, failed, 4)
        await answered(connection, 1, 2, 3, 4)
    assert farm.rows("SELECT values, quality FROM sample_vitals") == [([None], [202])]
    assert farm.value("SELECT accounted::text FROM node_epoch") == "{[1,2)}"


@pytest.mark.postgres
async def test_what_no_birth_names_is_taken_when_the_wait_is_over(farm: Farm, now_ms: int) -> None:
    """A device that is in the spool and not in the configuration any more."""
    old = pack(1, now_ms, 20.5, device="agent", names=("cpu",))
    async with fake_broker() as broker, running_ingest(farm.url, broker.url, birth_wait_s=0.05):
        connection = await broker.connection()
        connection.deliver(BIRTH, birth("one"), 1)
        connection.deliver(SAMPLES, old, 2)
        await answered(connection, 1, 2)
        packet_id = 3
        while farm.value("SELECT count(*) FROM sample") == 0:
            connection.deliver(SAMPLES, old, packet_id)
            await answered(connection, *range(1, packet_id + 1))
            packet_id += 1
    assert stored(farm) == [("agent", "main", "measurements", "cpu", True)]
    assert farm.value("SELECT accounted::text FROM node_epoch") == "{[1,2)}"


@pytest.mark.postgres
async def test_a_node_that_never_announces_itself_waits_for_nothing(farm: Farm, now_ms: int) -> None:
    async with fake_broker() as broker, running_ingest(farm.url, broker.url):
        connection = await broker.connection()
        connection.deliver(SAMPLES, pack(1, now_ms, 20.5), 1)
        connection.deliver(SAMPLES, pack(2, now_ms, 20.5, device="other"), 2)
        await answered(connection, 1, 2)
    assert farm.value("SELECT accounted::text FROM node_epoch") == "{[1,3)}"
    assert farm.value("SELECT kind FROM node") == "plain"


@pytest.mark.postgres
async def test_an_unnumbered_message_waits_for_nothing_for_it_would_not_come_again(farm: Farm, now_ms: int) -> None:
    async with fake_broker() as broker, running_ingest(farm.url, broker.url):
        connection = await broker.connection()
        connection.deliver(BIRTH, birth("one"), 1)
        connection.deliver(SAMPLES, pack(None, now_ms, 20.5, device="agent", names=("cpu",)), 2)
        await answered(connection, 1, 2)
    assert farm.value("SELECT count(*) FROM sample") == 1


@pytest.mark.postgres
async def test_a_birth_that_another_worker_is_registering_is_waited_for(farm: Farm, now_ms: int) -> None:
    """Else the channel that it puts into its group would be retired for one in the default group."""
    async with fake_broker() as broker, running_ingest(farm.url, broker.url, birth_wait_s=0):
        connection = await broker.connection()
        connection.deliver(BIRTH, birth("one"), 1)
        await answered(connection, 1)
        device_id = farm.value("SELECT device_id FROM device")
        with psycopg.connect(farm.url) as other:
            other.execute("SELECT FROM device WHERE device_id = %s FOR NO KEY UPDATE", (device_id,))
            other.execute(
                "INSERT INTO channel (org_id, group_id, device_id, key, quantity, unit, position)"
                " SELECT org_id, group_id, device_id, 'cpu', 'temperature', 'Cel', 1 FROM sample_group"
                " WHERE key = 'vitals'"
            )
            connection.deliver(SAMPLES, pack(1, now_ms, 20.5, names=("cpu",)), 2)
            await farm.until("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'", 1)
            other.commit()
        await answered(connection, 1, 2)
    assert farm.rows(
        "SELECT g.key, c.retired_at IS NULL FROM channel AS c JOIN sample_group AS g USING (group_id)"
        " WHERE c.key = 'cpu'"
    ) == [("vitals", True)]
    assert farm.value("SELECT count(*) FROM sample_vitals") == 1
