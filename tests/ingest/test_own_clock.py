"""The clock of this machine is set as well: what was concluded from a wrong one must not outlive it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest

from siloscope_contract.topics import NodeName
from siloscope_ingest.clocks import ClockWatch
from siloscope_ingest.deliveries import Delivery
from siloscope_ingest.far_weeks import Allowance, FarWeeks
from siloscope_ingest.nodes import KnownNode
from siloscope_ingest.redeliveries import REMEMBERED_MS, RedeliveryUnknown, RelativeMessages
from siloscope_store import relative_messages, spans
from siloscope_store.registry import Node
from tests.ingest.unplugged import Unplugged

NOW_MS = 1_800_000_000_000
DAY_MS = 86_400_000
YEAR_MS = 365 * DAY_MS
NODE, ORG, WEEK = 7, 1, 5_000
NOBODY = cast(Any, None)


class Connected:
    """A connection whose transactions do nothing."""

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        yield


DATABASE = cast(Any, Connected())


def answer(monkeypatch: pytest.MonkeyPatch, grant: Callable[..., bool]) -> None:
    """Have a book of grants answer so."""

    class Book:
        def grant(self, *_: object, **named: Any) -> bool:
            return grant(**named)

    async def open_book(*_: object) -> Book:
        return Book()

    async def write_book(*_: object) -> None:
        return None

    monkeypatch.setattr(spans, "open_book", open_book)
    monkeypatch.setattr(spans, "write_book", write_book)


@pytest.fixture
def allowance(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """What the database answers to who asks for weeks; the last answer stays."""
    answers = [False]

    answer(monkeypatch, lambda **_: answers[-1])
    return answers


def test_a_week_refused_while_the_clock_was_a_year_ahead_is_asked_for_again(allowance: list[bool]) -> None:
    weeks = FarWeeks(Allowance())
    asyncio.run(weeks.ask(DATABASE, NODE, WEEK, NOW_MS + YEAR_MS, []))
    assert weeks.verdict(NODE, WEEK, NOW_MS + YEAR_MS + 1) is False
    assert weeks.verdict(NODE, WEEK, NOW_MS) is None


def test_a_node_that_jumped_while_the_clock_was_a_year_ahead_walks_again(
    allowance: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    weeks = FarWeeks(Allowance())
    for jump in range(5):
        asyncio.run(weeks.ask(DATABASE, NODE, WEEK + 100 * jump, NOW_MS + YEAR_MS, []))
    walked: list[bool] = []

    def grant(*, walks: bool, **__: object) -> bool:
        walked.append(walks)
        return True

    answer(monkeypatch, grant)
    asyncio.run(weeks.ask(DATABASE, NODE, WEEK + 1_000, NOW_MS, []))
    asyncio.run(weeks.ask(DATABASE, NODE, WEEK + 1_002, NOW_MS, []))
    assert walked == [False, True]


def test_nodes_are_watched_on_after_the_clock_was_set_back() -> None:
    watch = ClockWatch(60_000, lambda kind: None)
    for minute in range(5):
        at_ms = NOW_MS + YEAR_MS + minute * 60_000
        watch.heartbeat(NODE, ORG, at_ms, at_ms)
    watch.take()
    for minute in range(8):
        at_ms = NOW_MS + minute * 60_000
        watch.heartbeat(NODE, ORG, at_ms - 3_600_000, at_ms)
    events, _ = watch.take()
    assert [(each.kind, each.offset_s) for each in events] == [("step_back", -3_600.0)]


def test_a_node_is_heard_after_the_clock_was_set_back() -> None:
    node = KnownNode(Node(NODE, ORG, NodeName.of("demo", "farm", "pi"), "agent"))
    assert node.is_news(None, NOW_MS + YEAR_MS)
    assert node.is_news(None, NOW_MS)
    assert not node.is_news(None, NOW_MS + 1)


def delivery(received_ms: int, *, duplicate: bool) -> Delivery:
    return Delivery("", b"3.5", received_ms, 1, Unplugged.__new__(Unplugged), duplicate=duplicate)


def test_what_was_seen_long_ago_is_asked_for_since_another_worker_may_have_stored_it_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    relative = RelativeMessages()
    assert relative.take(NODE, delivery(NOW_MS, duplicate=False)) is not None
    later_ms = NOW_MS + REMEMBERED_MS + 60_000
    with pytest.raises(RedeliveryUnknown) as raised:
        relative.take(NODE, delivery(later_ms, duplicate=True))

    async def stored(*_: object) -> int:
        return later_ms - 1_000

    monkeypatch.setattr(relative_messages, "arrived_ms", stored)
    asyncio.run(relative.ask(NOBODY, raised.value.message))
    assert relative.take(NODE, delivery(later_ms, duplicate=True)) is None


def test_what_the_database_knows_only_from_long_ago_is_a_new_message(monkeypatch: pytest.MonkeyPatch) -> None:
    relative = RelativeMessages()

    async def stored(*_: object) -> int:
        return NOW_MS - REMEMBERED_MS - 1

    monkeypatch.setattr(relative_messages, "arrived_ms", stored)
    with pytest.raises(RedeliveryUnknown) as raised:
        relative.take(NODE, delivery(NOW_MS, duplicate=True))
    asyncio.run(relative.ask(NOBODY, raised.value.message))
    assert relative.take(NODE, delivery(NOW_MS, duplicate=True)) is not None


def test_a_replay_of_long_ago_does_not_make_a_message_of_now_forgotten() -> None:
    relative = RelativeMessages()
    assert relative.take(NODE, delivery(NOW_MS, duplicate=False)) is not None
    assert relative.take(NODE, delivery(NOW_MS - DAY_MS, duplicate=False)) is not None
    assert relative.take(NODE, delivery(NOW_MS + 1_000, duplicate=True)) is None
