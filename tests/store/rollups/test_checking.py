"""`siloscope db rollups check`: finds what differs from its samples, and has it computed again."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from siloscope_process import command_line
from tests.store.rollups.world import World

BEGIN = datetime(2026, 3, 7, 3, 0, tzinfo=UTC)


def run(url: str, *arguments: str) -> int:
    return command_line.main(["db", "rollups", "check", *arguments], {"SILOSCOPE_DATABASE_URL": url})


async def fill(world: World) -> None:
    world.zone("Asia/Kathmandu")
    fine, coarse = world.group("fine", 10), world.group("coarse", 60)
    await world.roll_up(BEGIN)
    times = [BEGIN + timedelta(minutes=minute) for minute in range(0, 3 * 1440, 7)]
    values = [[at.minute / 10, at.hour * 15.0, float(at.day), None] for at in times]
    for group in (fine, coarse):
        await world.write([(group, at, value, [None, 101, None, 201]) for at, value in zip(times, values, strict=True)])
    await world.roll_up(BEGIN + timedelta(days=3))


async def test_what_was_rolled_up_is_found_to_be_right(
    world: World, migrated_database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    await fill(world)
    buckets = world.check("Asia/Kathmandu")
    assert await asyncio.to_thread(run, migrated_database_url) == 0
    assert capsys.readouterr().out == f"{buckets} buckets compared, 0 differ; 0 hours wait for `siloscope jobs`\n"


@pytest.mark.parametrize(
    ("level", "damage", "said"),
    [
        ("hour", "UPDATE rollup_hour SET maximum[1] = 99 WHERE bucket = '2026-03-08 05:00+00'", "maximum"),
        ("hour", "DELETE FROM rollup_hour WHERE bucket = '2026-03-08 05:00+00'", "missing"),
        ("hour", "UPDATE rollup_hour SET reasons = NULL WHERE bucket = '2026-03-08 05:00+00'", "reasons"),
        ("day", "UPDATE rollup_day SET increase[3] = -1 WHERE day = '2026-03-08'", "increase"),
        ("m5", "UPDATE rollup_m5 SET mean[1] = 55 WHERE bucket = '2026-03-08 05:15+00'", "mean"),
        (
            "hour",
            "DELETE FROM sample WHERE time >= '2026-03-08 05:00+00' AND time < '2026-03-08 06:00+00'",
            "no samples",
        ),
    ],
)
async def test_what_differs_is_named_and_repaired(
    world: World, migrated_database_url: str, capsys: pytest.CaptureFixture[str], level: str, damage: str, said: str
) -> None:
    await fill(world)
    world.farm.connection.execute(damage.encode())
    assert await asyncio.to_thread(run, migrated_database_url) == 1
    out = capsys.readouterr().out
    assert f"{level} of group" in out
    assert said in out
    assert await asyncio.to_thread(run, migrated_database_url, "--site", "ours/yard", "--repair") == 0
    await world.roll_up()
    assert await asyncio.to_thread(run, migrated_database_url) == 0
    world.check("Asia/Kathmandu")


async def test_a_site_that_is_not_there_is_named(
    world: World, migrated_database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await asyncio.to_thread(run, migrated_database_url, "--site", "ours/nowhere") != 0
    assert "no site is named 'ours/nowhere'" in capsys.readouterr().err


def test_a_time_without_offset_is_refused(migrated_database_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run(migrated_database_url, "--from", "2026-01-01T00:00:00")
    assert "is not ISO 8601 with an offset" in capsys.readouterr().err
