"""Diagnostics for somebody at the node itself: the running agent is asked by a signal and answers with a file."""

import asyncio
import fcntl
import os
import signal
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import msgspec
import structlog

from siloscope_edge import durable
from siloscope_edge.errors import SpoolFull, SpoolUnusable
from siloscope_edge.installation import Installation
from siloscope_edge.remote import diagnostics
from siloscope_edge.remote.office import Office
from siloscope_edge.remote.standing import JOURNAL, Journal
from siloscope_edge.spool_file import FILE_NAME, connect
from siloscope_edge.spool_reading import read_epochs
from siloscope_process.errors import Unavailable

_log = structlog.get_logger(__name__)
ASKS = signal.SIGUSR1
_FILE = "diagnostics.json"
_ANSWERS_WITHIN_S = 40.0
_LOOK_EVERY_S = 0.1


async def answer(office: Office, directory: Path) -> None:
    """Write what the agent knows for whoever asked."""
    found = await office.bundle()
    try:
        await asyncio.to_thread(durable.write, directory / "remote" / _FILE, found)
    except OSError as error:
        _log.error("diagnostics_not_written", detail=str(error))


def fetch(found: Installation) -> dict[str, Any]:
    """Return diagnostics: those of the running agent, or what can be seen without one.

    Raises:
        Unavailable: The agent runs and does not answer.
    """
    directory = Path(found.config.data_directory)
    pid = running_agent(directory)
    return asyncio.run(_without_agent(found, directory)) if pid is None else _asked(pid, directory)


def running_agent(directory: Path) -> int | None:
    """Return the process that holds the data directory; None: nobody does."""
    try:
        lock = os.open(directory / "agent.lock", os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Unavailable(f"{directory}: {error.strerror}; expected to be run as the agent's user") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        written = os.read(lock, 20).decode("ascii", "replace").strip()
        return int(written) if written.isdigit() else None
    finally:
        os.close(lock)
    return None


def _asked(pid: int, directory: Path) -> dict[str, Any]:
    file = directory / "remote" / _FILE
    with suppress(FileNotFoundError):
        file.unlink()
    try:
        os.kill(pid, ASKS)
    except OSError as error:
        raise Unavailable(f"the agent, process {pid}: {error.strerror}; expected to be run as its user") from error
    deadline_s = time.monotonic() + _ANSWERS_WITHIN_S
    while not file.exists():
        if time.monotonic() > deadline_s:
            raise Unavailable(f"the agent, process {pid}, gave no diagnostics within {_ANSWERS_WITHIN_S:g} s")
        time.sleep(_LOOK_EVERY_S)
    answered: dict[str, Any] = msgspec.json.decode(file.read_bytes())
    return answered


async def _without_agent(found: Installation, directory: Path) -> dict[str, Any]:
    async def configuration() -> dict[str, Any]:
        journal = durable.read(directory / "remote" / JOURNAL, Journal) or Journal()
        return {"journal": msgspec.to_builtins(journal), "settings": msgspec.to_builtins(found.config)}

    async def spool() -> object:
        return _spooled(directory)

    async def node() -> dict[str, str]:
        return {"node": str(found.config.node_name), "agent": "does not run"}

    sections = {
        "node": node,
        "versions": diagnostics.versions,
        "configuration": configuration,
        "spool": spool,
        "machine": lambda: diagnostics.machine(directory),
    }
    return await diagnostics.collected(sections)


def _spooled(directory: Path) -> dict[str, Any]:
    file = directory / FILE_NAME
    try:
        with closing(connect(file, read_only=True)) as connection:
            epochs = [msgspec.to_builtins(state.span) for state in read_epochs(connection)]
    except (SpoolUnusable, SpoolFull) as error:
        return {"error": str(error)}
    return {"file_bytes": file.stat().st_size, "epochs": epochs}
