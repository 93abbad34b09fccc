"""Base backups, archived WAL and replicas of an embedded PostgreSQL, by the programs that docs/backup.md names."""

import re
import subprocess
from datetime import datetime
from pathlib import Path

import psycopg

from siloscope_deploy.servers.accounts import give
from siloscope_deploy.servers.ports import LOOPBACK, free_port
from siloscope_deploy.servers.postgres import ROLE, PostgresServer
from siloscope_deploy.servers.postgres_binaries import programs
from siloscope_deploy.servers.server_process import ServerProcess

_DOCUMENTED = Path(__file__).parents[2] / "docs" / "backup.md"


def documented(setting: str, wal: Path) -> str:
    """Return a setting as docs/backup.md has it, for a folder of WAL."""
    found = re.search(rf"^ *{setting} = '(.*)'$", _DOCUMENTED.read_text("utf-8"), re.MULTILINE)
    assert found is not None, setting
    return found[1].replace("/backup/wal", str(wal))


def archiving_server(home: Path) -> PostgresServer:
    """Return a server that archives its WAL to `home/wal`, not yet started."""
    wal = home / "wal"
    server = PostgresServer(
        home / "postgres",
        settings={
            "archive_mode": "on",
            "archive_command": documented("archive_command", wal),
            "wal_keep_size": "256MB",
        },
    )
    give(server.account, wal)
    return server


class Copy:
    """A copy of a server's data directory, taken while it runs."""

    def __init__(self, server: PostgresServer, folder: Path) -> None:
        self.server = server
        self.folder = folder

    def take(self) -> None:
        """Run pg_basebackup as the server's account."""
        give(self.server.account, self.folder)
        self._run("pg_basebackup", "-D", str(self.folder / "data"), "-X", "stream", "-c", "fast", *self._where())

    def take_data_of(self, stopped: PostgresServer) -> None:
        """Put this copy in the place of a server's data, which stays beside it."""
        data = stopped.directory / "data"
        data.rename(stopped.directory / "data.lost")
        (self.folder / "data").rename(data)

    def recover_to(self, wal: Path, moment: datetime | None) -> None:
        """Have the next start recover from archived WAL, to a moment or to its end, and open a timeline of its own."""
        target = "" if moment is None else f"recovery_target_time = '{moment.isoformat()}'\n"
        lines = (
            f"restore_command = '{documented('restore_command', wal)}'\n{target}recovery_target_action = 'promote'\n"
        )
        self._write("postgresql.auto.conf", lines)
        self._write("recovery.signal", "")

    def follow(self, standby_log: Path) -> tuple[ServerProcess, int]:
        """Start the copy as a streaming replica on a port of its own."""
        server, port = self.server, free_port()
        source = f"host={LOOPBACK} port={server.port} user={ROLE} password={server.password}"
        self._write("postgresql.auto.conf", f"primary_conninfo = '{source}'\n")
        self._write("standby.signal", "")
        argv = [str(self._program("postgres")), "-D", str(self.folder / "data"), "-p", str(port)]
        process = ServerProcess(
            "replica", argv, log=standby_log, graceful=server.graceful, account=server.account, environ=server.environ
        )
        process.start()
        return process, port

    def stop_following(self) -> None:
        """Have it hear no more of what the other server commits; it must be told to reload."""
        self._write("postgresql.auto.conf", "primary_conninfo = ''\n")

    def _where(self) -> list[str]:
        return ["-h", LOOPBACK, "-p", str(self.server.port), "-U", ROLE]

    def _program(self, name: str) -> Path:
        return programs(self.server.account) / name

    def _run(self, program: str, *arguments: str) -> None:
        account = self.server.account
        identity = {} if account is None else {"user": account.uid, "group": account.gid, "extra_groups": []}
        ended = subprocess.run(
            [str(self._program(program)), *arguments],
            env={"PGPASSWORD": self.server.password, "LC_ALL": "C.UTF-8", "HOME": "/nonexistent"},
            capture_output=True,
            text=True,
            check=False,
            **identity,  # type: ignore[call-overload]  # an account that need not be there
        )
        assert ended.returncode == 0, ended.stderr

    def _write(self, name: str, text: str) -> None:
        (self.folder / "data" / name).write_text(text)


def flush_wal(url: str) -> datetime:
    """Have what is written archived, and return the database's time."""
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute("SELECT pg_switch_wal(), clock_timestamp()").fetchone()
        assert row is not None
        moment: datetime = row[1]
    return moment


def in_recovery(url: str) -> bool | None:
    """Return whether a server follows another one; None where it does not answer."""
    try:
        with psycopg.connect(url) as connection:
            row = connection.execute("SELECT pg_is_in_recovery()").fetchone()
            return None if row is None else bool(row[0])
    except psycopg.OperationalError:
        return None
