"""Databases that can be harmed: killed, put back to an older copy, followed by a replica that is promoted."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg

from siloscope_deploy.servers.debian_root import debian_root
from siloscope_deploy.servers.ports import LOOPBACK
from siloscope_deploy.servers.postgres import PostgresServer
from siloscope_deploy.servers.timescale import TimescaleServer
from tests.chaos.disk import Disk

_SMALL = {"shared_buffers": "64MB", "max_wal_size": "128MB", "min_wal_size": "32MB", "max_connections": "60"}


Server = PostgresServer | TimescaleServer


class Store:
    """The database of a campaign; which server it is may change.

    Args:
        kind: "postgres" or "timescale".
        home: For its files; TimescaleDB has its own place.
        disk: A small disk that its files are on instead.

    Raises:
        Unavailable: There is no such server to be had here, or none that may be killed.
    """

    def __init__(self, kind: str, home: Path, disk: Disk | None = None) -> None:
        self.kind = kind
        self._home = home if disk is None else disk.folder
        self._copies = 0
        self._backup: Path | None = None
        self.server = self._new("postgres")
        if disk is not None and isinstance(self.server, TimescaleServer):
            disk.show_at(self.server.directory)
        self.on_moved: Callable[[int], None] = lambda port: None

    @property
    def url(self) -> str:
        """Its database, without any proxy in between."""
        return self.server.url

    def url_through(self, port: int) -> str:
        """Return the same behind a proxy."""
        parts = urlsplit(self.url)
        return urlunsplit(parts._replace(netloc=f"{parts.netloc.rpartition('@')[0]}@{LOOPBACK}:{port}"))

    @property
    def has_backup(self) -> bool:
        """Whether there is something to put back."""
        return self._backup is not None

    def start(self) -> None:
        """Start it and return when it answers."""
        self.server.start()

    def stop(self) -> None:
        """End it cleanly."""
        self.server.stop()

    def kill(self) -> None:
        """End it with SIGKILL."""
        self.server.kill()

    def close(self) -> None:
        """End it for good."""
        self.server.stop()
        if isinstance(self.server, TimescaleServer):
            self.server.discard()

    def back_up(self) -> None:
        """Kill it, copy its whole data directory, and start it again."""
        self.kill()
        self._forget_backup()
        self._copies += 1
        self._backup = self._data.with_name(f"backup-{self._copies}")
        _copy(self._data, self._backup)
        self.start()

    def restore(self) -> None:
        """Kill it, put the last backup back, and start it again; the backup is used up."""
        assert self._backup is not None, "a backup was made before"
        self.kill()
        gone = self._data.with_name(f"gone-{self._copies}")
        self._data.rename(gone)
        self._backup.rename(self._data)
        self._backup = None
        shutil.rmtree(gone)
        self.start()

    def follow(self) -> Server:
        """Return a running replica that streams what is committed here."""
        primary = self.server
        self._copies += 1
        replica = self._new(f"postgres-{self._copies}")
        if isinstance(replica, TimescaleServer):
            assert isinstance(primary, TimescaleServer), "both are of one kind"
            replica.follow(primary)
            return replica
        assert isinstance(primary, PostgresServer), "both are of one kind"
        replica.directory.mkdir(parents=True)
        for secret in ("password", "services-password"):
            shutil.copy(primary.directory / secret, replica.directory / secret)
        if replica.account is not None:
            os.chown(replica.directory, replica.account.uid, replica.account.gid)
        primary._run("pg_basebackup", ["-d", primary.url, "-D", str(replica._data), "-R", "--checkpoint=fast"])
        replica.start()
        return replica

    def promote(self, replica: Server) -> None:
        """Kill the primary, promote its replica, and forget the primary."""
        primary = self.server
        primary.kill()
        with psycopg.connect(replica.url, autocommit=True) as connection:
            connection.execute("SELECT pg_promote(true, 30)")
        self._forget_backup()
        self.server = replica
        if isinstance(primary, TimescaleServer):
            primary.discard()
        else:
            shutil.rmtree(primary.directory)
        self.on_moved(replica.port)

    @property
    def _data(self) -> Path:
        return self.server.directory / "data"

    def _new(self, name: str) -> Server:
        if self.kind == "postgres":
            return PostgresServer(self._home / name, settings=_SMALL)
        return TimescaleServer(debian_root(os.environ), durable=True, settings=_SMALL)

    def _forget_backup(self) -> None:
        if self._backup is not None:
            shutil.rmtree(self._backup)
            self._backup = None


def _copy(source: Path, target: Path) -> None:
    subprocess.run(["cp", "-a", str(source), str(target)], check=True)
