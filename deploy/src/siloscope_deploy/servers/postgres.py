"""The embedded PostgreSQL, its programs run directly: so its folder, account and settings are ours to choose."""

import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from urllib.parse import quote

from siloscope_deploy.errors import ServerFailed
from siloscope_deploy.servers.accounts import give, reachable_folder, server_account
from siloscope_deploy.servers.memory import shared_buffers
from siloscope_deploy.servers.own_server import OwnServer
from siloscope_deploy.servers.ports import LOOPBACK, free_port
from siloscope_deploy.servers.postgres_binaries import programs
from siloscope_deploy.servers.server_process import ServerProcess, tethered
from siloscope_store.new_server import database_and_owner

ROLE = "siloscope"
SERVICES_ROLE = "siloscope_services"
DATABASE = "siloscope"
_SETTINGS = "siloscope.conf"


class PostgresServer(OwnServer):
    """A PostgreSQL server of our own.

    Args:
        directory: Holds the data, the log and the generated password. Where the server's account cannot reach it, a
            folder under /var/lib/siloscope stands for it; see `directory` afterwards.
        port: Its port on 127.0.0.1; a free one unless told, and the same after a restart of this object.
        settings: Further lines for postgresql.conf, such as `{"fsync": "off"}` for tests that may lose data.
    """

    ready_within_s = 60
    graceful = signal.SIGINT  # "fast": sessions are cut, everything is written
    environ: Mapping[str, str] = MappingProxyType({"LC_ALL": "C.UTF-8", "TZ": "UTC"})

    def __init__(self, directory: Path, port: int | None = None, settings: dict[str, str] | None = None) -> None:
        self.account = server_account()
        self.directory = reachable_folder(self.account, directory)
        self.port = port or free_port()
        self._settings = settings or {}
        self._data = self.directory / "data"
        self._programs = programs(self.account)
        self.process = ServerProcess(
            "postgres",
            self.command,
            log=self.directory / "postgres.log",
            graceful=self.graceful,
            account=self.account,
            environ=self.environ,
        )

    @property
    def command(self) -> list[str]:
        """The program and its arguments."""
        return [str(self._programs / "postgres"), "-D", str(self._data)]

    @property
    def password(self) -> str:
        """The password of the superuser `siloscope`, generated at the first start."""
        return (self.directory / "password").read_text().strip()

    @property
    def url(self) -> str:
        """Where the database `siloscope` is, for its superuser."""
        return self.url_of(DATABASE)

    @property
    def services_url(self) -> str:
        """Where the database `siloscope` is, for services: as its owner, who may make roles and is no superuser."""
        password = (self.directory / "services-password").read_text().strip()
        return f"postgresql://{SERVICES_ROLE}:{quote(password, safe='')}@{LOOPBACK}:{self.port}/{DATABASE}"

    def url_of(self, database: str) -> str:
        """Return where another database of this server is."""
        return f"postgresql://{ROLE}:{quote(self.password, safe='')}@{LOOPBACK}:{self.port}/{quote(database)}"

    def prepare(self) -> None:
        """Create the data directory where there is none, and write the settings.

        Raises:
            ServerFailed: `initdb` refused; its last lines say why.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        if not self._data.exists():
            self._initialise()
        _write(self._data / _SETTINGS, _render(self._told()), 0o644)

    def _told(self) -> dict[str, str]:
        return {**_DEFAULTS, "shared_buffers": shared_buffers(), "port": str(self.port), **self._settings}

    def is_ready(self) -> bool:
        """Say whether it accepts connections."""
        ask = [str(self._programs / "pg_isready"), "-q", "-h", LOOPBACK, "-p", str(self.port), "-U", ROLE]
        return subprocess.run(ask, check=False, env={"LC_ALL": "C"}).returncode == 0

    def _initialise(self) -> None:
        """Build the data directory beside its place and move it there whole: an interrupted first start leaves none."""
        partial = self.directory / "data.partial"
        shutil.rmtree(partial, ignore_errors=True)
        give(self.account, partial)
        owner = self.account.uid if self.account else None
        password, services_password = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
        _write(self.directory / "password", password + "\n", 0o600)
        _write(self.directory / "services-password", services_password + "\n", 0o600)
        _write(partial / ".password", password + "\n", 0o600, owner)
        self._run("initdb", ["-D", str(partial / "new"), f"--pwfile={partial / '.password'}", *_INITDB])
        statements = database_and_owner(DATABASE, SERVICES_ROLE, services_password)
        self._run("postgres", ["--single", "-D", str(partial / "new"), "postgres"], "\n".join([*statements, ""]))
        with (partial / "new" / "postgresql.conf").open("a") as conf:
            conf.write(f"include '{_SETTINGS}'\n")
        (partial / "new").rename(self._data)
        shutil.rmtree(partial)

    def _run(self, program: str, arguments: list[str], text: str = "") -> None:
        argv = tethered([str(self._programs / program), *arguments], signal.SIGKILL, self.account)
        environ = {"LC_ALL": "C.UTF-8", "PATH": os.defpath}
        ended = subprocess.run(argv, input=text, text=True, capture_output=True, check=False, env=environ)
        # In single-user mode a statement that fails changes no exit code; the line after it may hold a password.
        complaints = [line for line in ended.stderr.splitlines() if "ERROR:" in line or "FATAL:" in line]
        if ended.returncode != 0 or complaints:
            lines = complaints or ended.stderr.splitlines()[-15:]
            raise ServerFailed("postgres", f"{program} ended with {ended.returncode}", lines)


_INITDB = (
    f"--username={ROLE}",
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--locale=C",
    "--no-instructions",
)

_DEFAULTS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": "100",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "10min",
    "wal_compression": "on",
    "jit": "off",  # short statements all; compiling them costs more than it saves
    "max_locks_per_transaction": "256",  # a statement over a year touches a partition a week
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
}


def _render(settings: dict[str, str]) -> str:
    quoted = (f"{name} = '{value.replace(chr(39), chr(39) * 2)}'\n" for name, value in settings.items())
    return "# Written at every start.\n" + "".join(quoted)


def _write(path: Path, text: str, mode: int, owner: int | None = None) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        if owner is not None:
            os.fchown(file.fileno(), owner, -1)
