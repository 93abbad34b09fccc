"""A small disk that can be filled: a tmpfs mount of the campaign's own, never the machine's."""

import os
import subprocess
from pathlib import Path

from siloscope_process.errors import Unavailable

_BALLAST = "ballast"


class Disk:
    """A mount of a few megabytes, gone when it is left, with everywhere else that it is shown at.

    Attributes:
        folder: Where it is.
        holds: What is on it: "edge", a node's spool; "store", the database's files; "broker", the broker's.

    Args:
        folder: Made and mounted by this.
        megabytes: Its size.
        holds: What will be on it.
    """

    def __init__(self, folder: Path, megabytes: int, holds: str) -> None:
        self.folder = folder
        self.holds = holds
        self._megabytes = megabytes
        self._shown: list[Path] = []

    def __enter__(self) -> "Disk":
        """Mount it.

        Raises:
            Unavailable: This machine does not let us.
        """
        self.folder.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={self._megabytes}m,mode=755", "tmpfs", str(self.folder)]
        mounted = subprocess.run(command, capture_output=True, text=True, check=False)
        if mounted.returncode != 0:
            self.folder.rmdir()
            raise Unavailable(f"a small disk to fill cannot be mounted: {mounted.stderr.strip()}")
        return self

    def __exit__(self, *_: object) -> None:
        """Unmount it, and what is on it is gone."""
        for place in self._shown:
            subprocess.run(["umount", "--lazy", str(place)], check=True)
            place.rmdir()
        subprocess.run(["umount", "--lazy", str(self.folder)], check=True)
        self.folder.rmdir()

    def show_at(self, folder: Path) -> None:
        """Have it at an empty folder too, removed in the end: for whoever must find it in a tree of his own."""
        subprocess.run(["mount", "--bind", str(self.folder), str(folder)], check=True)
        self._shown.append(folder)

    def fill(self) -> None:
        """Leave nothing free."""
        with (self.folder / _BALLAST).open("wb") as ballast:
            for size in (2**20, 4096, 1):
                try:
                    while True:
                        os.posix_fallocate(ballast.fileno(), ballast.seek(0, os.SEEK_END), size)
                except OSError:
                    continue

    def make_room(self) -> None:
        """Free all of that again."""
        (self.folder / _BALLAST).unlink(missing_ok=True)
