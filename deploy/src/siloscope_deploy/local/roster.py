"""The list of running children on disk: what a supervisor that was killed left behind, its successor finds here."""

import contextlib
import os
import signal
from collections.abc import Callable
from pathlib import Path

import msgspec

from siloscope_deploy.local.home import write_private
from siloscope_deploy.local.identity import Identity, identify
from siloscope_process.clock import Clock

_POLL_S = 0.05


class Entry(msgspec.Struct, frozen=True):
    """One child: its name, who it is, and the signal that it ends cleanly at."""

    name: str
    pid: int
    started: str
    graceful: int

    @property
    def identity(self) -> Identity:
        """The process."""
        return Identity(self.pid, self.started)


class Roster:
    """The running children, written at every change.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._entries = self._read()

    def add(self, name: str, pid: int, graceful: signal.Signals) -> None:
        """Note a child that was just started; one that has already ended is not noted."""
        identity = identify(pid)
        if identity is not None:
            self._entries.append(Entry(name, pid, identity.started, int(graceful)))
            self._write()

    def remove(self, pid: int) -> None:
        """Forget a child that has ended."""
        self._entries = [entry for entry in self._entries if entry.pid != pid]
        with contextlib.suppress(OSError):  # an entry that stays on a full disk says of itself that it is dead
            self._write()

    def living(self) -> list[Entry]:
        """Return those that still run, and are provably the ones that were noted."""
        return [entry for entry in self._entries if entry.identity.alive]

    async def sweep(self, clock: Clock, patience_s: float, tell: Callable[[str], None]) -> None:
        """End what an earlier supervisor left behind: first asked, then forced."""
        left = self.living()
        for entry in left:
            tell(f"ending a leftover {entry.name} (pid {entry.pid})")
            _send(entry, entry.graceful)
        deadline = clock.monotonic_s() + patience_s
        while any(entry.identity.alive for entry in left):
            if clock.monotonic_s() > deadline:
                for entry in left:
                    _send(entry, signal.SIGKILL)
            await clock.sleep(_POLL_S)
        self._entries = []
        self._write()

    def _read(self) -> list[Entry]:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=list[Entry])
        except (FileNotFoundError, msgspec.DecodeError):
            return []  # nothing ran, or the machine went down in mid-write: then nothing runs either

    def _write(self) -> None:
        write_private(self._path, msgspec.json.encode(self._entries).decode())


def _send(entry: Entry, number: int) -> None:
    if not entry.identity.alive:
        return
    try:
        os.kill(entry.pid, number)
    except ProcessLookupError:
        return
