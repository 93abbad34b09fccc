"""A server process of this machine that lives no longer than the process that started it."""

import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from siloscope_process.errors import Unavailable

POLL_S = 0.02


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def port_answers(port: int) -> bool:
    """Return whether somebody accepts a connection on this port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Daemon:
    """One child process: started, found ready, stopped or killed, and started again with the same command.

    The kernel sends it `stop_signal` when the thread that started it ends (`setpriv --pdeathsig`; it outlasts a change
    of user, which a setting made between fork and exec would not), so a killed test run leaves nothing behind.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        log: Path,
        ready: Callable[[], bool],
        stop_signal: signal.Signals = signal.SIGTERM,
        limit_s: float = 30.0,
    ) -> None:
        self._command = list(command)
        self._log = log
        self._ready = ready
        self._stop_signal = stop_signal
        self._limit_s = limit_s
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The process id, or None while it does not run."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def start(self) -> None:
        """Start the process and return when it is ready.

        Raises:
            Unavailable: it ended, or was not ready in time; the message carries the end of its log.
        """
        if self.pid is not None:
            return
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + self._limit_s
        while not (self.pid is not None and self._ready()):
            if self.pid is None:
                raise Unavailable(f"{self._command[0]} ended with code {self._process.returncode}: {self._tail()}")
            if time.monotonic() > deadline:
                self.kill()
                raise Unavailable(f"{self._command[0]} was not ready within {self._limit_s:g} s: {self._tail()}")
            time.sleep(POLL_S)

    def stop(self) -> None:
        """Ask the process to end and wait; kill it when it does not within the limit."""
        process = self._process
        if process is None or process.poll() is not None:
            return
        process.send_signal(self._stop_signal)
        try:
            process.wait(self._limit_s)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End the process with SIGKILL and wait until it and the children it had are gone.

        A database server whose first process was killed refuses to start again while a child still holds its memory.
        """
        process = self._process
        if process is None or process.poll() is not None:
            return
        children = _children(process.pid)
        process.kill()
        process.wait()
        deadline = time.monotonic() + self._limit_s
        while any(Path(f"/proc/{child}").exists() for child in children) and time.monotonic() < deadline:
            time.sleep(POLL_S)

    def _tail(self) -> str:
        lines = self._log.read_text(errors="replace").strip().splitlines() if self._log.exists() else []
        return " | ".join(lines[-3:]) or "nothing was logged"


def bound_to_its_parent(*, user: str | None = None, death_signal: signal.Signals = signal.SIGTERM) -> list[str]:
    """Return the command prefix that ties a process to the life of its parent and, as root, gives it another user."""
    if shutil.which("setpriv") is None:
        return []
    identity = [f"--reuid={user}", f"--regid={user}", "--init-groups"] if user else []
    return ["setpriv", *identity, "--pdeathsig", death_signal.name.removeprefix("SIG"), "--"]


def _children(pid: int) -> list[str]:
    listed = Path(f"/proc/{pid}/task/{pid}/children")
    return listed.read_text().split() if listed.exists() else []
