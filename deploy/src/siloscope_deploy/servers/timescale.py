"""TimescaleDB for tests and benchmarks, from where this machine has it.

`find_timescale` looks in this order:

1. `SILOSCOPE_TEST_DATABASE_URL`: a server that somebody else runs (a role that may create databases).
2. A Docker engine that answers: the official image.
3. Root on Debian: TimescaleDB of Debian 13 in a tree of its own, see `debian_root`.
"""

import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from siloscope_deploy.servers.debian_root import debian_root, debian_root_obstacle
from siloscope_deploy.servers.instance_directory import InstanceDirectory
from siloscope_deploy.servers.memory import shared_buffers
from siloscope_deploy.servers.ports import LOOPBACK, free_port
from siloscope_deploy.servers.server_process import ServerProcess
from siloscope_process.errors import Unavailable

BINARIES = "/usr/lib/postgresql/17/bin"
CHROOT = "/usr/sbin/chroot"
READY_WITHIN_S = 60
IMAGE = "timescale/timescaledb:latest-pg17"

SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "shared_preload_libraries": "timescaledb",
    "dynamic_shared_memory_type": "mmap",  # a chroot has no /dev/shm of its own
    "timescaledb.telemetry_level": "off",
    "timescaledb.max_background_workers": "0",  # our jobs are our own; a worker in a template forbids copying it
    "max_connections": "200",
    "max_wal_size": "4GB",
}
FAST = {"fsync": "off", "full_page_writes": "off", "autovacuum": "off", "shared_buffers": "256MB"}
DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}


class DatabaseServer(Protocol):
    """A PostgreSQL server that can be started, stopped, killed and started again on the same port and data."""

    @property
    def url(self) -> str:
        """The URL of its maintenance database, for a role that may create databases."""

    @property
    def pid(self) -> int | None:
        """The process to send a signal to, or None when it is not ours to signal."""

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def kill(self) -> None: ...

    def discard(self) -> None:
        """Stop and forget all data."""


def find_timescale(environ: Mapping[str, str], *, durable: bool = False) -> DatabaseServer:
    """Return a TimescaleDB server, not yet started.

    Args:
        environ: names the server or the cache; see the module's docstring.
        durable: commit to disk as in production: for benchmarks, and for tests that kill the server. Other tests trade
            that for speed.

    Raises:
        Unavailable: there is none to be had here; the message says what would help.
    """
    if url := environ.get("SILOSCOPE_TEST_DATABASE_URL"):
        return ForeignServer(url)
    if docker_answers():
        from siloscope_deploy.servers.timescale_image import TimescaleImage

        return TimescaleImage(IMAGE, settings=_tuning(durable=durable))
    return TimescaleServer(debian_root(environ), durable=durable)


def timescale_obstacle(environ: Mapping[str, str]) -> str | None:
    """Return why there is no TimescaleDB to be had here, without starting or building one; None where there may be."""
    if environ.get("SILOSCOPE_TEST_DATABASE_URL") or docker_answers():
        return None
    return debian_root_obstacle(environ)


def docker_answers() -> bool:
    """Return whether a Docker engine (not only its client) is there."""
    if shutil.which("docker") is None:
        return False
    asked = subprocess.run(["docker", "info"], capture_output=True, check=False, timeout=20)
    return asked.returncode == 0


class ForeignServer:
    """A server that somebody else runs: used as it is, never started, stopped or killed."""

    pid = None

    def __init__(self, url: str) -> None:
        self.url = url

    def start(self) -> None:
        """Do nothing: it runs already."""

    stop = discard = start

    def kill(self) -> None:
        """Refuse: it is not ours to kill."""
        raise Unavailable("the server named by SILOSCOPE_TEST_DATABASE_URL is not ours to kill")


