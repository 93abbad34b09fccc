"""Diagnostics: everything that somebody far away needs in order to see what ails a node, without secrets, in bounds."""

import asyncio
import os
import platform
import shutil
import sys
import traceback
from collections.abc import Awaitable, Callable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import structlog

from siloscope_contract.commands import MAX_BUNDLE_BYTES, packed_bundle
from siloscope_edge.remote.redaction import redacted

_log = structlog.get_logger(__name__)
Sections = Mapping[str, Callable[[], Awaitable[Any]]]
"""What a bundle consists of; none is asked before the one before it has answered."""

_SHRINKING = ("log", "metrics", "tasks", "threads", "buses")
"""What is halved, one after the other, and at last left out, until all of it fits."""
_MOST_TASKS = 200
_LONGEST_STACK = 2_000
_LIBRARIES = (
    "siloscope-edge",
    "siloscope-contract",
    "siloscope-process",
    "aiomqtt",
    "paho-mqtt",
    "pymodbus",
    "msgspec",
)


async def collected(sections: Sections) -> dict[str, Any]:
    """Return what all sections say; one that fails says why instead."""
    found: dict[str, Any] = {}
    for name, section in sections.items():
        try:
            found[name] = redacted(await section())
        except Exception as error:  # what ails the node may ail its diagnosis as well
            _log.warning("diagnostics_incomplete", section=name, detail=repr(error))
            found[name] = {"error": f"{type(error).__name__}: {error}"}
    return found


def bundled(found: dict[str, Any]) -> bytes:
    """Return a bundle that fits into a message; what had to be shortened or left out is named in it."""
    content, left_out = dict(found), list[str]()
    bundle = packed_bundle(content)
    for name in _SHRINKING:
        while len(bundle) > MAX_BUNDLE_BYTES and content.get(name):
            content[name] = _halved(content[name])
            left_out = [*(each for each in left_out if each != name), name]
            bundle = packed_bundle({**content, "shortened": left_out})
    return bundle


async def versions() -> dict[str, Any]:
    """Return what runs here."""
    installed = {name: metadata.version(name) for name in _LIBRARIES if _is_installed(name)}
    return {**installed, "python": sys.version, "platform": platform.platform(), "machine": platform.machine()}


async def machine(directory: Path) -> dict[str, Any]:
    """Return how the machine is."""
    disk = shutil.disk_usage(directory)
    return {
        "load": os.getloadavg(),
        "disk_total": disk.total,
        "disk_free": disk.free,
        "memory": _first_lines(Path("/proc/meminfo"), 5),
        "uptime": _first_lines(Path("/proc/uptime"), 1),
        "open_files": len(os.listdir("/proc/self/fd")),
        "status": _first_lines(Path("/proc/self/status"), 60),
    }


async def threads() -> list[str]:
    """Return where each thread is."""
    return ["".join(traceback.format_stack(frame))[-_LONGEST_STACK:] for frame in sys._current_frames().values()]


async def tasks() -> list[str]:
    """Return where each task of the event loop waits."""
    found = []
    for task in sorted(asyncio.all_tasks(), key=lambda each: each.get_name())[:_MOST_TASKS]:
        stack = [f"{frame.f_code.co_filename}:{frame.f_lineno} {frame.f_code.co_name}" for frame in task.get_stack()]
        found.append(f"{task.get_name()} {' < '.join(stack)}"[-_LONGEST_STACK:])
    return found


def _first_lines(file: Path, most: int) -> list[str]:
    try:
        return file.read_text("utf-8", "replace").splitlines()[:most]
    except OSError as error:
        return [str(error)]


def _halved(value: Any) -> Any:
    """Return the newer half of a list, the first half of a text; nothing where there are no halves."""
    if isinstance(value, list) and len(value) > 1:
        return value[len(value) // 2 :]
    return value[: len(value) // 2] if isinstance(value, str) and len(value) > 1 else None


def _is_installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True
