"""What the numbers of a node's packs say: accounted for, on their way, lost, refused; folded ranges too."""

from datetime import timedelta
from typing import Any

from psycopg import AsyncConnection, Connection

from siloscope_store import ledger, node_numbers
from siloscope_store.ledger import Declared, RefusedNumber
from tests.store.farm import NOW, Farm

ONE, TWO = "01" * 16, "02" * 16


async def node_ledger(connection: AsyncConnection[Any], farm: Farm) -> node_numbers.NodeLedger:
    found = await node_numbers.node_ledger(connection, farm.org_id, farm.node_id)
    assert found is not None
    return found


async def test_numbers_are_accounted_for_on_their_way_or_lost(
    connection: AsyncConnection[Any], owner: Connection[Any], farm: Farm
) -> None:
    await ledger.prepare(connection)
    async with connection.transaction():
        await ledger.declare(connection, [Declared(farm.node_id, ONE, 40, 20, "s", NOW, NOW + timedelta(hours=1))])
        await ledger.refuse(connection, [RefusedNumber(farm.node_id, ONE, 7, "malformed_gap", "found x, expected y")])
        await ledger.account(connection, ledger.accounted_rows({(farm.node_id, ONE): [(1, 10), (12, 25), (30, 31)]}))
    owner.execute(
        "INSERT INTO gap_record (org_id, node_id, kind, epoch, first_seq, last_seq) "
        "VALUES (%s, %s, 'evicted', %s, 3, 5)",
        (farm.org_id, farm.node_id, ONE),
    )
    found = await node_ledger(connection, farm)
    (epoch,) = found.epochs
    assert epoch.below == 10
    assert epoch.accounted == node_numbers.Numbers(23, [(1, 9), (12, 24), (30, 30)])
    assert epoch.on_its_way == node_numbers.Numbers(14, [(25, 29), (31, 39)])
    assert epoch.lost == node_numbers.Numbers(2, [(10, 11)])
    assert (epoch.declared_lost, epoch.refused) == (3, 1)
    assert (epoch.owed_from, epoch.owed_to) == (NOW, NOW + timedelta(hours=1))
    assert [(each.epoch, each.seq, each.reason) for each in found.refused] == [(ONE, 7, "malformed_gap")]
    assert [(each.kind, each.first_seq, each.last_seq) for each in found.gaps] == [("evicted", 3, 5)]


async def test_an_epoch_that_nobody_speaks_of_any_more_lacks_its_tail(
    connection: AsyncConnection[Any], owner: Connection[Any], farm: Farm
) -> None:
    await ledger.prepare(connection)
    async with connection.transaction():
        await ledger.declare(connection, [Declared(farm.node_id, each, 10, 5, "s") for each in (ONE, TWO)])
        await ledger.account(connection, ledger.accounted_rows({(farm.node_id, each): [(1, 8)] for each in (ONE, TWO)}))
    owner.execute("UPDATE node SET last_heartbeat_at = now() WHERE node_id = %s", (farm.node_id,))
    owner.execute("UPDATE node_epoch SET last_seen_at = now() - INTERVAL '1 day' WHERE epoch = %s", (ONE,))
    old, new = sorted((await node_ledger(connection, farm)).epochs, key=lambda each: each.epoch)
    assert (old.alive, old.on_its_way.count, old.lost.ranges) == (False, 0, [(8, 9)])
    assert (new.alive, new.on_its_way.ranges, new.lost.count) == (True, [(8, 9)], 0)


async def test_ranges_that_were_folded_count_as_the_others(
    connection: AsyncConnection[Any], owner: Connection[Any], farm: Farm
) -> None:
    await ledger.prepare(connection)
    every_second = [(seq, seq + 1) for seq in range(1, 6 * ledger.MOST_RANGES, 2)]
    async with connection.transaction():
        await ledger.account(connection, ledger.accounted_rows({(farm.node_id, ONE): every_second}))
    assert owner.execute("SELECT count(*) > 0 FROM node_epoch_folded").fetchone() == (True,)
    (epoch,) = (await node_ledger(connection, farm)).epochs
    assert epoch.accounted.count == len(every_second)
    assert epoch.lost.count == len(every_second) - 1
    row = owner.execute("SELECT (SELECT count(*) FROM unnest(accounted)) FROM number_ledger").fetchone()
    assert row == (len(every_second),)


async def test_two_starts_alive_at_once_are_told(
    connection: AsyncConnection[Any], owner: Connection[Any], farm: Farm
) -> None:
    owner.execute(
        "INSERT INTO audit (org_id, actor, action, subject, detail) VALUES "
        "(%(org)s, 'ingest', 'epochs_growing_at_once', 'ours/yard/pi', %(epochs)s), "
        "(%(org)s, 'ingest', 'epochs_growing_at_once', 'ours/yard/other', %(epochs)s)",
        {"org": farm.org_id, "epochs": f'{{"epochs": ["{ONE}", "{TWO}"]}}'},
    )
    assert [each.epochs for each in (await node_ledger(connection, farm)).twins] == [[ONE, TWO]]


async def test_another_organisations_node_is_not_there(
    connection: AsyncConnection[Any], farm: Farm, foreign: Farm
) -> None:
    assert await node_numbers.node_ledger(connection, farm.org_id, foreign.node_id) is None
