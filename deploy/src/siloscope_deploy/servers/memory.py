"""How much memory a database server keeps pages in."""

import os
from collections.abc import Iterator
from pathlib import Path

_GROUPS = Path("/proc/self/cgroup")
_LIMITS = Path("/sys/fs/cgroup")
_SHARE = 4
_LEAST_MIB, _MOST_MIB = 128, 4096
_MIB = 1 << 20


def shared_buffers(groups: Path = _GROUPS, limits: Path = _LIMITS) -> str:
    """Return `shared_buffers`: a quarter of what this machine has, or of what we are allowed to use, within bounds.

    The pages of the last day are asked for most, and lie far apart, since rows of all devices come in turn. What the
    server keeps by itself nobody takes from it; what only the system keeps is gone when others need memory. Memory is
    taken as pages are first used, not at the start.

    Args:
        groups: Where the kernel says which control groups this process is in.
        limits: Where it says what those may use: of both versions, cgroups(7).
    """
    has = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return f"{min(max(min(has, *_allowed(groups, limits)) // _SHARE // _MIB, _LEAST_MIB), _MOST_MIB)}MB"


def _allowed(groups: Path, limits: Path) -> Iterator[int]:
    """Give the limit of each group that holds this process: a container's, a unit's, and those around them."""
    yield 1 << 63  # none
    try:
        lines = groups.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:
            root, name = limits, "memory.max"
        elif "memory" in controllers.split(","):
            root, name = limits / "memory", "memory.limit_in_bytes"
        else:
            continue
        group = root / path.lstrip("/")
        for each in (group, *group.parents):
            if each.is_relative_to(root):
                yield from _limit(each / name)


def _limit(file: Path) -> Iterator[int]:
    try:
        yield int(file.read_text())
    except (OSError, ValueError):  # the root of all has none, and "max" is none
        return
