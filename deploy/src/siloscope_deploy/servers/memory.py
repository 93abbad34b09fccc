"""How much memory a database server keeps pages in."""

import os
from pathlib import Path

_CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")
_SHARE = 4
_LEAST_MIB, _MOST_MIB = 128, 4096
_MIB = 1 << 20


def shared_buffers(limit: Path = _CGROUP_LIMIT) -> str:
    """Return `shared_buffers`: a quarter of what this machine has, or of what it is allowed to use, within bounds.

    The pages of the last day are asked for most, and lie far apart, since rows of all devices come in turn. What the
    server keeps by itself nobody takes from it; what only the system keeps is gone when others need memory. Memory is
    taken as pages are first used, not at the start.

    Args:
        limit: What the kernel says of this group of processes.
    """
    has = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        allowed = int(limit.read_text())
    except (OSError, ValueError):  # not in a group, or "max"
        allowed = has
    return f"{min(max(min(has, allowed) // _SHARE // _MIB, _LEAST_MIB), _MOST_MIB)}MB"
