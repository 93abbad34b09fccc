"""Refused messages: kept with their reason, tried again the way they came, bounded where they come in floods."""

from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from siloscope_contract.births import Birth, ChannelBirth, DeviceBirth, EpochSpan, GroupBirth, Heartbeat, encode
from siloscope_ingest.replays import Replays
from siloscope_process.clock import SystemClock, from_ms
from siloscope_store import shelf
from siloscope_store.connections import connect_async
from siloscope_store.shelf import Wanted
from tests.ingest.conftest import Farm
from tests.ingest.messages import BIRTH, EPOCH, HEARTBEAT, SAMPLES, pack, relative
from tests.ingest.test_process import start
from tests.ingest.unplugged import NOWHERE, Unplugged, unplugged
from tests.ingest.waiting import eventually

pytestmark = pytest.mark.postgres
FOREIGN = "silo/v1/demo/new-farm/pi/samples"


def now_ms() -> int:
    return SystemClock().now_ms() // 60_000 * 60_000


async def replay(url: str, **wanted: Any) -> int:
    async with await connect_async(url, autocommit=True) as connection:
        return await shelf.request_replay(connection, "demo", Wanted(**wanted))


async def refused_for_want_of_a_site(worker: Unplugged, farm: Farm, at_ms: int) -> None:
    worker.send(pack(1, at_ms - 5_000, 20.5), at_ms, FOREIGN)
    worker.send(relative(3.5), at_ms, FOREIGN)
    await worker.settled()
    assert farm.value("SELECT count(*) FROM quarantine WHERE org_id IS NULL") == 2
    await farm.change(
        "INSERT INTO site (org_id, slug, name) SELECT org_id, 'new-farm', 'New' FROM organisation WHERE slug = 'demo'"
    )


async def test_a_message_is_tried_again_as_if_it_came_when_it_first_did(postgres_farm_url: str) -> None:
    farm, at_ms = Farm(postgres_farm_url), now_ms() - 86_400_000
    async with unplugged(postgres_farm_url) as worker:
        await refused_for_want_of_a_site(worker, farm, at_ms)
        assert await replay(postgres_farm_url) == 2
        await farm.until("SELECT count(*) FROM quarantine", 0)
    assert farm.rows("SELECT time FROM sample ORDER BY time") == [(from_ms(at_ms - 5_000),), (from_ms(at_ms),)]
    assert farm.value("SELECT seq_refused FROM seq_refused") is None
    assert farm.value("SELECT accounted::text FROM node_epoch") == "{[1,2)}"


async def test_a_device_without_a_clock_that_says_the_same_again_says_something_new(postgres_farm_url: str) -> None:
    farm, at_ms = Farm(postgres_farm_url), now_ms() - 86_400_000
    async with unplugged(postgres_farm_url) as worker:
        for minute in range(5):
            worker.send(relative(21.5), at_ms + minute * 60_000, FOREIGN)
            worker.send(pack(1, at_ms, 3.5, device="other"), at_ms + minute * 60_000, FOREIGN)
        await worker.settled()
        assert farm.rows("SELECT times_seen FROM quarantine ORDER BY 1") == [(1,), (1,), (1,), (1,), (1,), (5,)]
        async with await connect_async(postgres_farm_url, autocommit=True) as connection:
            shown = [each async for each in shelf.export(connection, None, Wanted())]
        assert {each.message.sha256 for each in shown} == {sha256(each.payload).hexdigest() for each in shown}
        await farm.change(
            "INSERT INTO site (org_id, slug, name) SELECT org_id, 'new-farm', 'N' FROM organisation WHERE slug = 'demo'"
        )
        await replay(postgres_farm_url)
        await farm.until("SELECT count(*) FROM quarantine", 0)
    times = [(from_ms(at_ms + minute * 60_000),) for minute in range(5)]
    assert farm.rows("SELECT time FROM sample ORDER BY time") == sorted([*times, times[0]])


