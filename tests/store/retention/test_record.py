"""What a run says of itself: whether it had an archive, and what it let go."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

from psycopg import AsyncConnection, Connection

from siloscope_store.retention import dropping, plan, policies, record
from siloscope_store.retention.record import Run
from tests.store.farm import NOW, Farm, Group
from tests.store.retention.conftest import CHANNELS, DAY, OLD, hourly, rolled_up

HOUR = timedelta(hours=1)


async def test_the_last_run_says_whether_it_had_an_archive(
    connection: AsyncConnection[Any], owner: Connection[Any], tmp_path: Path
) -> None:
    assert await record.last_run(connection) is None
    dropping.run(owner, at=NOW, directory=tmp_path)
    assert await record.last_run(connection) == Run(NOW, archiving=True)
    dropping.run(owner, at=NOW + HOUR, directory=None)
    assert await record.last_run(connection) == Run(NOW + HOUR, archiving=False)


async def test_a_run_that_lets_nothing_go_records_no_loss(
    connection: AsyncConnection[Any], owner: Connection[Any], farm: Farm, head: Group
) -> None:
    dropping.run(owner, at=NOW, directory=None)
    assert not await record.losses(connection, farm.org_id, limit=9)


async def test_what_is_dropped_whole_is_recorded_once_a_site_as_the_plan_had_it(
    connection: AsyncConnection[Any], owner: Connection[Any], farm: Farm, foreign: Farm, head: Group, tmp_path: Path
) -> None:
    foreign.samples(foreign.group("head", CHANNELS), hourly(OLD, 5))
    rolled_up(owner)
    shares = [share for loss in plan.plan(owner, at=NOW, archiving=True).spans for share in loss.shares]
    dropping.run(owner, at=NOW, directory=tmp_path)
    (loss,) = await record.losses(connection, farm.org_id, limit=9)
    assert (loss.gone_at, loss.retention_class, loss.level, loss.site) == (NOW, "measurements", "raw", "yard")
    assert (loss.rows, loss.first_time, loss.last_time) == (336, OLD, OLD + 14 * DAY - HOUR)
    assert loss.size_bytes == sum(share.size_bytes for share in shares if share.site.org_id == farm.org_id)
    assert loss.archived
    (theirs,) = await record.losses(connection, foreign.org_id, limit=9)
    assert theirs.rows == 5
    assert not await record.losses(connection, farm.org_id, limit=9, below=loss.loss_id)


async def test_what_is_deleted_row_by_row_is_recorded_as_it_goes(
    connection: AsyncConnection[Any], owner: Connection[Any], farm: Farm, foreign: Farm, head: Group
) -> None:
    foreign.samples(foreign.group("head", CHANNELS), hourly(OLD, 14 * 24))
    for level in ("day", "hour", "m5", "raw"):
        policies.set_policy(owner, "theirs", "measurements", level, None)
    policies.require_archive(owner, "ours", required=False)
    rolled_up(owner)
    outcome = dropping.run(owner, at=NOW, directory=None)
    assert (outcome.dropped, outcome.deleted_rows) == ([], 336)
    (loss,) = await record.losses(connection, farm.org_id, limit=9)
    assert (loss.rows, loss.archived) == (336, False)
    assert not await record.losses(connection, foreign.org_id, limit=9)


async def test_days_and_records_are_recorded_and_a_later_run_adds_a_line(
    connection: AsyncConnection[Any], owner: Connection[Any], farm: Farm
) -> None:
    group = farm.group("head", CHANNELS)
    owner.execute(
        "INSERT INTO rollup_day (group_id, day, samples, counts, minimum, maximum, mean, last) "
        "SELECT %s, d, 1, '{0}', '{0}', '{0}', '{0}', '{0}' "
        "FROM generate_series(DATE '2025-01-01', '2025-01-10', '1 day') AS d",
        (group.group_id,),
    )
    owner.execute(
        "INSERT INTO gap_record (org_id, node_id, kind, recorded_index, at) VALUES (%s, %s, 'evicted', 1, %s)",
        (farm.org_id, farm.node_id, OLD - 3000 * DAY),
    )
    dropping.run(owner, at=NOW, directory=None)
    for level in ("raw", "m5", "hour", "day"):
        policies.set_policy(owner, "ours", "measurements", level, (NOW.date() - date(2025, 1, 5)).days)
    dropping.run(owner, at=NOW + HOUR, directory=None)
    days, gaps = await record.losses(connection, farm.org_id, limit=9)
    assert (gaps.level, gaps.rows, gaps.site_id, gaps.archived) == ("gaps", 1, None, False)
    assert (days.level, days.rows, days.gone_at, days.last_time.date()) == ("day", 4, NOW + HOUR, date(2025, 1, 4))
