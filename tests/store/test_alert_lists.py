"""Alerts as people see them, and what they do about them: each act once, written with its line of history."""

from datetime import timedelta
from typing import Any

import pytest
from psycopg import AsyncConnection, Connection
from psycopg.types.json import Jsonb

from siloscope_store import alert_actions, alert_lists
from siloscope_store.alert_actions import Act
from siloscope_store.alert_lists import Wanted
from siloscope_store.errors import CursorMalformed
from tests.store.alerts import Alerts
from tests.store.farm import NOW, Farm

ACK = Act("acknowledge", "user:ada", "api")


@pytest.fixture
def alerts(farm: Farm) -> Alerts:
    """The farm's alerts: none yet."""
    return Alerts(farm)


async def listed(connection: AsyncConnection[Any], farm: Farm, **wanted: Any) -> list[int]:
    found = await alert_lists.page(connection, farm.org_id, Wanted(**wanted), limit=100)
    return [each.alert_id for each in found]


async def test_what_ended_before_it_fired_is_listed_only_when_asked_for(
    connection: AsyncConnection[Any], farm: Farm, alerts: Alerts
) -> None:
    states = ("ok", "pending", "firing", "unknown", "resolved")
    made = {state: alerts.alert(number, state=state) for number, state in enumerate(states)}
    assert await listed(connection, farm) == [made[state] for state in ("resolved", "unknown", "firing", "pending")]
    assert await listed(connection, farm, open=True) == [made[state] for state in ("unknown", "firing", "pending")]
    assert await listed(connection, farm, open=False) == [made["resolved"]]
    assert await listed(connection, farm, state="ok") == [made["ok"]]
    counts = await alert_lists.counts(connection, farm.org_id)
    assert (counts.open, counts.warning, counts.critical, counts.pending, counts.unacknowledged) == (2, 2, 0, 1, 2)


async def test_a_list_is_narrowed(connection: AsyncConnection[Any], farm: Farm, alerts: Alerts) -> None:
    head = farm.group("head", [("t1", "temperature", "Cel")])
    bin_id = farm.place("bin-1")
    about = alerts.alert(1, channel_id=head.channels["t1"], place_id=bin_id, severity="critical")
    other = alerts.alert(2)
    for narrowed in (
        {"channel_id": head.channels["t1"]},
        {"place_id": bin_id},
        {"severity": "critical"},
        {"channel_id": head.channels["t1"], "open": True},
    ):
        assert await listed(connection, farm, **narrowed) == [about]
    assert await listed(connection, farm, rule="hot", site_id=farm.site_id) == [other, about]
    assert await listed(connection, farm, rule="cold") == []
    assert await listed(connection, farm, rule="cold", open=True) == []


async def test_pages_go_on_where_they_ended(connection: AsyncConnection[Any], farm: Farm, alerts: Alerts) -> None:
    made = [alerts.alert(number) for number in range(5)]
    for only_open in (None, True):
        first = await alert_lists.page(connection, farm.org_id, Wanted(open=only_open), limit=2)
        rest = await alert_lists.page(
            connection, farm.org_id, Wanted(open=only_open), limit=9, below=first[-1].alert_id
        )
        assert [each.alert_id for each in (*first, *rest)] == made[::-1]


async def test_an_alert_says_where_its_channel_was_when_it_began(
    connection: AsyncConnection[Any], farm: Farm, alerts: Alerts
) -> None:
    head = farm.group("head", [("t1", "temperature", "Cel"), ("t2", "temperature", "Cel")])
    bin_id = farm.place("bin-1")
    farm.put(bin_id, "head", "t1", until=NOW, cable=1, level=1)
    farm.put(bin_id, "head", "t1", since=NOW, cable=2, level=3)
    placed = alerts.alert(1, channel_id=head.channels["t1"], place_id=bin_id)
    loose = alerts.alert(2, channel_id=head.channels["t2"])
    titles = {
        each.alert_id: each.subject_title for each in await alert_lists.page(connection, farm.org_id, Wanted(), limit=9)
    }
    assert titles == {placed: "Bin-1, cable 2, level 3", loose: "head, t2"}
    found = await alert_lists.one(connection, farm.org_id, placed)
    assert found is not None
    assert (found.rule, found.rule_name, found.place_slug, found.unit, found.time_zone) == (
        *("hot", "Hot grain", "bin-1", "Cel", "America/Chicago"),
    )


async def test_another_organisations_alerts_do_not_exist(
    connection: AsyncConnection[Any], farm: Farm, foreign: Farm, alerts: Alerts
) -> None:
    ours = alerts.alert(1)
    assert await alert_lists.one(connection, foreign.org_id, ours) is None
    assert await listed(connection, foreign) == []
    assert (await alert_lists.counts(connection, foreign.org_id)).open == 0
    for kind in ("acknowledge", "comment", "assign"):
        deed = Act(kind, "user:bob", "api", "mine")
        assert await alert_actions.act(connection, foreign.org_id, [ours], deed) == []
    assert await alert_lists.actions(connection, ours) == []


async def test_doing_twice_what_is_done_is_no_act(connection: AsyncConnection[Any], farm: Farm, alerts: Alerts) -> None:
    alert_id = alerts.alert(1)
    until = NOW + timedelta(hours=8)
    deeds = [
        ACK,
        Act("unacknowledge", "user:ada", "api", "my mistake"),
        Act("assign", "user:ada", "command", "bob"),
        Act("snooze", "link:cab", "link", until=until),
        Act("unsnooze", "telegram:7", "telegram"),
        Act("assign", "user:ada", "api", ""),
    ]
    for deed in deeds:
        assert await alert_actions.act(connection, farm.org_id, [alert_id], deed) == [alert_id]
        assert await alert_actions.act(connection, farm.org_id, [alert_id], deed) == []
    found = await alert_lists.actions(connection, alert_id)
    assert [(each.kind, each.actor, each.via, each.body, each.until) for each in found] == [
        (deed.kind, deed.actor, deed.via, deed.body, deed.until) for deed in deeds
    ]


