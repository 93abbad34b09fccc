"""Digests: told once at their local time, with what reports, what is open and which ways out fail."""

from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from siloscope_alerting.notify.messages import DigestMessage
from siloscope_alerting.notify.trust.digest import Digests, tell_due
from siloscope_contract.alerts.routes import Channel, Digest
from siloscope_process.clock import ManualClock
from siloscope_store import alert_digests, alert_lease, notify_documents
from siloscope_store.connections import async_pool
from tests.alerting.conftest import AlertFarm

DAILY = Digest(digest="morning", channels=("office", "phone"), at="07:00", time_zone="Europe/Kyiv")
SENSORS = 33


@pytest.fixture
async def term(connection: AsyncConnection[Any], alert_farm: AlertFarm) -> int:
    """The evaluator's term; there are two channels and one digest that is due."""
    for slug in ("office", "phone", "other"):
        channel = Channel(channel=slug, kind="webhook", to=("http://127.0.0.1:9/",))
        await notify_documents.put_channel(connection, alert_farm.org_id, channel, {}, author="test")
    await notify_documents.put_digest(connection, alert_farm.org_id, DAILY, author="test")
    await make_due(connection)
    term = await alert_lease.take(connection, "test", 60.0)
    assert term is not None
    return term


async def make_due(connection: AsyncConnection[Any], ago: timedelta = timedelta(minutes=1)) -> None:
    await connection.execute("UPDATE notify_digest SET next_at = clock_timestamp() - %s", (ago,))


async def outbox(connection: AsyncConnection[Any]) -> list[tuple[str, DigestMessage]]:
    """Return slug of the channel and message of everything that is enqueued."""
    found = await connection.execute(
        "SELECT c.slug, o.payload FROM notify_outbox AS o JOIN notify_channel AS c USING (channel_id) "
        "WHERE o.kind = 'digest' ORDER BY o.enqueued_at, c.slug"
    )
    return [(slug, msgspec.convert(payload, DigestMessage)) for slug, payload in await found.fetchall()]


async def told(connection: AsyncConnection[Any], term: int) -> DigestMessage:
    async with connection.transaction():
        assert await tell_due(connection, term) == 2
    return (await outbox(connection))[-1][1]


async def alert(farm: AlertFarm, connection: AsyncConnection[Any], severity: str, state: str, *, ended: bool) -> None:
    """Write an alert of a rule `hot` about the bin."""
    await connection.execute(
        "INSERT INTO alert_rule (org_id, slug) VALUES (%s, 'hot') ON CONFLICT DO NOTHING", (farm.org_id,)
    )
    await connection.execute(
        "INSERT INTO alert_rule_version (rule_id, version, org_id, document, author) "
        "SELECT rule_id, 1, org_id, %s, 'test' FROM alert_rule ON CONFLICT DO NOTHING",
        (Jsonb({"name": "Hot grain"}),),
    )
    await connection.execute(
        "INSERT INTO alert (org_id, rule_id, rule_version, subject_kind, subject_id, site_id, place_id, "
        "severity, state, reason, began_at, fired_at, ended_at) "
        "SELECT %s, rule_id, 1, 'place', (SELECT count(*) FROM alert), %s, %s, "
        "%s, %s, 'held', now(), now(), CASE WHEN %s THEN now() END FROM alert_rule",
        (farm.org_id, farm.site_id, farm.bin_id, severity, state, ended),
    )


async def test_another_evaluator_tells_nothing(connection: AsyncConnection[Any], term: int) -> None:
    assert await tell_due(connection, term + 1) == 0
    assert await outbox(connection) == []


async def test_what_is_not_due_is_not_told(connection: AsyncConnection[Any], term: int) -> None:
    await make_due(connection, ago=timedelta(minutes=-1))
    assert await tell_due(connection, term) == 0


async def test_a_digest_counts_what_reports(connection: AsyncConnection[Any], alert_farm: AlertFarm, term: int) -> None:
    now = alert_farm.now()
    for cable in alert_farm.cables:
        alert_farm.latest(cable, now, [21.0] * 6)
    alert_farm.latest(alert_farm.mast, now, [3.0, 80.0, 2.0], [0, 0, 201])
    message = await told(connection, term)
    assert (message.reporting, message.expected) == (SENSORS - 1, SENSORS)
    assert [(site.site, site.reporting, site.expected) for site in message.sites] == [("Yard", SENSORS - 1, SENSORS)]
    assert (message.open_count, list(message.open), list(message.failing)) == (0, [], [])


