"""A command acts once, whatever is delivered twice, ends within it, or fills up."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from siloscope_contract import commands
from siloscope_contract.commands import Command, CommandKind, CommandOutcome, Reason, Result
from siloscope_edge import durable
from siloscope_edge.errors import PortUnavailable
from siloscope_edge.remote.command_book import ASKED_AFTER_MS, MOST_REMEMBERED, CommandBook
from siloscope_edge.remote.commanding import Action, Answer, ArgumentsWrong, CommandDesk

NOW_MS = 1_795_000_000_000


class Nothing(Struct, forbid_unknown_fields=True):
    """No arguments."""


class Desk:
    """A desk at which reading now counts, and does what it is told."""

    def __init__(self, directory: Path, session: str = "first") -> None:
        self.now_ms: int | None = NOW_MS
        self.done = 0
        self.does: Callable[[], Answer | None] = lambda: Answer({"n": self.done})
        actions = {
            CommandKind.READ_NOW: Action(Nothing, 1.0, self._act),
            CommandKind.RESTART: Action(Nothing, 1.0, self._end),
            CommandKind.IDENTIFY: Action(Nothing, 0.01, self._hang),
        }
        self.book = CommandBook(directory)
        self.desk = CommandDesk(self.book, actions, lambda: self.now_ms, session, lambda: None)

    async def _act(self, _: Nothing) -> Answer | None:
        self.done += 1
        return self.does()

    async def _end(self, _: Nothing) -> None:
        self.done += 1

    async def _hang(self, _: Nothing) -> Answer:
        await asyncio.Event().wait()
        raise AssertionError("nobody sets it")

    async def hears(self, *told: tuple[str, bytes]) -> None:
        """Take messages until all of them are dealt with."""
        for each in told:
            self.desk.hear(*each)
        running = asyncio.ensure_future(self.desk.run())
        while self.desk._waiting.qsize():
            await asyncio.sleep(0)
        await asyncio.sleep(0.05)  # for those that hang until their time is over
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    def result(self, command_id: str) -> Result:
        return commands.decode_result(self.desk.untold()[command_id])


def told(kind: CommandKind = CommandKind.READ_NOW, **more: Any) -> bytes:
    times = {"issued_at_ms": NOW_MS, "expires_at_ms": NOW_MS + 60_000, **more}
    return commands.encode(Command(kind=kind, issuer="user:ada", **times))


async def test_what_is_delivered_again_acts_once_and_is_answered_again(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    await desk.hears(("a", told()), ("a", told()))
    desk.desk.acknowledged("a")
    assert not desk.desk.untold()
    again = Desk(tmp_path, "second")
    await again.hears(("a", told()))
    assert (desk.done, again.done) == (1, 0)
    assert again.result("a").answer == {"n": 1}


async def test_what_the_agent_ended_within_is_not_begun_again(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    assert desk.book.begin("cut", commands.decode(told()), "first", NOW_MS)
    assert desk.book.begin("again", commands.decode(told(CommandKind.RESTART)), "first", NOW_MS)
    desk = Desk(tmp_path, "second")
    await desk.hears(("cut", told()), ("again", told(CommandKind.RESTART)))
    assert desk.done == 0
    assert (desk.result("cut").outcome, desk.result("cut").reason) == (CommandOutcome.FAILED, Reason.INTERRUPTED)
    assert desk.result("again").answer == {"session_before": "first", "session": "second"}


async def test_without_a_known_clock_nothing_is_done_then_or_later(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.now_ms = None
    await desk.hears(("a", told()))
    assert desk.result("a").reason is Reason.CLOCK_UNKNOWN
    desk.now_ms = NOW_MS
    await desk.hears(("a", told()))
    assert desk.done == 0


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (told(expires_at_ms=NOW_MS), Reason.EXPIRED),
        (told(issued_at_ms=NOW_MS + 120_000, expires_at_ms=NOW_MS + 180_000), Reason.ISSUED_AHEAD),
        (told(expires_at_ms=NOW_MS + 10**9), Reason.LIVES_TOO_LONG),
        (told(arguments={"x": 1}), Reason.MALFORMED),
        (told(CommandKind.DOCTOR), Reason.NOT_SUPPORTED),
        (b"\x00", Reason.MALFORMED),
        (b'{"kind":"format_disk","issued_at_ms":1,"expires_at_ms":2,"issuer":"x"}', Reason.MALFORMED),
        (b" " * 20_000, Reason.MALFORMED),
    ],
)
async def test_what_may_not_be_done_is_refused_with_a_reason(tmp_path: Path, payload: bytes, reason: Reason) -> None:
    desk = Desk(tmp_path)
    await desk.hears(("a", payload))
    assert (desk.result("a").outcome, desk.result("a").reason) == (CommandOutcome.REFUSED, reason)
    assert desk.done == 0


def raising(error: Exception) -> Callable[[], Answer]:
    def fail() -> Answer:
        raise error

    return fail


@pytest.mark.parametrize(
    ("error", "outcome", "reason"),
    [
        (ArgumentsWrong("devices: found 'x'"), CommandOutcome.REFUSED, Reason.MALFORMED),
        (PortUnavailable("gone"), CommandOutcome.FAILED, Reason.FAILED),
        (ZeroDivisionError("of a driver"), CommandOutcome.FAILED, Reason.FAILED),
    ],
)
async def test_what_fails_says_so_and_ends_nothing(
    tmp_path: Path, error: Exception, outcome: CommandOutcome, reason: Reason
) -> None:
    desk = Desk(tmp_path)
    desk.does = raising(error)
    await desk.hears(("a", told()), ("slow", told(CommandKind.IDENTIFY)))
    assert (desk.result("a").outcome, desk.result("a").reason) == (outcome, reason)
    assert str(error) in desk.result("a").detail
    assert desk.result("slow").reason is Reason.TOOK_TOO_LONG


async def test_an_id_that_cannot_be_remembered_is_no_command(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    await desk.hears(("Not A Slug", told()))
    assert desk.done == 0
    assert not desk.desk.untold()


async def test_what_the_disk_does_not_take_is_not_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(file: Path, content: object) -> None:
        raise OSError(28, "No space left on device")

    desk = Desk(tmp_path)
    monkeypatch.setattr(durable, "write", full)
    await desk.hears(("a", told()))
    assert desk.done == 0
    assert "the disk takes nothing" in desk.result("a").detail


def test_what_has_expired_is_forgotten_and_what_has_not_never(tmp_path: Path) -> None:
    book = CommandBook(tmp_path)
    for at in range(MOST_REMEMBERED):
        assert book.begin(f"c{at}", commands.decode(told()), "s", NOW_MS)
    assert not book.begin("one-more", commands.decode(told()), "s", NOW_MS)
    for at in range(MOST_REMEMBERED):
        book.finish(f"c{at}", Result(outcome=CommandOutcome.DONE))
        book.acknowledge(f"c{at}")
    assert not book.begin("one-more", commands.decode(told()), "s", NOW_MS)
    assert book.begin("one-more", commands.decode(told()), "s", NOW_MS + 60_000)
    assert book.get("c0") is None
    assert book.get("c1") is not None


async def test_what_was_done_is_told_to_who_asks_after_it_has_expired(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    await desk.hears(("a", told()))
    desk.desk.acknowledged("a")  # by the broker; the platform was away
    desk.now_ms = NOW_MS + 3_600_000
    later = told(issued_at_ms=desk.now_ms, expires_at_ms=desk.now_ms + 60_000)
    await desk.hears(("b", later), ("a", told()))
    assert desk.result("a").outcome is CommandOutcome.DONE
    assert desk.done == 2
    desk.desk.acknowledged("a")
    desk.now_ms += ASKED_AFTER_MS
    assert desk.book.begin("c", commands.decode(later), "s", desk.now_ms)
    assert desk.book.get("a") is None


async def test_an_answer_that_no_broker_takes_is_not_told(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.does = lambda: Answer({"devices": "x" * commands.MAX_RESULT_BYTES})
    await desk.hears(("a", told()))
    assert (desk.result("a").outcome, desk.result("a").reason) == (CommandOutcome.FAILED, Reason.FAILED)
    assert len(desk.desk.untold()["a"]) < 1000


def test_results_that_were_told_make_room_for_newer_ones(tmp_path: Path) -> None:
    book = CommandBook(tmp_path)
    for at in range(9):
        book.begin(f"c{at}", commands.decode(told()), "s", NOW_MS)
        book.finish(f"c{at}", Result(outcome=CommandOutcome.DONE, bundle=bytes(96 * 1024)))
        book.acknowledge(f"c{at}")
    kept = {name: commands.decode_result(entry.result or b"") for name, entry in book._entries.items()}
    assert kept["c8"].bundle is not None
    assert kept["c0"].bundle is None
    assert "delivered" in kept["c0"].detail
