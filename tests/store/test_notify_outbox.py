"""The outbox: enqueued once, claimed by one term, recorded by whoever claimed."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid5

import msgspec
import pytest
from psycopg import AsyncConnection, Connection

from siloscope_store import notify_channels, notify_outbox
from siloscope_store.notify_outbox import NewNotification
from tests.store.farm import NOW, Farm

SPACE = UUID(int=0)


class Outbox:
    """One channel of a farm, and the evaluator's term."""

    def __init__(self, owner: Connection[Any], farm: Farm) -> None:
        self.owner = owner
        self.farm = farm
        # Emptying the tables took the one row that a migration writes.
        owner.execute("INSERT INTO alert_evaluator DEFAULT VALUES ON CONFLICT DO NOTHING")
        self.channel_id = self.channel("cab")

    def channel(self, slug: str) -> int:
        return int(
            self.one(
                "INSERT INTO notify_channel (org_id, slug, kind, document, secrets) "
                "VALUES (%s, %s, 'telegram', '{}', '{\"token\": \"hidden\"}') RETURNING channel_id",
                *(self.farm.org_id, slug),
            )
        )

    def term(self) -> int:
        return int(self.one("UPDATE alert_evaluator SET term = term + 1 RETURNING term"))

    def one(self, statement: str, *parameters: object) -> Any:
        row = self.owner.execute(statement, parameters).fetchone()
        assert row is not None
        return row[0]

    def row(self, key: str, **told: Any) -> NewNotification:
        row = NewNotification(
            notification_id=uuid5(SPACE, key), dedup_key=key, org_id=self.farm.org_id, channel_id=self.channel_id,
            kind="test", severity="warning", due_at=NOW, payload={"at": NOW, "said": "так"},
        )  # fmt: skip
        return msgspec.structs.replace(row, **told)


@pytest.fixture
def outbox(owner: Connection[Any], farm: Farm) -> Outbox:
    return Outbox(owner, farm)


async def test_a_message_is_enqueued_once(outbox: Outbox, connection: AsyncConnection[Any]) -> None:
    assert await notify_outbox.enqueue(connection, []) == 0
    assert await notify_outbox.enqueue(connection, [outbox.row("a"), outbox.row("b")]) == 2
    assert await notify_outbox.enqueue(connection, [outbox.row("b"), outbox.row("c")]) == 1


async def test_a_claim_is_of_the_present_term_alone(outbox: Outbox, connection: AsyncConnection[Any]) -> None:
    await notify_outbox.enqueue(connection, [outbox.row("a")])
    old, new = outbox.term(), outbox.term()
    assert await notify_outbox.claim(connection, outbox.channel_id, old) is None
    claimed = await notify_outbox.claim(connection, outbox.channel_id, new)
    assert claimed is not None
    assert (claimed.number, claimed.payload["said"]) == (1, "так")
    assert await notify_outbox.claim(connection, outbox.channel_id, new) is None, "it is under way"


async def test_a_later_term_takes_over_and_the_earlier_ones_record_counts_no_more(
    outbox: Outbox, connection: AsyncConnection[Any]
) -> None:
    await notify_outbox.enqueue(connection, [outbox.row("a")])
    old = outbox.term()
    first = await notify_outbox.claim(connection, outbox.channel_id, old)
    new = outbox.term()
    second = await notify_outbox.claim(connection, outbox.channel_id, new)
    assert first is not None
    assert second is not None
    assert (first.notification_id, first.number, second.number) == (second.notification_id, 1, 2)
    assert await notify_outbox.record(connection, first, old, "delivered") is None
    assert outbox.one("SELECT state FROM notify_outbox") == "sending"
    assert await notify_outbox.record(connection, second, new, "delivered") is not None
    assert outbox.one("SELECT array_agg(outcome ORDER BY number) FROM notify_attempt") == [None, "delivered"]


@pytest.mark.parametrize(
    ("outcome", "retry_in_s", "state", "fails"),
    [("delivered", None, "delivered", False), ("retry", 5.0, "queued", True), ("retry", None, "given_up", True),
     ("refused", None, "given_up", True)],
)  # fmt: skip
async def test_how_it_ended_is_written_down(
    outbox: Outbox, connection: AsyncConnection[Any], outcome: notify_outbox.Result, retry_in_s: float | None,
    state: str, *, fails: bool,
) -> None:  # fmt: skip
    await notify_outbox.enqueue(connection, [outbox.row("a")])
    term = outbox.term()
    claimed = await notify_outbox.claim(connection, outbox.channel_id, term)
    assert claimed is not None
    how = await notify_outbox.record(connection, claimed, term, outcome, "said", retry_in_s=retry_in_s)
    assert how is not None
    assert (how.since is not None) is fails
    assert outbox.one("SELECT state FROM notify_outbox") == state
    assert outbox.one("SELECT detail FROM notify_attempt") == "said"
    assert await notify_outbox.claim(connection, outbox.channel_id, term) is None, "it is not due now"


