"""One child of the supervisor: how it is started, when it is ready, how it ends."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from siloscope_deploy.errors import EndedWhileStarting, ServerFailed
from siloscope_deploy.local.roster import Roster
from siloscope_deploy.servers.accounts import Account
from siloscope_deploy.servers.server_process import last_lines, tethered
from siloscope_process.clock import Clock

_POLL_S = 0.05
_LINES_SHOWN = 6
_WIDTH_SHOWN = 160

Probe = Callable[[], Awaitable[bool]]


@dataclass(frozen=True)
class Child:
    """What the supervisor must know of a process.

    Attributes:
        name: As messages and the log's file name call it.
        argv: The program with an absolute path, and its arguments; never a secret, since others can read them.
        ready: Answers whether it does its work.
        environ: All that it gets of an environment, besides PATH and the like.
        stage: Children end stage by stage, the highest first, so that nobody loses what it still needs.
        graceful: The signal it ends cleanly at.
        account: Whom it runs as; None = whoever we are.
    """

    name: str
    argv: tuple[str, ...]
    ready: Probe
    environ: Mapping[str, str] = field(default_factory=dict)
    stage: int = 0
    graceful: signal.Signals = signal.SIGTERM
    account: Account | None = None
    ready_within_s: float = 60
    ends_within_s: float = 15


class RunningChild:
    """A child that was started.

    Args:
        child: What it is.
        process: What runs.
        log: Where its output goes.
        written_from: Byte of the log at which this process began.
    """

    def __init__(
        self, child: Child, process: asyncio.subprocess.Process, log: Path, written_from: int, roster: Roster
    ) -> None:
        self.child = child
        self.process = process
        self._log = log
        self._written_from = written_from
        self._roster = roster

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.process.pid

    async def until_ready(self, clock: Clock) -> None:
        """Wait until it does its work.

        Raises:
            EndedWhileStarting: It ended before.
            ServerFailed: It took too long.
        """
        deadline = clock.monotonic_s() + self.child.ready_within_s
        while not await self.child.ready():
            if (code := self.process.returncode) is not None:
                raise EndedWhileStarting(self.failed(f"{ending(code)} while it started"), code)
            if clock.monotonic_s() > deadline:
                raise self.failed(f"is not ready after {self.child.ready_within_s:.0f} s")
            await clock.sleep(_POLL_S)

    async def ended(self) -> int:
        """Wait for its end; return its exit code, or minus the signal that ended it."""
        code = await self.process.wait()
        self._roster.remove(self.process.pid)
        return code

    async def end(self) -> None:
        """Ask it to end; force it where it does not in time."""
        if self.process.returncode is None:
            self.process.send_signal(self.child.graceful)
            try:
                await asyncio.wait_for(self.process.wait(), self.child.ends_within_s)
            except TimeoutError:
                self.kill()
        await self.ended()

    def kill(self) -> None:
        """End it at once."""
        if self.process.returncode is None:
            self.process.kill()

    def failed(self, problem: str) -> ServerFailed:
        """Return the error that says what is wrong, with the last lines of the log."""
        lines = last_lines(self._log, _LINES_SHOWN, written_from=self._written_from)
        return ServerFailed(self.child.name, problem, [shortened(line) for line in lines])


async def spawn(child: Child, log_folder: Path, roster: Roster) -> RunningChild:
    """Start a child and note it in the roster; it ends with this process whatever happens."""
    log = log_folder / f"{child.name}.log"
    with log.open("ab") as output:
        written_from = output.tell()
        process = await asyncio.create_subprocess_exec(
            *tethered(child.argv, child.graceful, child.account),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**_plain_environment(), **child.environ},
            start_new_session=True,  # Ctrl-C is for the supervisor, which decides the order of the end
        )
    try:
        roster.add(child.name, process.pid, child.graceful)
    except OSError:
        process.kill()
        await process.wait()
        raise
    return RunningChild(child, process, log, written_from, roster)


def shortened(line: str) -> str:
    """Return a line of a log as a terminal can bear it."""
    return line if len(line) <= _WIDTH_SHOWN else line[: _WIDTH_SHOWN - 1] + "…"


def ending(code: int) -> str:
    """Say how a process ended."""
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"


def _plain_environment() -> dict[str, str]:
    return {"PATH": os.defpath, "LANG": "C.UTF-8", "TZ": "UTC", "PYTHONUNBUFFERED": "1"}
