"""What somebody is told would go, held against the plan that a run carries out."""

from collections import defaultdict
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from psycopg import AsyncConnection, Connection

from siloscope_store.archive import catalogue
from siloscope_store.connections import connect
from siloscope_store.errors import RetentionWrong
from siloscope_store.retention import dropping, plan, policies, preview
from siloscope_store.retention.preview import Going, Wanted
from tests.store.farm import NOW, Farm, Group
from tests.store.retention.conftest import CHANNELS, DAY, OLD, hourly, rolled_up

RAW = Wanted("measurements", "raw")


def counted(farm: Farm, group: Group) -> None:
    """Make the roll-ups of hours and days as far as their numbers go."""
    farm.connection.execute(
        "WITH made AS (SELECT array_agg(DISTINCT date_trunc('hour', \"time\")) AS hours FROM sample) "
        "SELECT ensure_rollup_partitions('rollup_hour', hours) FROM made"
    )
    farm.connection.execute(
        "INSERT INTO rollup_hour (group_id, bucket, samples, counts, minimum, maximum, mean, last) "
        "SELECT group_id, date_trunc('hour', \"time\"), count(*), '{0}', '{0}', '{0}', '{0}', '{0}' "
        "FROM sample WHERE group_id = %s GROUP BY 1, 2",
        (group.group_id,),
    )
    farm.connection.execute(
        "INSERT INTO rollup_day (group_id, day, samples, counts, minimum, maximum, mean, last) "
        "SELECT group_id, (\"time\" AT TIME ZONE 'America/Chicago')::date, count(*), '{0}', '{0}', '{0}', '{0}', '{0}' "
        "FROM sample WHERE group_id = %s GROUP BY 1, 2",
        (group.group_id,),
    )


def planned(connection: Connection[Any], org_id: int) -> dict[tuple[str, str], tuple[int, list[date]]]:
    """Return rows and dates that want a file, by class and level, as the plan has them."""
    found: dict[tuple[str, str], tuple[int, set[date]]] = defaultdict(lambda: (0, set()))
    wanted = plan.plan(connection, at=NOW, archiving=True)
    for loss in wanted.spans:
        for share in loss.shares:
            if share.site.org_id == org_id:
                rows, days = found[share.retention_class, loss.level]
                found[share.retention_class, loss.level] = (rows + share.rows, days | set(share.archive))
    for each in wanted.rows:
        if each.org_id == org_id:
            rows, days = found[each.retention_class, each.level]
            found[each.retention_class, each.level] = (rows + each.rows, days)
    return {name: (rows, sorted(days)) for name, (rows, days) in found.items()}


def told(found: list[Going]) -> dict[tuple[str, str], tuple[int, list[date]]]:
    """Return the same of what was told."""
    return {
        (each.retention_class, each.level): (each.rows, [day.day for day in each.days if not day.archived])
        for each in found
    }


@pytest.mark.parametrize(
    "wanted",
    [
        Wanted("weather", "raw"),
        Wanted("records", "raw"),
        Wanted("measurements", "hour", wishes=True, keep_days=9),
        Wanted("measurements", "raw", wishes=True),
    ],
)
async def test_what_could_not_be_set_is_refused(connection: AsyncConnection[Any], farm: Farm, wanted: Wanted) -> None:
    with pytest.raises(RetentionWrong):
        await preview.going(connection, farm.org_id, wanted, at=NOW)


async def test_it_tells_what_the_plan_tells(
    connection: AsyncConnection[Any], owner: Connection[Any], farm: Farm, foreign: Farm, head: Group
) -> None:
    counted(farm, head)
    theirs = foreign.group("head", CHANNELS)
    foreign.samples(theirs, hourly(OLD, 30))
    assert planned(owner, farm.org_id)["measurements", "raw"][0] == 336
    for level, days in (("raw", 20), ("hour", 40), ("day", 1050)):
        policies.set_policy(owner, "ours", "measurements", "raw", 20)
        policies.set_policy(owner, "ours", "measurements", "m5", 30)
        policies.set_policy(owner, "ours", "measurements", level, days)
    expected = planned(owner, farm.org_id)
    assert set(expected) == {("measurements", level) for level in ("raw", "hour", "day")}
    assert told(await preview.going(connection, farm.org_id, Wanted(), at=NOW)) == expected


async def test_a_wish_is_told_as_if_it_were_set_and_is_not_set(
    connection: AsyncConnection[Any], owner: Connection[Any], farm: Farm
) -> None:
    group = farm.group("head", CHANNELS, interval_s=3600)
    farm.samples(group, hourly(NOW - 40 * DAY, 40 * 24))
    counted(farm, group)
    rolled_up(owner)
    assert not await preview.going(connection, farm.org_id, RAW, at=NOW)
    wish = Wanted("measurements", "raw", wishes=True, keep_days=10)
    (found,) = await preview.going(connection, farm.org_id, wish, at=NOW)
    assert not await preview.going(connection, farm.org_id, RAW, at=NOW)
    policies.set_policy(owner, "ours", "measurements", "raw", 10)
    assert planned(owner, farm.org_id) == told([found])
    assert found.before <= NOW - 10 * DAY < found.before + 7 * DAY
    assert found.site is not None
    assert (found.site.slug, found.first, found.stays) == ("yard", date(2026, 1, 20), [])
    assert [day.day for day in found.days] == [found.first + n * DAY for n in range(len(found.days))]


