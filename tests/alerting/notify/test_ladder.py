"""The ladder in the database: what is decided is written with what it was decided from, once."""

import asyncio
from typing import Any

import pytest
from psycopg import AsyncConnection, Connection, Rollback

from siloscope_alerting.errors import Fenced
from siloscope_alerting.notify.decisions import incidents_of, routes_for
from siloscope_alerting.notify.ladder import Ladder, stored
from siloscope_contract.alerts.routes import Step
from siloscope_contract.alerts.selectors import Matcher, Selector
from siloscope_process.clock import SystemClock
from siloscope_store import notify_ladder
from siloscope_store.connections import Pool
from siloscope_store.notify_outbox import enqueue
from tests.alerting.conftest import AlertFarm
from tests.alerting.notify.world import World

TWO_STEPS = (Step(channels=("cab",)), Step(after="10m", channels=("office",)))


class Told(World):
    """A bin that is too hot, two channels, and a ladder of two steps."""

    def __init__(self, connection: Connection[Any], farm: AlertFarm, pool: Pool) -> None:
        super().__init__(connection, farm.org_id, farm.site_id, farm.node_id)
        self.pool = pool
        self.channel("cab")
        self.channel("office")
        self.evaluator = self.term()
        self.channel_id = farm.cables[1].channels["t3"]

    def ladder(self, term: int | None = None) -> Ladder:
        return Ladder(self.pool, term or self.evaluator, SystemClock(), asyncio.Event())

    def fires(self) -> int:
        incident_id = self.incident()
        self.alert(incident_id, self.rule(message={"en": "{{ subject }}"}), self.channel_id)
        return incident_id

    def later(self, minutes: float) -> None:
        """Let time pass for the ladder: what is due then is due now."""
        self.connection.execute(
            "UPDATE notify_ladder SET next_at = next_at - make_interval(secs => %s)", (minutes * 60,)
        )


@pytest.fixture
def told(owner: Connection[Any], alert_farm: AlertFarm, pool: Pool) -> Told:
    return Told(owner, alert_farm, pool)


async def test_what_fires_is_told_once_however_often_one_looks(told: Told) -> None:
    told.route("all", TWO_STEPS)
    told.fires()
    assert await told.ladder().look() == 1
    for _ in range(3):
        told.later(1)
        assert await told.ladder().look() == 0
    assert told.outbox() == [("firing", 0, "queued")]


async def test_steps_follow_until_somebody_acknowledges(told: Told) -> None:
    told.route("all", (*TWO_STEPS, Step(after="20m", channels=("office",))))
    told.fires()
    await told.ladder().look()
    told.later(10)
    await told.ladder().look()
    assert told.outbox() == [("firing", 0, "queued"), ("escalated", 1, "queued")]
    told.connection.execute("UPDATE alert SET acknowledged_at = clock_timestamp(), acknowledged_by = 'ada'")
    told.later(600)
    await told.ladder().look()
    assert len(told.outbox()) == 2


async def test_a_closed_incident_is_left_alone(told: Told) -> None:
    told.route("all", TWO_STEPS)
    told.fires()
    await told.ladder().look()
    told.connection.execute("UPDATE alert_incident SET closed_at = clock_timestamp()")
    told.later(600)
    assert await told.ladder().look() == 0


async def test_what_the_evaluator_told_the_ladder_does_not_tell_again(
    told: Told, connection: AsyncConnection[Any]
) -> None:
    told.route("all", TWO_STEPS)
    incident_id = told.fires()
    async with connection.transaction():
        facts = (await incidents_of(connection, [incident_id]))[incident_id]
        rows = (await routes_for(connection, [incident_id])).plan(facts, "firing", (), told.now())
        assert await enqueue(connection, [stored(row) for row in rows]) == 1
    assert await told.ladder().look() == 0
    told.later(10)
    assert await told.ladder().look() == 1
    assert told.outbox() == [("firing", 0, "queued"), ("escalated", 1, "queued")]


