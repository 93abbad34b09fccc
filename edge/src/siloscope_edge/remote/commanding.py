"""Doing commands: one after the other, each once, each within a time, and each with a result."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
import structlog
from msgspec import Struct

from siloscope_contract import commands
from siloscope_contract.commands import Command, CommandKind, CommandOutcome, Reason, Result
from siloscope_contract.errors import MalformedMessage
from siloscope_edge.errors import EdgeError
from siloscope_edge.remote.command_book import CommandBook

_log = structlog.get_logger(__name__)
MOST_WAITING = 32
TOLERANCE_MS = 60_000
"""The platform's clock and the node's may be so far apart."""


class Answer(Struct, frozen=True):
    """What a command brought."""

    answer: dict[str, Any] = {}
    bundle: bytes | None = None


class ArgumentsWrong(Exception):
    """What it was told cannot be meant on this node; the message says at which place."""


class Action(Struct, frozen=True):
    """How a kind of command is done.

    Attributes:
        arguments: What it is given, a struct.
        within_s: How long it may take.
        act: Does it; None: the agent ends, and the next start says that it was done.
    """

    arguments: type[Struct]
    within_s: float
    act: Callable[[Any], Awaitable[Answer | None]]


class CommandDesk:
    """Takes commands and does them.

    Args:
        book: Remembers them.
        actions: What this node can do.
        known_ms: The wall clock where it is known to be right; else None.
        session: Of this agent.
        told: Called when there is a result to tell.
    """

    def __init__(
        self,
        book: CommandBook,
        actions: Mapping[CommandKind, Action],
        known_ms: Callable[[], int | None],
        session: str,
        told: Callable[[], None],
    ) -> None:
        self._book = book
        self._actions = actions
        self._known_ms = known_ms
        self._session = session
        self._told = told
        self._waiting: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue(MOST_WAITING)
        self._unremembered: dict[str, bytes] = {}

    def hear(self, command_id: str, payload: bytes) -> None:
        """Take a message of a command topic; what is too much is given again by whoever wants it done."""
        try:
            self._waiting.put_nowait((command_id, payload))
        except asyncio.QueueFull:
            _log.warning("command_not_taken", id=command_id, reason="too many wait")

    def untold(self) -> dict[str, bytes]:
        """Return the results to be told, by id of their commands."""
        return {**self._book.untold(), **self._unremembered}

    def acknowledged(self, command_id: str) -> None:
        """Note that the broker has a result."""
        self._unremembered.pop(command_id, None)
        self._book.acknowledge(command_id)

    async def run(self) -> None:
        """Do what comes until cancelled."""
        self._book.settle(self._session, self._known_ms())
        self._told()
        while True:
            command_id, payload = await self._waiting.get()
            await self._consider(command_id, payload)
            self._told()

    async def _consider(self, command_id: str, payload: bytes) -> None:
        if not commands.is_command_id(command_id):
            _log.warning("command_not_taken", id=command_id[:80], reason="its id is no slug")
            return
        if self._book.get(command_id) is not None:
            self._book.tell_again(command_id)
            return
        try:
            command = commands.decode(payload)
        except MalformedMessage as error:
            self._refuse(command_id, Reason.MALFORMED, str(error))
            return
        now_ms = self._known_ms()
        if (refusal := commands.refusal(command, now_ms, TOLERANCE_MS)) is not None:
            await self._refuse_for_good(command_id, command, *refusal)
            return
        assert now_ms is not None, "without a clock a command is refused"
        await self._do(command_id, command, now_ms)

    async def _do(self, command_id: str, command: Command, now_ms: int) -> None:
        action = self._actions.get(command.kind)
        if action is None:
            self._refuse(command_id, Reason.NOT_SUPPORTED, f"{command.kind.value} is not possible on this node")
            return
        try:
            arguments = msgspec.convert(command.arguments, action.arguments)
        except msgspec.ValidationError as error:
            self._refuse(command_id, Reason.MALFORMED, f"arguments of {command.kind.value}: {error}")
            return
        if not self._begun(command_id, command, now_ms):
            return
        _log.info("command_begun", id=command_id, kind=command.kind.value, issuer=command.issuer)
        result = await self._acted(action, arguments)
        if result is not None:
            _log.info("command_ended", id=command_id, kind=command.kind.value, outcome=result.outcome.value)
            self._book.finish(command_id, self._told_in_bounds(result))

    async def _acted(self, action: Action, arguments: Struct) -> Result | None:
        try:
            async with asyncio.timeout(action.within_s):
                answer = await action.act(arguments)
        except TimeoutError:
            return self._result(CommandOutcome.FAILED, Reason.TOOK_TOO_LONG, f"it took over {action.within_s:g} s")
        except ArgumentsWrong as error:
            return self._result(CommandOutcome.REFUSED, Reason.MALFORMED, f"arguments: {error}")
        except EdgeError as error:
            return self._result(CommandOutcome.FAILED, Reason.FAILED, str(error))
        except Exception as error:  # a driver may be anybody's, and a command is no reason to end
            _log.exception("command_failed")
            return self._result(CommandOutcome.FAILED, Reason.FAILED, f"{type(error).__name__}: {error}")
        if answer is None:
            return None
        done = self._result(CommandOutcome.DONE)
        return msgspec.structs.replace(done, answer=answer.answer, bundle=answer.bundle)

    def _told_in_bounds(self, result: Result) -> Result:
        """Return what a broker takes: one that is too large would end each connection over which it is told."""
        found = len(commands.encode(result))
        if found <= commands.MAX_RESULT_BYTES:
            return result
        told = f"its answer is too large to be told: found {found} bytes, expected at most {commands.MAX_RESULT_BYTES}"
        return self._result(CommandOutcome.FAILED, Reason.FAILED, told)

    def _begun(self, command_id: str, command: Command, now_ms: int) -> bool:
        try:
            there_is_room = self._book.begin(command_id, command, self._session, now_ms)
        except OSError as error:
            self._refuse(command_id, Reason.FAILED, f"the disk takes nothing: {error.strerror}")
            return False
        if not there_is_room:
            self._refuse(command_id, Reason.TOO_MANY, "too many commands that have not expired yet")
        return there_is_room

    async def _refuse_for_good(self, command_id: str, command: Command, reason: Reason, detail: str) -> None:
        """Refuse what another time would let pass: told once that nothing is done, nobody must find it done later."""
        result = self._result(CommandOutcome.REFUSED, reason, detail)
        if reason in (Reason.CLOCK_UNKNOWN, Reason.ISSUED_AHEAD) and self._begun(command_id, command, 0):
            self._book.finish(command_id, result)
        else:
            self._refuse(command_id, reason, detail)

    def _refuse(self, command_id: str, reason: Reason, detail: str) -> None:
        _log.warning("command_refused", id=command_id, reason=reason.value, detail=detail)
        if len(self._unremembered) < MOST_WAITING:
            result = self._result(CommandOutcome.REFUSED, reason, detail)
            self._unremembered[command_id] = commands.encode(result)

    def _result(self, outcome: CommandOutcome, reason: Reason | None = None, detail: str = "") -> Result:
        return Result(outcome=outcome, reason=reason, detail=detail, at_ms=self._known_ms(), session=self._session)