class TimescaleServer:
    """TimescaleDB of a Debian tree, run inside it by its own `postgres` user on 127.0.0.1.

    Args:
        tree: Of `debian_root`.
        durable: As for `find_timescale`.
        settings: Further ones, or others than `SETTINGS`.
    """

    def __init__(self, tree: Path, *, durable: bool = False, settings: Mapping[str, str] | None = None) -> None:
        self.port = free_port()
        self._tree = tree
        self._password = secrets.token_urlsafe(18)
        self._instance = InstanceDirectory(tree / "tmp" / "siloscope")
        told = {**SETTINGS, **_tuning(durable=durable), **(settings or {}), "port": str(self.port)}
        options = [word for name, value in told.items() for word in ("-c", f"{name}={value}")]
        self._process = ServerProcess(
            "TimescaleDB",
            self._inside(f"{BINARIES}/postgres", "-D", self._seen_inside("data"), *options),
            log=self._instance.path / "server.log",
            graceful=signal.SIGINT,  # "fast": sessions are cut, everything is written
        )

    @property
    def directory(self) -> Path:
        """Where its data and its log are."""
        return self._instance.path

    @property
    def url(self) -> str:
        """The URL of the maintenance database, for the superuser."""
        return f"postgresql://postgres:{self._password}@{LOOPBACK}:{self.port}/postgres"

    @property
    def pid(self) -> int | None:
        """The postmaster's process id, or None while it does not run."""
        return self._process.pid if self._process.running else None

    def start(self) -> None:
        """Start the server (making its data directory the first time) and return when it accepts connections."""
        if not (self._instance.path / "data").is_dir():
            self._initialise()
        self._process.start()
        self._process.wait_until(self._accepts_connections, READY_WITHIN_S)

    def stop(self) -> None:
        """End every connection and stop cleanly; the data stays."""
        self._process.stop()

    def kill(self) -> None:
        """End the server with SIGKILL; the data stays, and the next start recovers it."""
        self._process.kill()

    def discard(self) -> None:
        """Stop and delete the data."""
        self.stop()
        self._instance.delete()

    def follow(self, primary: "TimescaleServer") -> None:
        """Become a replica that streams what another commits, instead of a server with data of its own; then start.

        Raises:
            Unavailable: Its data could not be copied.
        """
        self._password = primary._password
        self._own()
        target = ("-D", self._seen_inside("data"), "-R", "--checkpoint=fast")
        command = self._inside(f"{BINARIES}/pg_basebackup", "-d", primary.url, *target)
        made = subprocess.run(command, capture_output=True, text=True, check=False)
        if made.returncode != 0:
            raise Unavailable(f"pg_basebackup in {self._tree} failed: {made.stderr.strip()}")
        self.start()

    def _own(self) -> None:
        owner = (self._tree / "var/lib/postgresql").stat()
        os.chown(self._instance.path, owner.st_uid, owner.st_gid)

    def _initialise(self) -> None:
        self._own()
        with self._password_file() as password_file:
            command = self._inside(
                *(f"{BINARIES}/initdb", "-D", self._seen_inside("data"), "-U", "postgres", "--auth=scram-sha-256"),
                *(f"--pwfile={password_file}", "--no-sync", "--encoding=UTF8", "--locale=C.UTF-8"),
            )
            made = subprocess.run(command, capture_output=True, text=True, check=False)
        if made.returncode != 0:
            raise Unavailable(f"initdb in {self._tree} failed: {made.stderr.strip()}")

    @contextmanager
    def _password_file(self) -> Iterator[str]:
        path = self._instance.path / "password"
        path.touch(mode=0o600)
        owner = self._instance.path.stat()
        os.chown(path, owner.st_uid, owner.st_gid)
        path.write_text(self._password)
        try:
            yield self._seen_inside("password")
        finally:
            path.unlink()

    def _accepts_connections(self) -> bool:
        command = [CHROOT, str(self._tree), f"{BINARIES}/pg_isready", "-q", "-h", LOOPBACK, "-p", str(self.port)]
        return subprocess.run(command, check=False).returncode == 0

    def _inside(self, *command: str) -> list[str]:
        # setpriv asks for the signal at our death after it changed the user: the change would undo an earlier wish.
        identity = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--pdeathsig", "INT", "--"]
        return [CHROOT, str(self._tree), *identity, *command]

    def _seen_inside(self, name: str) -> str:
        return f"/{(self._instance.path / name).relative_to(self._tree)}"


def _tuning(*, durable: bool) -> dict[str, str]:
    return {**DURABLE, "shared_buffers": shared_buffers()} if durable else FAST
