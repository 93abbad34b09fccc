"""What alarms remember across a restart: which are open or latched, and how often outputs changed."""

import os
from pathlib import Path

import msgspec
import structlog
from msgspec import Struct

from siloscope_edge.alarms.machine import Phase

_log = structlog.get_logger(__name__)
FILE_NAME = "alarms.json"


class Memory(Struct):
    """Everything that is remembered.

    Attributes:
        phases: By alarm, its phase.
        changes: By output, how often it was switched over.
    """

    phases: dict[str, Phase] = {}
    changes: dict[str, int] = {}


def recalled(directory: Path) -> Memory:
    """Return what was remembered; nothing where there is no file, or one that cannot be read."""
    file = directory / FILE_NAME
    try:
        return msgspec.json.decode(file.read_bytes(), type=Memory)
    except FileNotFoundError:
        return Memory()
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        _log.warning("alarms_forgotten", file=str(file), detail=str(error))
        return Memory()


def remembered(directory: Path, memory: Memory) -> bool:
    """Write it so that a power cut leaves the old or the new; return whether the disk took it."""
    file, beside = directory / FILE_NAME, directory / f"{FILE_NAME}.new"
    try:
        with beside.open("wb") as opened:
            opened.write(msgspec.json.encode(memory))
            opened.flush()
            os.fsync(opened.fileno())
        beside.replace(file)
        opened_directory = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(opened_directory)
        finally:
            os.close(opened_directory)
    except OSError as error:
        _log.warning("alarms_not_remembered", file=str(file), detail=str(error))
        return False
    return True