async def test_people_write_their_columns_and_leave_the_engines_alone(
    connection: AsyncConnection[Any], farm: Farm, alerts: Alerts
) -> None:
    alert_id = alerts.alert(1)
    before = await alert_lists.one(connection, farm.org_id, alert_id)
    await alert_actions.act(connection, farm.org_id, [alert_id], ACK)
    await alert_actions.act(connection, farm.org_id, [alert_id], Act("assign", "user:ada", "api", "bob"))
    after = await alert_lists.one(connection, farm.org_id, alert_id)
    assert before is not None
    assert after is not None
    assert (after.acknowledged_by, after.assigned_to) == ("user:ada", "bob")
    assert after.acknowledged_at is not None
    engines = ("state", "reason", "facts", "began_at", "fired_at", "ended_at", "changed_at", "severity")
    assert all(getattr(after, name) == getattr(before, name) for name in engines)


async def test_what_is_over_takes_comments_alone(connection: AsyncConnection[Any], farm: Farm, alerts: Alerts) -> None:
    alert_id = alerts.alert(1, state="resolved")
    assert await alert_actions.act(connection, farm.org_id, [alert_id], ACK) == []
    said = Act("comment", "user:ada", "api", "it was the fan")
    assert await alert_actions.act(connection, farm.org_id, [alert_id], said) == [alert_id]
    assert await alert_actions.act(connection, farm.org_id, [alert_id], said) == [alert_id]
    assert [each.body for each in await alert_lists.actions(connection, alert_id)] == ["it was the fan"] * 2


async def test_a_message_means_what_it_told_of(connection: AsyncConnection[Any], farm: Farm, alerts: Alerts) -> None:
    incident = alerts.incident()
    first = alerts.alert(1, incident_id=incident, fired_told_at=NOW)
    joined = alerts.alert(2, incident_id=incident, fired_told_at=NOW + timedelta(minutes=1))
    later = alerts.alert(3, incident_id=incident, fired_told_at=NOW + timedelta(minutes=9))
    alerts.alert(4, incident_id=incident, state="resolved")
    alerts.alert(5, incident_id=alerts.incident())
    told_at = NOW + timedelta(minutes=5)
    assert await alert_actions.told_with(connection, first, told_at) == [first, joined]
    assert await alert_actions.told_with(connection, later, told_at) == [first, joined, later]
    assert await alert_actions.told_with(connection, 4_711, told_at) == []


async def test_a_message_means_what_fired_within_its_second(
    connection: AsyncConnection[Any], farm: Farm, alerts: Alerts
) -> None:
    """A message and the transitions that it is about bear one instant, of which a link keeps the whole seconds."""
    incident = alerts.incident()
    told_at = NOW + timedelta(seconds=0.9)
    both = [alerts.alert(number, incident_id=incident, fired_told_at=told_at) for number in range(2)]
    alerts.alert(2, incident_id=incident, fired_told_at=NOW + timedelta(seconds=1))
    assert await alert_actions.told_with(connection, both[0], NOW) == both


async def test_a_message_that_failed_says_why(
    connection: AsyncConnection[Any], owner: Connection[Any], farm: Farm, alerts: Alerts
) -> None:
    incident = alerts.incident()
    channel_id = farm._id(
        "INSERT INTO notify_channel (org_id, slug, kind, document) "
        "VALUES (%s, 'mail', 'email', '{}') RETURNING channel_id",
        farm.org_id,
    )
    for number in range(3):
        owner.execute(
            "INSERT INTO notify_outbox "
            "(notification_id, org_id, channel_id, incident_id, kind, dedup_key, payload, severity) "
            "VALUES (gen_random_uuid(), %s, %s, %s, 'firing', %s, %s, 'warning')",
            (farm.org_id, channel_id, incident, f"key {number}", Jsonb({})),
        )
    owner.execute(
        "INSERT INTO notify_attempt (notification_id, number, outcome, detail) "
        "SELECT notification_id, n, CASE n WHEN 3 THEN 'delivered' ELSE 'retry' END, 'no answer ' || n "
        "FROM notify_outbox, generate_series(1, 3) AS n WHERE dedup_key = 'key 2'"
    )
    found = await alert_lists.messages_of(connection, farm.org_id, incident)
    assert [(each.channel, each.kind, each.detail) for each in found] == [
        ("mail", "firing", "no answer 2"),
        ("mail", "firing", ""),
        ("mail", "firing", ""),
    ]
    first = await alert_lists.messages(connection, farm.org_id, limit=2)
    rest = await alert_lists.messages(connection, farm.org_id, limit=9, cursor=alert_lists.cursor_of(first[-1]))
    assert [each.id for each in (*first, *rest)] == [each.id for each in found]
    assert await alert_lists.messages(connection, farm.org_id, limit=9, state="delivered") == []
    assert await alert_lists.messages(connection, farm.org_id, limit=9, channel="cab") == []


@pytest.mark.parametrize(
    "cursor", ["", "x", "2026-03-01T12:00:00Z_x", "2026-03-01T12:00:00_" + "0" * 32, "_" + "0" * 32]
)
async def test_a_cursor_of_nobody_is_refused(connection: AsyncConnection[Any], farm: Farm, cursor: str) -> None:
    with pytest.raises(CursorMalformed):
        await alert_lists.messages(connection, farm.org_id, limit=9, cursor=cursor)