async def test_what_is_refused_again_stays_with_its_new_reason(postgres_farm_url: str) -> None:
    farm, at_ms = Farm(postgres_farm_url), now_ms()
    async with unplugged(postgres_farm_url) as worker:
        worker.send(pack(1, at_ms, 20.0), at_ms)
        torn = pack(2, at_ms, 20.0)[:-1]
        worker.send(torn, at_ms)
        await worker.settled()
        before = farm.rows("SELECT quarantine_id, reason, received_at FROM quarantine")
        await farm.change("UPDATE quarantine SET reason = 'an_old_fault', detail = 'as said by an older version'")
        await replay(postgres_farm_url)
        await farm.until("SELECT count(*) FROM quarantine WHERE replayed_at IS NOT NULL", 1)
        assert farm.rows("SELECT quarantine_id, reason, received_at FROM quarantine") == before
        assert farm.rows("SELECT times_seen, replay_requested_at FROM quarantine") == [(1, None)]


async def test_a_number_that_was_refused_is_stored_at_last(postgres_farm_url: str) -> None:
    farm, at_ms = Farm(postgres_farm_url), now_ms()
    async with unplugged(postgres_farm_url) as worker:
        worker.send(pack(1, at_ms - 1_000, 20.0), at_ms)
        await worker.settled()
        # As an older version left it that did not know this unit.
        await farm.change("INSERT INTO seq_refused SELECT node_id, epoch, 2, 'unknown_unit', '' FROM node_epoch")
        await farm.change("UPDATE node_epoch SET accounted = '{[1,3)}'")
        farm.rows(
            "INSERT INTO quarantine (org_id, node_id, topic, payload, reason, epoch, seq, payload_sha256, received_at)"
            " SELECT org_id, node_id, %s, %s::bytea, 'unknown_unit', %s::uuid, 2, 'x', to_timestamp(%s::float8)"
            " FROM node RETURNING 1",
            *(SAMPLES, pack(2, at_ms, 21.0), EPOCH, at_ms / 1000),
        )
        assert await replay(postgres_farm_url, reason="unknown_unit") == 1
        await farm.until("SELECT count(*) FROM quarantine", 0)
    assert farm.value("SELECT count(*) FROM seq_refused") == 0
    assert farm.value("SELECT count(*) FROM sample") == 2
    assert farm.value("SELECT accounted::text FROM node_epoch") == "{[1,3)}"


async def test_a_worker_killed_between_store_and_answer_tries_again_without_harm(postgres_farm_url: str) -> None:
    farm, at_ms = Farm(postgres_farm_url), now_ms()
    async with unplugged(postgres_farm_url) as worker:
        await refused_for_want_of_a_site(worker, farm, at_ms)
    await replay(postgres_farm_url)
    # Handed in by a worker that dies at once: nothing is committed, nothing is forgotten.
    handed: list[object] = []
    async with await connect_async(postgres_farm_url, autocommit=True) as connection:
        await Replays(handed.append, lambda: False).look(connection)
    assert len(handed) == 2
    assert farm.value("SELECT count(*) FROM quarantine WHERE replay_requested_at IS NOT NULL") == 2
    async with unplugged(postgres_farm_url) as worker, unplugged(postgres_farm_url) as other:
        await farm.until("SELECT count(*) FROM quarantine", 0)
        assert not worker.acknowledged
        assert not other.acknowledged
    assert farm.value("SELECT count(*) FROM sample") == 2


