"""What evaluators read: changes behind a snapshot, marks, samples again, channels, and what ingest says of itself."""

from datetime import timedelta
from typing import Any

import pytest
from psycopg import AsyncConnection, Connection

from siloscope_contract.births import ChannelBirth, DeviceBirth, GroupBirth
from siloscope_store import alert_catalogue, alert_feed, alert_history, alert_late, ingest_presence
from siloscope_store.alert_history import Span
from siloscope_store.connections import connect_async
from siloscope_store.errors import CursorMalformed
from siloscope_store.registry import register_birth
from siloscope_store.sample_rows import float_array
from tests.store.farm import NOW, Farm, Group

CHANNELS = [("t1", "temperature", "Cel"), ("t2", "temperature", "Cel")]
LENGTH_BYTES = 4
Async = AsyncConnection[Any]


async def news_since(connection: Async, snapshot: str | None, **also: Any) -> alert_feed.RawNews:
    async with alert_feed.look(connection):
        return await alert_feed.news_since(connection, snapshot, **also)


@pytest.fixture
def group(farm: Farm) -> Group:
    return farm.group("cable", CHANNELS)


async def test_the_first_look_tells_all_and_the_next_what_changed(connection: Async, farm: Farm, group: Group) -> None:
    other = farm.group("other", CHANNELS)
    farm.latest(group, NOW, [1.0, None], [None, 201])
    farm.latest(other, NOW, [1.0, 2.0])
    first = await news_since(connection, None)
    assert [each.group_id for each in first.groups] == [group.group_id, other.group_id]
    farm.latest(group, NOW + timedelta(seconds=10), [3.0, 4.0])
    second = await news_since(connection, first.snapshot, generation=first.generation)
    (changed,) = second.groups
    assert (changed.group_id, changed.values) == (group.group_id, float_array([3.0, 4.0])[LENGTH_BYTES:])
    assert changed.quality is None
    assert (await news_since(connection, second.snapshot)).groups == []


async def test_a_row_that_commits_late_is_told_after_its_commit(
    connection: Async, migrated_database_url: str, farm: Farm, group: Group
) -> None:
    farm.latest(group, NOW, [1.0, 2.0])
    before = await news_since(connection, None)
    async with await connect_async(migrated_database_url, autocommit=True) as slow:
        async with slow.transaction():
            await slow.execute("UPDATE latest SET changed_by = pg_current_xact_id()")
            during = await news_since(connection, before.snapshot)
        after = await news_since(connection, during.snapshot)
    assert (len(during.groups), len(after.groups)) == (0, 1)


async def test_of_another_store_everything_is_told(connection: Async, farm: Farm, group: Group) -> None:
    farm.latest(group, NOW, [1.0, 2.0])
    first = await news_since(connection, None)
    found = await news_since(connection, first.snapshot, generation="another")
    assert len(found.groups) == 1


@pytest.mark.parametrize("cursor", ["", "now", "1:2", "1:0:", "'; DROP TABLE latest"])
async def test_a_cursor_that_is_none_is_refused(connection: Async, cursor: str) -> None:
    with pytest.raises(CursorMalformed):
        await news_since(connection, cursor)


async def test_nodes_and_marks_are_told_only_where_they_are_asked_for(connection: Async, farm: Farm) -> None:
    found = await news_since(connection, None, chores=False)
    assert (found.nodes, found.marks) == (None, None)
    (node,) = (await news_since(connection, None)).nodes or ()
    assert (node.node_id, node.owes) == (farm.node_id, False)


@pytest.mark.parametrize(("accounted", "owes"), [("{[0,5)}", True), ("{[0,10)}", False), ("{[3,10)}", False)])
async def test_a_node_that_says_that_it_holds_more_owes(
    connection: Async, owner: Connection[Any], farm: Farm, accounted: str, owes: bool
) -> None:
    owner.execute(
        "INSERT INTO node_epoch (node_id, epoch, accounted, declared_oldest, declared_next, last_seen_at) "
        "VALUES (%s, gen_random_uuid(), %s, 3, 10, now())",
        (farm.node_id, accounted),
    )
    (node,) = (await news_since(connection, None)).nodes or ()
    assert node.owes is owes


async def test_exactly_the_marks_that_were_seen_are_taken(
    connection: Async, owner: Connection[Any], group: Group
) -> None:
    mark = "INSERT INTO alert_late_mark (group_id, bucket) VALUES (%s, %s)"
    owner.execute(mark, (group.group_id, NOW))
    seen = await alert_late.marks(connection)
    owner.execute(mark, (group.group_id, NOW))
    await alert_late.take(connection, seen)
    (left,) = await alert_late.marks(connection)
    assert left.place != seen[0].place


