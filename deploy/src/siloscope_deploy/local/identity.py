"""Which process a pid means: the number alone is given to another process some day, so the start time belongs to it."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_START_TIME = 19  # field 22 of /proc/<pid>/stat, counted after the program's name in brackets (proc(5))
_STATE = 0


@dataclass(frozen=True)
class Identity:
    """A process that cannot be taken for another one.

    Attributes:
        started: When it started, in the system's own terms; with the boot, where the system counts from there.
    """

    pid: int
    started: str

    @property
    def alive(self) -> bool:
        """Whether exactly this process still runs; one that ended and was not yet collected does not."""
        return identify(self.pid) == self


def identify(pid: int) -> Identity | None:
    """Return the identity of a running process."""
    started = _started_linux(pid) if _BOOT_ID.exists() else _started_elsewhere(pid)
    return None if started is None else Identity(pid, started)


def own_identity() -> Identity:
    """Return the identity of this process."""
    found = identify(os.getpid())
    if found is None:
        raise RuntimeError("this process does not find itself")
    return found


def _started_linux(pid: int) -> str | None:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    if fields[_STATE] in ("Z", "X"):
        return None
    return f"{_BOOT_ID.read_text().strip()}/{fields[_START_TIME]}"


def _started_elsewhere(pid: int) -> str | None:
    asked = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return asked.stdout.strip() or None