async def test_a_flood_is_counted_and_its_numbers_are_accounted_for(postgres_farm_url: str) -> None:
    farm, at_ms = Farm(postgres_farm_url), now_ms()
    async with unplugged(postgres_farm_url, quarantined_a_minute=10) as worker:
        for seq in range(1, 201):
            worker.send(pack(seq, at_ms, 20.0, names=["x"])[:-2] + b",{}", at_ms)
        worker.send(pack(201, at_ms, 20.0), at_ms)
        await worker.settled()
        assert farm.value("SELECT count(*) FROM quarantine") == 10
        assert farm.rows("SELECT reason, messages FROM quarantine_withheld") == [("malformed", 190)]
        worker.send(b"[{", at_ms + 60_000)  # another minute
        await worker.settled()
        assert farm.value("SELECT count(*) FROM quarantine") == 11
    assert farm.value("SELECT count(*) FROM sample") == 1


async def test_a_topic_that_is_longer_than_any_index_is_no_reason_to_keep_nothing(postgres_farm_url: str) -> None:
    farm, at_ms = Farm(postgres_farm_url), now_ms()
    endless = FOREIGN.replace("new-farm", "".join(sha256(bytes([at])).hexdigest() for at in range(200)))
    async with unplugged(postgres_farm_url) as worker:
        worker.send(relative(3.5), at_ms, endless)
        worker.send(pack(1, at_ms, 20.0), at_ms)
        await worker.settled()
    assert farm.value("SELECT topic FROM quarantine") == endless[:1000]
    assert farm.value("SELECT count(*) FROM sample") == 1


async def test_the_same_message_again_is_counted_with_when_it_came_last(postgres_farm_url: str) -> None:
    farm, at_ms = Farm(postgres_farm_url), now_ms()
    async with unplugged(postgres_farm_url) as worker:
        for later in range(3):
            worker.send(b"[{", at_ms + later * 1_000)
        await worker.settled()
    found = farm.rows("SELECT times_seen, received_at, last_seen_at FROM quarantine")
    assert found == [(3, from_ms(at_ms), from_ms(at_ms + 2_000))]


async def test_a_transaction_that_fails_leaves_the_row_and_no_sample(postgres_farm_url: str) -> None:
    farm, at_ms = Farm(postgres_farm_url), now_ms()
    async with unplugged(postgres_farm_url) as worker:
        await refused_for_want_of_a_site(worker, farm, at_ms)
    # The row is to go in the transaction that stores the samples: so where it cannot go, nothing is stored.
    await farm.change(
        "CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "RAISE EXCEPTION 'held' USING ERRCODE = 'admin_shutdown'; END $$"
    )
    await farm.change("CREATE TRIGGER hold BEFORE DELETE ON quarantine FOR EACH ROW EXECUTE FUNCTION hold()")
    await replay(postgres_farm_url)
    async with unplugged(postgres_farm_url) as worker:
        await eventually(lambda: worker.metrics.retries._value.get() >= 2, lambda: worker.metrics.retries._value.get())
        assert farm.value("SELECT count(*) FROM sample") == 0
        assert farm.value("SELECT count(*) FROM quarantine WHERE replay_requested_at IS NOT NULL") == 2
        await farm.change("DROP TRIGGER hold ON quarantine")
        await farm.until("SELECT count(*) FROM quarantine", 0)
    assert farm.value("SELECT count(*) FROM sample") == 2


