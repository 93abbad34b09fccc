"""Silences and maintenance windows: added, listed, ended once."""

from datetime import timedelta
from typing import Any

from psycopg import AsyncConnection, Connection

from siloscope_contract.alerts.selectors import Matcher, Selector
from siloscope_store import alert_silences
from siloscope_store.alert_silences import SilenceOrder
from tests.store.farm import Farm

MATCHER = Matcher(rules=("hot",), select=Selector(places=("bin-7",)))


async def now(connection: AsyncConnection[Any]) -> Any:
    row = await (await connection.execute("SELECT now()")).fetchone()
    assert row is not None
    return row[0]


async def test_a_silence_begins_now_unless_told(connection: AsyncConnection[Any], farm: Farm) -> None:
    at = await now(connection)
    hour = timedelta(hours=1)
    order = SilenceOrder(kind="silence", matcher=MATCHER, ends=at + hour, author="user:ada", comment="cleaning")
    silence = await alert_silences.add(connection, farm.org_id, order)
    assert (silence.state, silence.author, silence.comment) == ("active", "user:ada", "cleaning")
    assert silence.selector["rules"] == ["hot"]
    assert silence.selector["select"]["places"] == ["bin-7"]
    assert timedelta(0) <= silence.begins - at < hour


async def test_a_list_tells_what_comes_is_and_was(connection: AsyncConnection[Any], farm: Farm) -> None:
    at = await now(connection)
    hour = timedelta(hours=1)
    spans = [(-2, -1, "never"), (-2, -1, "daily"), (-1, 1, "never"), (1, 2, "never")]
    made = [
        await alert_silences.add(
            connection,
            farm.org_id,
            SilenceOrder(
                kind="maintenance",
                matcher=MATCHER,
                begins=at + begins * hour,
                ends=at + ends * hour,
                author="user:ada",
                repeats=repeats,  # type: ignore[arg-type]  # one of the words
            ),
        )
        for begins, ends, repeats in spans
    ]
    found = await alert_silences.page(connection, farm.org_id, limit=9)
    assert [each.state for each in found[::-1]] == ["over", "active", "active", "coming"]
    active = await alert_silences.page(connection, farm.org_id, limit=9, active=True)
    assert [each.silence_id for each in active] == [each.silence_id for each in made[:0:-1]]
    over = await alert_silences.page(connection, farm.org_id, limit=9, active=False)
    assert [each.silence_id for each in over] == [made[0].silence_id]
    below = await alert_silences.page(connection, farm.org_id, limit=1, below=made[1].silence_id)
    assert [each.silence_id for each in below] == [made[0].silence_id]


async def test_a_silence_is_ended_once_and_by_its_own_organisation(
    connection: AsyncConnection[Any], owner: Connection[Any], farm: Farm, foreign: Farm
) -> None:
    ends = await now(connection) + timedelta(hours=1)
    order = SilenceOrder(kind="silence", matcher=MATCHER, ends=ends, author="user:ada", repeats="daily")
    number = (await alert_silences.add(connection, farm.org_id, order)).silence_id
    assert await alert_silences.end(connection, foreign.org_id, number, by="user:bob") is None
    first = await alert_silences.end(connection, farm.org_id, number, by="user:ada")
    again = await alert_silences.end(connection, farm.org_id, number, by="user:eve")
    assert first is not None
    assert (first.state, first.ended_by) == ("over", "user:ada")
    assert again == first
    actions = [row[0] for row in owner.execute("SELECT action FROM audit ORDER BY audit_id").fetchall()]
    assert actions == ["silence.add", "silence.end"]