async def test_late_samples_are_marked_once_somebody_has_rules(
    connection: Async, owner: Connection[Any], farm: Farm, group: Group
) -> None:
    late = (
        "INSERT INTO sample_late (group_id, bucket, samples) VALUES (%s, %s, 1) "
        "ON CONFLICT (group_id, bucket) DO UPDATE SET samples = 2"
    )
    owner.execute(late, (group.group_id, NOW))
    assert await alert_late.marks(connection) == []
    owner.execute("INSERT INTO alert_rule (org_id, slug) VALUES (%s, 'hot')", (farm.org_id,))
    owner.execute(late, (group.group_id, NOW))  # counted again
    owner.execute(late, (group.group_id, NOW + timedelta(minutes=15)))  # the first of its quarter of an hour
    assert len(await alert_late.marks(connection)) == 2


async def test_samples_are_read_within_the_bounds_of_each_group(connection: Async, farm: Farm, group: Group) -> None:
    vitals = farm.group("agent", CHANNELS, retention_class="vitals")
    times = [NOW - timedelta(minutes=minute) for minute in (3, 2, 1)]
    farm.samples(group, [(at, [1.0, 2.0], None) for at in times])
    farm.samples(vitals, [(at, [5.0, 6.0], [0, 100]) for at in times], "sample_vitals")
    spans = [Span(group.group_id, times[1], times[2]), Span(vitals.group_id, times[0], NOW)]
    found = await alert_history.samples_between(connection, spans)
    assert [each.group_id for each in found] == [group.group_id] + [vitals.group_id] * 3
    assert found[0].values == float_array([1.0, 2.0])[LENGTH_BYTES:]
    assert found[0].quality is None
    assert found[1].quality is not None
    assert await alert_history.samples_between(connection, []) == []


async def test_a_channel_comes_with_its_place_and_allowance(connection: Async, farm: Farm, group: Group) -> None:
    farm.put(farm.place("bin-7"), "cable", "t1", cable=2, level=3)
    first, second = await alert_catalogue.channels(connection)
    assert (first.place, first.place_kind, first.cable, first.level) == ("bin-7", "bin", 2, 3)
    assert (second.place, first.allowance_s, first.interval_s) == (None, 60.0, 10.0)
    assert (await alert_catalogue.names(connection))["place", first.place_id or 0] == "Bin-7"


async def test_a_birth_may_say_how_late_its_samples_may_come(connection: Async, farm: Farm) -> None:
    channels = [ChannelBirth("t1", "temperature", "Cel")]
    for delivery_s in (7_200.0, None):  # a birth that does not say it leaves what an earlier one said
        birth = DeviceBirth("hourly", groups=[GroupBirth("main", 600, channels=channels, delivery_s=delivery_s)])
        await register_birth(connection, farm.node_id, birth)
        (found,) = await alert_catalogue.channels(connection)
        assert found.allowance_s == 7_200


async def test_what_changes_among_channels_is_noticed(connection: Async, farm: Farm, group: Group) -> None:
    prints = [await alert_catalogue.fingerprint(connection)]
    place_id = farm.place("bin-7")
    for change in (
        lambda: farm.put(place_id, "cable", "t1"),
        lambda: farm.group("new", CHANNELS),
        lambda: farm.connection.execute("UPDATE channel SET retired_at = now() WHERE key = 't2'"),
        lambda: farm.connection.execute("UPDATE sample_group SET interval_s = 77"),
        lambda: farm.connection.execute("UPDATE place SET attributes = '{\"fill_level\": 4}'"),
    ):
        change()
        prints.append(await alert_catalogue.fingerprint(connection))
    assert len(set(prints)) == 6
    assert prints[-1] == await alert_catalogue.fingerprint(connection)


async def test_workers_that_said_nothing_for_a_day_are_forgotten(connection: Async, owner: Connection[Any]) -> None:
    for worker in ("one", "two"):
        await ingest_presence.note(connection, worker, broker_connected=True, lag_s=1.5)
    owner.execute("UPDATE ingest_presence SET seen_at = now() - interval '25 hours' WHERE worker = 'one'")
    await ingest_presence.forget(connection)
    assert [each.worker for each in await ingest_presence.told(await ingest_presence.ask(connection))] == ["two"]