async def test_a_worker_ended_by_sigkill_while_it_tries_messages_again_stores_each_once(
    postgres_farm_url: str, tmp_path: Path
) -> None:
    farm, at_ms = Farm(postgres_farm_url), now_ms() - 86_400_000
    async with unplugged(postgres_farm_url, quarantined_a_minute=1_000) as worker:
        for seq in range(1, 151):
            worker.send(pack(seq, at_ms + seq * 1_000, 20.0), at_ms + seq * 1_000, FOREIGN)
            worker.send(relative(seq / 10), at_ms + seq * 1_000 + 500, FOREIGN)
        await worker.settled()
    await farm.change(
        "INSERT INTO site (org_id, slug, name) SELECT org_id, 'new-farm', 'New' FROM organisation WHERE slug = 'demo'"
    )
    assert await replay(postgres_farm_url) == 300
    for killed, left in enumerate(("SELECT count(*) < 250 FROM quarantine", "SELECT count(*) < 150 FROM quarantine")):
        process = await start(tmp_path / f"{killed}.log", database_url=farm.url, mqtt_url=NOWHERE)
        try:
            await farm.until(left, True)
        finally:
            process.process.kill()  # amid the next fifty
            await process.process.wait()
        await replay(postgres_farm_url)  # and told to do so again, by somebody who lost patience
    async with unplugged(postgres_farm_url):
        await farm.until("SELECT count(*) FROM quarantine", 0)
    assert farm.rows("SELECT count(*), count(DISTINCT (group_id, time)) FROM sample") == [(300, 300)]
    assert farm.value("SELECT accounted::text FROM node_epoch") == "{[1,151)}"
    assert farm.value("SELECT count(*) FROM seq_refused") == 0
    assert farm.value("SELECT count(*) FROM sample_conflict") == 0


def birth_of(session: str, device: str, keys: list[str], *epochs: EpochSpan) -> bytes:
    groups = [GroupBirth("main", 10, channels=[ChannelBirth(key, "temperature", "Cel") for key in keys])]
    return encode(Birth(session=session, epochs=list(epochs), devices=[DeviceBirth(device, groups=groups)]))


def heartbeat(following: int) -> bytes:
    return encode(Heartbeat("new", now_ms(), epochs=[EpochSpan(EPOCH, 1, following)]))


async def test_a_birth_is_registered_when_what_stood_in_its_way_is_gone(postgres_farm_url: str) -> None:
    farm, at_ms = Farm(postgres_farm_url), now_ms()
    async with unplugged(postgres_farm_url) as worker:
        for session, letter in (("s1", "a"), ("s2", "b")):
            worker.send(birth_of(session, "head", [f"{letter}{at}" for at in range(200)]), at_ms, BIRTH)
        await worker.settled()
        assert farm.rows("SELECT reason FROM quarantine") == [("too_many_channels",)]
        await replay(postgres_farm_url)
        await farm.until("SELECT count(*) FROM quarantine WHERE replayed_at IS NOT NULL", 1)
        await farm.change("DELETE FROM channel")
        await replay(postgres_farm_url)
        await farm.until("SELECT count(*) FROM quarantine", 0)
    assert farm.value("SELECT count(*) FROM channel WHERE key LIKE 'b%%'") == 200


async def test_what_told_how_a_node_was_says_nothing_of_how_it_is(postgres_farm_url: str) -> None:
    """An old birth that is tried again would end what is expected of devices that it does not know."""
    farm, at_ms = Farm(postgres_farm_url), now_ms()
    async with unplugged(postgres_farm_url) as worker:
        worker.send(birth_of("old", "gone", ["t1"])[:-1], at_ms - 3_600_000, BIRTH)
        worker.send(heartbeat(4)[:-1], at_ms - 3_600_000, HEARTBEAT)
        await worker.settled()
        worker.send(birth_of("new", "head", ["t1"], EpochSpan(EPOCH, 90, 100)), at_ms, BIRTH)
        await worker.settled()
        # As an older version left them that could not read these.
        for complete in (birth_of("old", "gone", ["t1"], EpochSpan(EPOCH, 1, 10)), heartbeat(4)):
            farm.rows("UPDATE quarantine SET payload = %s WHERE payload = %s RETURNING 1", complete, complete[:-1])
        await replay(postgres_farm_url)
        await farm.until("SELECT count(*) FROM quarantine", 0)
        worker.send(heartbeat(101), at_ms, HEARTBEAT)
        await farm.until("SELECT declared_next FROM node_epoch", 101)
    assert farm.rows("SELECT session, until FROM group_expectation") == [("new", None)]
    assert farm.rows("SELECT slug FROM device") == [("head",)]
    assert farm.rows("SELECT session FROM node") == [("new",)]
