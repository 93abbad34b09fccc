"""`reading_hour` and `reading_day`: roll-ups by channel, for people who speak SQL."""

from datetime import UTC, date, datetime, timedelta

import pytest
from psycopg import sql

from tests.store.farm import Farm
from tests.store.rollups.world import World

BEGIN = datetime(2026, 3, 7, 6, 0, tzinfo=UTC)  # midnight in Chicago
COLUMNS = "channel, place, count, uncertain, bad, min, mean, max, last, increase, resultant IS NOT NULL"


async def test_hours_and_days_of_a_channel_with_its_place(world: World, foreign: Farm) -> None:
    group = world.group("mast", 60)
    place_id = world.farm.place("roof")
    world.farm.put(place_id, "mast", "rain")
    await world.roll_up(BEGIN)
    rain = [0.2, 0.4, 0.1]
    quality: list[list[int | None] | None] = [None, [None, None, None, 201], [103, None, None, None]]
    await world.write(
        [(group, BEGIN + timedelta(minutes=20 * at), [float(at), 90.0, rain[at], None], quality[at]) for at in range(3)]
    )
    await world.roll_up(BEGIN + timedelta(hours=25))
    connection = world.farm.connection
    asked = sql.SQL("SELECT {}, {} FROM {} ORDER BY channel")
    columns = sql.SQL(COLUMNS)
    hours, days = (
        connection.execute(asked.format(sql.Identifier(bucket), columns, sql.Identifier(view))).fetchall()
        for bucket, view in (("hour", "reading_hour"), ("day", "reading_day"))
    )
    expected = [
        ("rain", "roof", 3, 0, 0, 0.1, pytest.approx(0.7 / 3), 0.4, 0.1, pytest.approx(0.3), False),
        ("t1", None, 3, 1, 0, 0.0, 1.0, 2.0, 2.0, None, False),
        ("t2", None, 0, 0, 1, None, None, None, None, None, False),
        ("wind_direction", None, 3, 0, 0, None, pytest.approx(90.0), None, 90.0, None, True),
    ]
    assert hours == [(BEGIN, *row) for row in expected]
    assert days == [(date(2026, 3, 7), *row) for row in expected]
    assert foreign.org_id != world.farm.org_id
