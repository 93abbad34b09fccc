"""The folder that holds everything the platform writes, and the lock that lets one supervisor have it at a time."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from siloscope_deploy.errors import AlreadyRunning


class Home:
    """The layout under SILOSCOPE_HOME.

    Attributes:
        root: The folder itself, closed to other people; the account of root's PostgreSQL may pass through it.
        log: One file per child.
        run: What describes the running processes; worthless once they are gone.
        secrets: Generated credentials, readable for their owner alone.
        environment: A file for `.` of a shell, with the settings of a person's own `siloscope` commands.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.log = self.root / "log"
        self.run = self.root / "run"
        self.secrets = self.root / "secrets"
        self.environment = self.root / "environment"
        self.postgres = self.root / "postgres"
        self.nats = self.root / "nats"
        self.simulator = self.root / "simulator"
        self.edges = self.root / "edge"
        self.archive = self.root / "archive"

    def create(self) -> None:
        """Make the folders where they are missing, with the rights they need."""
        for folder in (
            self.root,
            self.log,
            self.run,
            self.secrets,
            self.nats,
            self.simulator,
            self.edges,
            self.archive,
        ):
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o700)
        self.root.chmod(0o711 if os.geteuid() == 0 else 0o700)

    def shown(self, path: Path) -> str:
        """Return a path as a person would type it here."""
        try:
            return str(path.relative_to(Path.cwd()))
        except ValueError:
            return str(path)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the home for this process; the kernel gives it back however we end.

        Raises:
            AlreadyRunning: Another supervisor holds it.
        """
        with (self.run / "up.lock").open("a+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.seek(0)
                text = file.read().strip()
                raise AlreadyRunning(str(self.root), int(text) if text.isdigit() else None) from None
            file.truncate(0)
            file.write(f"{os.getpid()}\n")
            file.flush()
            yield
            file.truncate(0)


def write_private(path: Path, text: str) -> None:
    """Write a file that its owner alone can read, whole or not at all."""
    partial = path.with_name(f".{path.name}.partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    partial.rename(path)
