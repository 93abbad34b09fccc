"""What alarms remember across a restart: which are open or latched, and how often outputs changed."""

from pathlib import Path

import structlog
from msgspec import Struct

from siloscope_edge import durable
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
    return durable.read(directory / FILE_NAME, Memory) or Memory()


def remembered(directory: Path, memory: Memory) -> bool:
    """Write it so that a power cut leaves the old or the new; return whether the disk took it."""
    file = directory / FILE_NAME
    try:
        durable.write(file, memory)
    except OSError as error:
        _log.warning("alarms_not_remembered", file=str(file), detail=str(error))
        return False
    return True