async def test_a_rolled_back_evaluation_tells_nobody(told: Told, connection: AsyncConnection[Any]) -> None:
    told.route("all", TWO_STEPS)
    incident_id = told.fires()
    async with connection.transaction():
        facts = (await incidents_of(connection, [incident_id]))[incident_id]
        rows = (await routes_for(connection, [incident_id])).plan(facts, "firing", (), told.now())
        assert await enqueue(connection, [stored(row) for row in rows]) == 1
        raise Rollback
    assert told.outbox() == []


async def test_two_that_look_at_once_tell_it_once(told: Told) -> None:
    told.route("all", TWO_STEPS)
    for number in range(5):
        told.alert(told.incident(), told.rule(f"rule-{number}"), told.channel_id)
    counts = await asyncio.gather(*(told.ladder().look() for _ in range(4)))
    assert sum(counts) == len(told.outbox()) == 5


async def test_one_that_was_overtaken_tells_nothing(told: Told) -> None:
    told.route("all", TWO_STEPS)
    told.fires()
    overtaken = told.ladder()
    told.term()
    assert await overtaken.look() == 0
    assert told.outbox() == []


async def test_one_that_is_overtaken_while_it_looks_writes_nothing(told: Told) -> None:
    told.route("all", TWO_STEPS)
    told.fires()
    async with told.pool.connection() as connection:
        pairs = await notify_ladder.due(connection, told.evaluator)
        told.term()
        with pytest.raises(Fenced):
            await told.ladder().climb(connection, pairs)
    assert told.outbox() == []


async def test_a_silence_ends_and_what_still_fires_is_told(told: Told) -> None:
    told.route("all", TWO_STEPS)
    told.fires()
    silence_id = told.silence(
        Matcher(rules=("bin-*",), select=Selector(places=("bin-7",), quantities=("temperature",)))
    )
    assert await told.ladder().look() == 0
    told.connection.execute(
        "UPDATE alert_silence SET ended_at = clock_timestamp() WHERE silence_id = %s", (silence_id,)
    )
    told.later(1)
    assert await told.ladder().look() == 1


@pytest.mark.parametrize(
    "select",
    [Selector(places=("bin-8",)), Selector(nodes=("mast",)), Selector(quantities=("co2",)), Selector(vitals=True)],
)
async def test_a_silence_of_something_else_silences_nothing(told: Told, select: Selector) -> None:
    told.route("all", TWO_STEPS)
    told.fires()
    told.silence(Matcher(select=select))
    assert await told.ladder().look() == 1


async def test_another_organisations_routes_and_silences_mean_nothing(
    told: Told, owner: Connection[Any], migrated_database_url: str
) -> None:
    foreign = AlertFarm(owner, migrated_database_url, "theirs")
    theirs = World(owner, foreign.org_id, foreign.site_id, foreign.node_id)
    theirs.channel("cab")
    theirs.route("all", TWO_STEPS)
    theirs.silence(Matcher())
    told.fires()
    assert await told.ladder().look() == 0
    told.route("ours", TWO_STEPS)
    assert await told.ladder().look() == 1


async def test_what_a_message_says_of_an_incident_comes_from_the_database(
    told: Told, connection: AsyncConnection[Any]
) -> None:
    incident_id = told.fires()
    facts = (await incidents_of(connection, [incident_id]))[incident_id]
    (alert,) = facts.alerts
    assert (facts.site, facts.time_zone, facts.alerts_count) == ("Yard", "America/Chicago", 1)
    assert (alert.rule, alert.rule_name, alert.subject) == ("bin-hot", "Too hot", "pi, t3")
    assert alert.facts == {"value": 31.2, "level": 30.0, "unit": "Cel"}
    assert facts.templates == {"en": "{{ subject }}"}


async def test_a_route_that_cannot_be_read_stops_no_other(told: Told) -> None:
    told.route("broken", TWO_STEPS)
    told.connection.execute("UPDATE notify_route SET document = '{\"nonsense\": 1}'")
    told.route("works", TWO_STEPS, place=1)
    told.fires()
    assert await told.ladder().look() == 1
    assert await told.ladder().look() == 0
