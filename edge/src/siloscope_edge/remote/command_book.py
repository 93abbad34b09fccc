"""Which commands were given, and what came of them: durable, so that none acts twice and no result is lost."""

from pathlib import Path

import structlog
from msgspec import Struct
from msgspec.structs import replace

from siloscope_contract import commands
from siloscope_contract.commands import Command, CommandKind, CommandOutcome, Reason, Result
from siloscope_edge import durable

_log = structlog.get_logger(__name__)
FILE = "commands.json"
MOST_REMEMBERED = 256
ASKED_AFTER_MS = 2 * 3_600_000
"""Longer than the platform asks what came of a command that has expired: it must not hear that nothing was done."""
MOST_RESULT_BYTES = 512 * 1024
"""Results that were acknowledged are kept for whoever asks again, the newest of them up to this much."""


class Entry(Struct, frozen=True):
    """One command.

    Attributes:
        session: Of the agent that began it.
        result: Encoded; None while it is being done.
        acknowledged: Whether the broker has the result.
    """

    kind: CommandKind
    expires_at_ms: int
    session: str
    result: bytes | None = None
    acknowledged: bool = False


class CommandBook:
    """The commands that must not be forgotten yet, by id, oldest first.

    Args:
        directory: The agent's data directory.
    """

    def __init__(self, directory: Path) -> None:
        self._file = directory / "remote" / FILE
        self._entries: dict[str, Entry] = durable.read(self._file, dict[str, Entry]) or {}

    def get(self, command_id: str) -> Entry | None:
        """Return a command that was given before."""
        return self._entries.get(command_id)

    def untold(self) -> dict[str, bytes]:
        """Return the results that the broker has not acknowledged."""
        return {
            command_id: entry.result
            for command_id, entry in self._entries.items()
            if entry.result is not None and not entry.acknowledged
        }

    def begin(self, command_id: str, command: Command, session: str, now_ms: int) -> bool:
        """Note a command before it is done; return whether there was room for it.

        Raises:
            OSError: The disk does not take it: it must not be done.
        """
        entries = {key: each for key, each in self._entries.items() if _may_be_asked_after(each, now_ms)}
        for key in [key for key, each in entries.items() if each.expires_at_ms <= now_ms and not _is_open(each)]:
            if len(entries) >= MOST_REMEMBERED:
                del entries[key]
        if len(entries) >= MOST_REMEMBERED:
            return False
        entries[command_id] = Entry(command.kind, command.expires_at_ms, session)
        durable.write(self._file, entries)
        self._entries = entries
        return True

    def finish(self, command_id: str, result: Result) -> None:
        """Note what came of a command. A full disk loses it with the next power cut, and then it was interrupted."""
        self._entries[command_id] = replace(self._entries[command_id], result=commands.encode(result))
        self._bound_results()
        self._keep()

    def acknowledge(self, command_id: str) -> None:
        """Note that the broker has a result."""
        if (entry := self._entries.get(command_id)) is not None and not entry.acknowledged:
            self._entries[command_id] = replace(entry, acknowledged=True)
            self._keep()

    def tell_again(self, command_id: str) -> None:
        """Have a result told once more: somebody did not get it."""
        entry = self._entries[command_id]
        if entry.result is not None:
            self._entries[command_id] = replace(entry, acknowledged=False)

    def settle(self, session: str, now_ms: int | None) -> None:
        """At a start: say what became of commands that the agent ended within."""
        for command_id, entry in list(self._entries.items()):
            if entry.result is not None:
                continue
            if entry.kind is CommandKind.RESTART:
                answer = {"session_before": entry.session, "session": session}
                result = Result(outcome=CommandOutcome.DONE, answer=answer, at_ms=now_ms, session=session)
            else:
                told = "the agent ended while it was being done, and does not begin it again"
                result = Result(
                    outcome=CommandOutcome.FAILED,
                    reason=Reason.INTERRUPTED,
                    detail=told,
                    at_ms=now_ms,
                    session=session,
                )
            self.finish(command_id, result)

    def _bound_results(self) -> None:
        """Let go of the oldest results that were told, where all together are too large; their ids stay."""
        room = MOST_RESULT_BYTES
        for command_id, entry in reversed(list(self._entries.items())):
            room -= len(entry.result or b"")
            if room < 0 and entry.acknowledged and entry.result is not None:
                gone = Result(outcome=CommandOutcome.DONE, detail="its result was delivered, and is not kept any more")
                self._entries[command_id] = replace(entry, result=commands.encode(gone))

    def _keep(self) -> None:
        try:
            durable.write(self._file, self._entries)
        except OSError as error:
            _log.error("commands_not_kept", detail=str(error))


def _may_be_asked_after(entry: Entry, now_ms: int) -> bool:
    return entry.expires_at_ms + ASKED_AFTER_MS > now_ms or _is_open(entry)


def _is_open(entry: Entry) -> bool:
    return entry.result is None or not entry.acknowledged
