"""One server as a child process: its log, its last lines, a graceful end and a hard one."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from siloscope_deploy.errors import ServerFailed
from siloscope_deploy.servers import tether
from siloscope_deploy.servers.accounts import Account

# The kernel's "parent died" means the *thread* that started the child. This thread lives as long as the process does.
_SPAWNER = ThreadPoolExecutor(max_workers=1, thread_name_prefix="server-spawner")
_LAST_LINES = 15
_POLL_S = 0.02
_TAIL_BYTES = 8192


def tethered(argv: Sequence[str], death_signal: signal.Signals, account: Account | None = None) -> list[str]:
    """Return the command that runs `argv` as a child which ends with this process, as `account`."""
    identity = ["-", "-"] if account is None else [str(account.uid), str(account.gid)]
    head = [sys.executable, "-I", "-S", str(tether.__file__), str(int(death_signal)), str(os.getpid())]
    return [*head, *identity, *argv]


def last_lines(log: Path, count: int = _LAST_LINES, *, written_from: int = 0) -> list[str]:
    """Return the end of a log file; nothing where it cannot be read.

    Args:
        log: The file.
        count: How many lines at most.
        written_from: Byte at which the process that is asked about began to write.
    """
    try:
        with log.open("rb") as file:
            size = log.stat().st_size
            first = written_from if written_from <= size else 0  # it was cut meanwhile
            file.seek(max(first, size - _TAIL_BYTES))
            return file.read().decode(errors="replace").splitlines()[-count:]
    except OSError:
        return []


class ServerProcess:
    """A server's process, tied to ours.

    Args:
        name: As messages call it.
        argv: The program with an absolute path, and its arguments; never a secret.
        log: Where its output goes, appended.
        graceful: The signal it ends cleanly at; also what it gets when this process dies.
        account: Whom it runs as; None = whoever we are.
        environ: Its environment; nothing of ours is passed on unless it is here.
    """

    def __init__(
        self,
        name: str,
        argv: Sequence[str],
        *,
        log: Path,
        graceful: signal.Signals = signal.SIGTERM,
        account: Account | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.log = log
        self._argv = tethered(argv, graceful, account)
        self._graceful = graceful
        self._environ = {"PATH": os.defpath, **(environ or {})}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """Its process id.

        Raises:
            ServerFailed: It does not run.
        """
        if self._process is None or not self.running:
            raise self.failed("is not running")
        return self._process.pid

    def start(self) -> None:
        """Start it; whether it is ready is the caller's question."""
        if self.running:
            return
        self._process = _SPAWNER.submit(self._spawn).result()

    def wait_until(self, ready: Callable[[], bool], within_s: float) -> None:
        """Wait until it is ready.

        Raises:
            ServerFailed: It ended or was not ready in time.
        """
        deadline = time.monotonic() + within_s
        while not ready():
            if not self.running:
                raise self.failed("ended while it started")
            if time.monotonic() > deadline:
                raise self.failed(f"did not answer within {within_s:g} s")
            time.sleep(_POLL_S)

    def stop(self, timeout_s: float = 20) -> None:
        """Ask it to end cleanly and wait; a hard end where it does not in time."""
        if self._process is None or not self.running:
            return
        self._process.send_signal(self._graceful)
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End it and its own children with SIGKILL, as a power cut would."""
        if self._process is None or not self.running:
            return
        family = [self._process.pid, *_children_of(self._process.pid)]
        for pid in family:
            _kill(pid)
        self._process.wait()

    def failed(self, problem: str) -> ServerFailed:
        """Return the error that says what is wrong, with the log's last lines."""
        return ServerFailed(self.name, problem, last_lines(self.log))

    def _spawn(self) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as output:
            return subprocess.Popen(
                self._argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self._environ,
                start_new_session=True,  # Ctrl-C at the terminal is for us; we decide the order of the end
            )


def _children_of(pid: int) -> list[int]:
    try:
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []  # no Linux: a PostgreSQL backend notices its server's death by itself


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
