"""Bounded logs: children append to their files, and the supervisor cuts a file that has grown too long."""

import shutil
from pathlib import Path

LIMIT_BYTES = 8 * 1024 * 1024


def trim(folder: Path, limit_bytes: int = LIMIT_BYTES) -> list[str]:
    """Copy each log beyond the limit to `<name>.log.1` and empty it in place; return the names.

    The child keeps its open file, which it opened for appending, so it goes on at the new end. What it writes between
    the copy and the cut is lost: a few lines of a log, against a supervisor through which every line would have to go.
    """
    cut = []
    for log in sorted(folder.glob("*.log")):
        if log.stat().st_size > limit_bytes:
            shutil.copyfile(log, log.with_suffix(".log.1"))
            with log.open("r+b") as file:
                file.truncate(0)
            cut.append(log.stem)
    return cut
