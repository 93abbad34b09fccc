"""How long what is kept, set by several people: each sees what he changes, and who changed it last."""

from typing import Any

import pytest
from psycopg import AsyncConnection, Connection

from siloscope_store import audit
from siloscope_store.connections import connect_async
from siloscope_store.errors import RetentionWrong, VersionChanged
from siloscope_store.retention import policies, setting
from siloscope_store.retention.setting import Kept, Wish
from tests.store.farm import Farm

pytestmark = pytest.mark.postgres
RAW = ("measurements", "raw")


def wish(days: int | None, expected: int, level: str = "raw") -> Wish:
    return Wish("measurements", level, days, "user:ada", expected)


async def by_name(connection: AsyncConnection[Any], org_id: int) -> dict[tuple[str, str], Kept]:
    return {(each.retention_class, each.level): each for each in await setting.kept(connection, org_id)}


@pytest.mark.parametrize(
    "wrong",
    [
        wish(None, 0),
        wish(9, 0, "hour"),
        wish(9, 0, "week"),
        Wish("weather", "raw", 9, "user:ada", 0),
    ],
)
async def test_what_cannot_be_kept_so_long_is_not_set(
    connection: AsyncConnection[Any], farm: Farm, wrong: Wish
) -> None:
    before = await by_name(connection, farm.org_id)
    with pytest.raises(RetentionWrong):
        await setting.set_kept(connection, farm.org_id, wrong)
    assert await by_name(connection, farm.org_id) == before
    assert not await audit.newest(connection, farm.org_id, limit=1)


async def test_it_holds_for_one_organisation_and_says_who_set_it(
    connection: AsyncConnection[Any], farm: Farm, foreign: Farm
) -> None:
    default = (await by_name(connection, farm.org_id))[RAW]
    assert (default.keep_days, default.version, default.set_at, default.set_by) == (731, 0, None, None)
    found = await setting.set_kept(connection, farm.org_id, wish(90, 0))
    assert (found.keep_days, found.default_days, found.version, found.set_by) == (90, 731, 1, "user:ada")
    assert (await by_name(connection, farm.org_id))[RAW] == found
    assert (await by_name(connection, foreign.org_id))[RAW] == default
    (deed,) = await audit.newest(connection, farm.org_id, limit=9)
    assert (deed.actor, deed.action, deed.subject) == ("user:ada", "retention.set", "measurements/raw")
    assert deed.detail == {"class": "measurements", "level": "raw", "keep_days": 90}
    assert not await audit.newest(connection, foreign.org_id, limit=9)


async def test_who_has_not_seen_the_newest_version_sets_nothing(
    connection: AsyncConnection[Any], owner: Connection[Any], farm: Farm
) -> None:
    await setting.set_kept(connection, farm.org_id, wish(90, 0))
    policies.set_policy(owner, "ours", "measurements", "raw", 60, author="command:siloscope db")
    for expected in (0, 1, 3):
        with pytest.raises(VersionChanged) as refused:
            await setting.set_kept(connection, farm.org_id, wish(30, expected))
        assert refused.value.found == 2
    kept = (await by_name(connection, farm.org_id))[RAW]
    assert (kept.keep_days, kept.set_by) == (60, "command:siloscope db")
    assert (await setting.set_kept(connection, farm.org_id, wish(30, 2))).version == 3


async def test_two_at_once_do_not_make_a_coarser_level_shorter_than_a_finer_one(
    connection: AsyncConnection[Any], migrated_database_url: str, farm: Farm
) -> None:
    """Each alone is allowed: raw samples for as long as five minutes, or five minutes for as long as raw samples."""
    async with await connect_async(migrated_database_url, autocommit=True) as other:
        async with connection.transaction():
            await setting.set_kept(connection, farm.org_id, wish(1096, 0))
            await other.execute("SET lock_timeout = '100ms'")
            with pytest.raises(Exception, match="lock timeout"):
                await setting.set_kept(other, farm.org_id, wish(731, 0, "m5"))
        with pytest.raises(RetentionWrong, match="m5 would be kept for 2y and raw for 3y"):
            await setting.set_kept(other, farm.org_id, wish(731, 0, "m5"))
