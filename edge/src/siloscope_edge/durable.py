"""Small files that are there whole, in the state before or after, whatever the machine does meanwhile."""

import contextlib
import os
from pathlib import Path
from typing import TypeVar

import msgspec
import structlog

_log = structlog.get_logger(__name__)
T = TypeVar("T")


def write(file: Path, content: object) -> None:
    """Replace a file; when this returns it is on the disk.

    Raises:
        OSError: The disk does not take it; the file is as it was.
    """
    if not file.parent.is_dir():
        file.parent.mkdir(parents=True, exist_ok=True)
        _sync_directory(file.parent.parent)  # else a power cut takes the folder, whatever is synced within it
    beside = file.with_name(file.name + ".new")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(msgspec.json.encode(content))
            opened.flush()
            os.fsync(opened.fileno())
        beside.replace(file)
    except BaseException:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise
    _sync_directory(file.parent)


def read(file: Path, kind: type[T]) -> T | None:
    """Return what a file holds; None where there is none. One that is damaged is set aside, and told of in the log."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=kind)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        aside = file.with_name(file.name + ".damaged")
        with contextlib.suppress(OSError):
            file.replace(aside)
        _log.error("file_damaged", file=str(file), kept_as=str(aside), detail=str(error))
        return None


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