async def test_one_delivery_ends_a_failing(outbox: Outbox, connection: AsyncConnection[Any]) -> None:
    await notify_outbox.enqueue(connection, [outbox.row("a"), outbox.row("b")])
    term = outbox.term()
    for outcome, fails in (("refused", True), ("delivered", False)):
        claimed = await notify_outbox.claim(connection, outbox.channel_id, term)
        assert claimed is not None
        await notify_outbox.record(connection, claimed, term, outcome)  # type: ignore[arg-type]
        assert outbox.one("SELECT failing_since IS NOT NULL FROM notify_channel") is fails


async def test_critical_messages_go_first_and_then_the_oldest(outbox: Outbox, connection: AsyncConnection[Any]) -> None:
    rows = [
        outbox.row("late", due_at=NOW + timedelta(seconds=1)),
        outbox.row("early"),
        outbox.row("critical", severity="critical", due_at=NOW + timedelta(seconds=2)),
    ]
    await notify_outbox.enqueue(connection, rows)
    term = outbox.term()
    claimed = [await notify_outbox.claim(connection, outbox.channel_id, term) for _ in rows]
    expected = [uuid5(SPACE, key) for key in ("critical", "early", "late")]
    assert [each.notification_id for each in claimed if each is not None] == expected


async def test_what_waits_for_quiet_hours_to_end_keeps_nothing_from_going(
    outbox: Outbox, connection: AsyncConnection[Any]
) -> None:
    incident_id = outbox.one(
        "INSERT INTO alert_incident (org_id, cause, group_key, severity, opened_at) "
        "VALUES (%s, 'rule', 'k', 'warning', now()) RETURNING incident_id",
        outbox.farm.org_id,
    )
    later = outbox.row("quiet", incident_id=incident_id, due_at=NOW + timedelta(days=36_500))
    await notify_outbox.enqueue(connection, [later])
    await notify_outbox.enqueue(connection, [outbox.row("wakes", incident_id=incident_id, severity="critical")])
    claimed = await notify_outbox.claim(connection, outbox.channel_id, outbox.term())
    assert claimed is not None
    assert claimed.notification_id == uuid5(SPACE, "wakes")


async def test_a_claim_that_nobody_knows_of_is_queued_again(outbox: Outbox, connection: AsyncConnection[Any]) -> None:
    await notify_outbox.enqueue(connection, [outbox.row("a")])
    term = outbox.term()
    assert await notify_outbox.claim(connection, outbox.channel_id, term) is not None
    assert await notify_outbox.release(connection, outbox.channel_id, term - 1) == 0
    assert await notify_outbox.release(connection, outbox.channel_id, term) == 1
    again = await notify_outbox.claim(connection, outbox.channel_id, term)
    assert again is not None
    assert again.number == 2


async def test_of_a_thousand_that_wait_the_first_is_found_at_once(
    outbox: Outbox, connection: AsyncConnection[Any]
) -> None:
    await notify_outbox.enqueue(connection, [outbox.row(f"{number}") for number in range(1_000)])
    await connection.execute("ANALYZE notify_outbox")  # else it depends on whether the server has come to it
    term = outbox.term()
    plan = await connection.execute(
        b"EXPLAIN (ANALYZE, FORMAT JSON) " + notify_outbox._SQL["claim"].encode(),
        {"channel_id": outbox.channel_id, "term": term},
    )
    row = await plan.fetchone()
    assert row is not None
    read = msgspec.json.encode(row[0]).decode()
    # Whether something earlier must go first is asked of the first in order alone.
    assert '"Actual Loops":1000' not in read.replace("1000.0", "1000")


async def test_channels_that_have_something_to_do_are_due(outbox: Outbox, connection: AsyncConnection[Any]) -> None:
    term = outbox.term()
    idle = outbox.channel("idle")
    assert await notify_channels.due(connection, term, summarise_after_s=300) == []
    await notify_outbox.enqueue(
        connection, [outbox.row("a"), outbox.row("z", channel_id=idle, due_at=NOW.replace(year=2999))]
    )
    (found,) = await notify_channels.due(connection, term, summarise_after_s=300)
    assert (found.channel_id, found.secrets) == (outbox.channel_id, {"token": "hidden"})
    assert "hidden" not in repr(found)
    await notify_outbox.claim(connection, outbox.channel_id, term)
    assert await notify_channels.due(connection, term, summarise_after_s=300) == []
    (again,) = await notify_channels.due(connection, outbox.term(), summarise_after_s=300)
    assert again.channel_id == outbox.channel_id