async def test_sensors_of_others_and_vitals_do_not_count(
    connection: AsyncConnection[Any], alert_farm: AlertFarm, term: int
) -> None:
    AlertFarm(alert_farm.connection, alert_farm.url, "theirs")
    alert_farm.group("agent", [("load", "ratio", "/")], retention_class="vitals")
    assert (await told(connection, term)).expected == SENSORS


async def test_open_alerts_are_listed_worst_first_and_ended_ones_are_not(
    connection: AsyncConnection[Any], alert_farm: AlertFarm, term: int
) -> None:
    await alert(alert_farm, connection, "warning", "firing", ended=False)
    await alert(alert_farm, connection, "critical", "unknown", ended=False)
    await alert(alert_farm, connection, "critical", "resolved", ended=True)
    message = await told(connection, term)
    assert [(each.severity, each.state, each.rule_name) for each in message.open] == [
        ("critical", "unknown", "Hot grain"),
        ("warning", "firing", "Hot grain"),
    ]
    assert (message.open_count, message.open[0].place, message.open[0].site) == (2, "Bin-7", "Yard")


async def test_a_way_out_that_fails_is_named(connection: AsyncConnection[Any], term: int) -> None:
    await connection.execute("UPDATE notify_channel SET failing_since = now() WHERE slug = 'other'")
    assert list((await told(connection, term)).failing) == ["other"]


async def test_each_channel_of_the_digest_is_told_once_a_day(connection: AsyncConnection[Any], term: int) -> None:
    await told(connection, term)
    assert [slug for slug, _ in await outbox(connection)] == ["office", "phone"]
    next_at = (await outbox(connection))[0][1].next_at
    assert await tell_due(connection, term) == 0
    await connection.execute(
        "UPDATE notify_digest SET next_at = (SELECT min(due_at) FROM notify_outbox) - INTERVAL '1 minute'"
    )
    assert await tell_due(connection, term) == 0, "the same day once more, as after a restore"
    assert next_at is not None
    assert next_at > datetime.now(next_at.tzinfo)
    assert next_at - datetime.now(next_at.tzinfo) <= timedelta(days=1, hours=1)


async def test_days_that_nobody_told_are_one_message(connection: AsyncConnection[Any], term: int) -> None:
    await make_due(connection, ago=timedelta(days=5))
    await told(connection, term)
    assert await tell_due(connection, term) == 0


async def test_a_weekly_digest_comes_next_within_eight_days_on_a_monday(
    connection: AsyncConnection[Any], alert_farm: AlertFarm, term: int
) -> None:
    weekly = msgspec.structs.replace(DAILY, every="week", time_zone="America/Chicago")
    await notify_documents.put_digest(connection, alert_farm.org_id, weekly, author="test")
    await make_due(connection)
    next_at = (await told(connection, term)).next_at
    row = await (
        await connection.execute(
            "SELECT extract(isodow FROM told), to_char(told, 'HH24:MI') "
            "FROM (SELECT %s AT TIME ZONE 'America/Chicago' AS told) AS local",
            (next_at,),
        )
    ).fetchone()
    assert row == (1, "07:00")


async def test_messages_that_nobody_sends_are_stuck_and_those_of_failing_channels_are_not(
    connection: AsyncConnection[Any], term: int
) -> None:
    await told(connection, term)
    assert await alert_digests.stuck(connection, 120.0) == 0
    await connection.execute(
        "UPDATE notify_outbox SET enqueued_at = now() - INTERVAL '3 minutes', due_at = now() - INTERVAL '3 minutes'"
    )
    assert await alert_digests.stuck(connection, 120.0) == 2
    await connection.execute("UPDATE notify_channel SET failing_since = now() WHERE slug = 'phone'")
    assert await alert_digests.stuck(connection, 120.0) == 1
    await connection.execute("UPDATE notify_outbox SET state = 'delivered'")
    assert await alert_digests.stuck(connection, 120.0) == 0


@pytest.fixture
async def woken(connection: AsyncConnection[Any], alert_farm: AlertFarm, term: int) -> list[str]:
    """What looking came to, of a standby first and then of the evaluator."""
    held: list[int | None] = [None]
    woken: list[str] = []
    async with async_pool(alert_farm.url, max_size=1) as pool:
        digests = Digests(pool, lambda: held[0], ManualClock(), lambda: woken.append("woken"))
        woken.append(f"standby {await digests.look()}")
        held[0] = term
        woken.append(f"evaluator {await digests.look()}")
        woken.append(f"again {await digests.look()}")
    return woken


async def test_only_the_evaluator_tells_and_it_wakes_the_senders(woken: list[str]) -> None:
    assert woken == ["standby 0", "woken", "evaluator 2", "again 0"]
