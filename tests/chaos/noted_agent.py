"""`siloscope edge` with a notebook: notes every pack before the spool may let go of it.

`python -m tests.chaos.noted_agent RECORDS edge run …`. On a full disk an agent gives up packs that are committed, which
it may; an auditor who had never seen them would take what the database holds of them for invented.
"""

import sqlite3
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from pathlib import Path
from typing import Any

from siloscope_edge.spool import Spool
from siloscope_process.command_line import main
from tests.chaos.records import SPOOL_FILE, SPOOLED, SpoolLog


def noting(records: Path) -> None:
    """Have every spool of this process noted from now on."""
    records.mkdir(parents=True, exist_ok=True)
    log = SpoolLog(records / SPOOLED)
    made = Spool.__init__

    @wraps(made)
    def make(spool: Spool, directory: Path, *arguments: Any, **named: Any) -> None:
        made(spool, directory, *arguments, **named)
        file = directory / SPOOL_FILE
        for name in ("write", "account"):
            setattr(spool, name, _behind_a_note(getattr(spool, name), log, file))

    setattr(Spool, "__init__", make)  # noqa: B010 - a method is not assigned to


def _behind_a_note(method: Callable[..., Any], log: SpoolLog, file: Path) -> Callable[..., Any]:
    @wraps(method)
    def noted(*arguments: Any, **named: Any) -> Any:
        with suppress(sqlite3.OperationalError):  # what cannot be read now is there next time: nothing is let go before
            log.follow(file)
        return method(*arguments, **named)

    return noted


if __name__ == "__main__":
    noting(Path(sys.argv[1]))
    sys.exit(main(sys.argv[2:]))
