"""What processes use, as the kernel counts it."""

import os
from pathlib import Path

_SHARED_MEMORY = "/dev/shm"  # noqa: S108 - folders with random names are made in it
_TICKS_S = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process and its children so far, living and waited for."""
    return sum(_own_cpu_seconds(each) for each in [pid, *_descendants(pid)])


def peak_memory_mib(pid: int) -> float:
    """Return the most memory that a process ever had resident."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


def in_memory() -> str | None:
    """Return a place for temporary folders that is no disk; None where there is none, for the usual one."""
    return _SHARED_MEMORY if os.path.isdir(_SHARED_MEMORY) else None


def _own_cpu_seconds(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0  # it ended; its parent counts it
    return sum(map(int, fields[11:15])) / _TICKS_S


def _descendants(pid: int) -> list[int]:
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            parents.setdefault(parent, []).append(int(entry.name))
    found, waiting = [], [pid]
    while waiting:
        children = parents.get(waiting.pop(), [])
        found += children
        waiting += children
    return found