async def test_its_numbers_are_those_of_the_roll_ups_and_where_there_are_none_those_of_the_rows(
    connection: AsyncConnection[Any], owner: Connection[Any], farm: Farm, head: Group
) -> None:
    counted(farm, head)
    owner.execute("UPDATE rollup_day SET samples = samples + 1000 WHERE day = '2023-03-06'")
    (found,) = await preview.going(connection, farm.org_id, RAW, at=NOW)
    assert found.rows == 1336
    owner.execute("INSERT INTO rollup_touched (group_id, bucket) VALUES (%s, %s)", (head.group_id, OLD))
    (found,) = await preview.going(connection, farm.org_id, RAW, at=NOW)
    assert (found.rows, found.stays) == (336, [plan.NOT_ROLLED_UP])
    owner.execute("DELETE FROM rollup_touched")
    owner.execute("DELETE FROM rollup_progress WHERE level = 'day'")
    (found,) = await preview.going(connection, farm.org_id, RAW, at=NOW)
    assert (found.rows, found.stays) == (336, [plan.NOT_ROLLED_UP])
    assert 336 * 50 < found.size_bytes < 336 * 200


async def test_roll_ups_that_are_gone_themselves_are_not_asked(
    connection: AsyncConnection[Any], owner: Connection[Any], farm: Farm, head: Group
) -> None:
    counted(farm, head)
    owner.execute("DELETE FROM rollup_day WHERE day < '2023-03-10'")
    for level in ("raw", "m5", "hour", "day"):
        policies.set_policy(owner, "ours", "measurements", level, (NOW.date() - date(2023, 3, 16)).days)
    (found,) = await preview.going(connection, farm.org_id, RAW, at=NOW)
    assert found.rows == planned(owner, farm.org_id)["measurements", "raw"][0] == 336


async def test_dates_that_have_a_file_are_told_and_what_went_is_told_no_more(
    connection: AsyncConnection[Any], owner: Connection[Any], farm: Farm, head: Group, tmp_path: Path
) -> None:
    counted(farm, head)
    (found,) = await preview.going(connection, farm.org_id, RAW, at=NOW)
    assert [day.archived for day in found.days] == [False] * 15
    owner.execute(
        "INSERT INTO archive_due (org_id, site_id, retention_class, day, cause) "
        "SELECT org_id, site_id, 'measurements', '2023-03-05', 'restored' FROM site"
    )
    owner.execute(
        "INSERT INTO archive_file (org_id, site_id, retention_class, day, path, final, during) "
        "SELECT org_id, site_id, 'measurements', d, d::text, d <> '2023-03-07', "
        "tstzrange(day_start(d, time_zone), day_start(d + 1, time_zone)) "
        "FROM site, unnest(ARRAY['2023-03-04', '2023-03-05', '2023-03-06', '2023-03-07']::date[]) AS d"
    )
    (found,) = await preview.going(connection, farm.org_id, RAW, at=NOW)
    assert [day.day.day for day in found.days if day.archived] == [4, 6]
    assert told([found]) == planned(owner, farm.org_id)
    owner.execute("DELETE FROM archive_file")
    outcome = dropping.run(owner, at=NOW, directory=tmp_path)
    assert len(outcome.dropped) == 2
    assert not await preview.going(connection, farm.org_id, RAW, at=NOW)


async def test_what_stays_says_why(
    connection: AsyncConnection[Any], owner: Connection[Any], farm: Farm, head: Group
) -> None:
    dropping.run(owner, at=NOW, directory=None)
    owner.execute(
        "INSERT INTO raw_restored (org_id, site_id, retention_class, during, held_until) "
        "SELECT org_id, site_id, 'measurements', tstzrange(%s, %s), %s FROM site",
        (OLD, OLD + DAY, NOW + DAY),
    )
    (found,) = await preview.going(connection, farm.org_id, RAW, at=NOW)
    assert found.stays == [plan.NO_DIRECTORY, plan.RESTORED]
    policies.require_archive(owner, "ours", required=False)
    (found,) = await preview.going(connection, farm.org_id, RAW, at=NOW)
    assert found.stays == [plan.RESTORED]


async def test_records_are_told_of_the_whole_organisation(
    connection: AsyncConnection[Any], owner: Connection[Any], farm: Farm, foreign: Farm
) -> None:
    for each in (farm, foreign):
        owner.execute(
            "INSERT INTO gap_record (org_id, node_id, kind, recorded_index, at) VALUES (%s, %s, 'evicted', 1, %s)",
            (each.org_id, each.node_id, NOW - 400 * DAY),
        )
    wish = Wanted("records", "gaps", wishes=True, keep_days=365)
    (found,) = await preview.going(connection, farm.org_id, wish, at=NOW)
    assert (found.level, found.site, found.rows, found.days) == ("gaps", None, 1, ())
    assert not await preview.going(connection, farm.org_id, Wanted("records"), at=NOW)


@pytest.mark.postgres
async def test_asking_changes_nothing(
    connection: AsyncConnection[Any], migrated_database_url: str, farm: Farm, head: Group
) -> None:
    await connection.execute("SET default_transaction_read_only = on")
    await preview.going(connection, farm.org_id, Wanted("vitals"), at=NOW)
    assert await preview.going(connection, farm.org_id, RAW, at=NOW)
    with connect(migrated_database_url) as other:
        assert not catalogue.files(other)
