"""Reading a world file: every complaint names the file, the line and the nearest right word."""

from pathlib import Path

from siloscope_firmware_sim.errors import WorldRefused
from siloscope_firmware_sim.farm import World
from siloscope_firmware_sim.world_check import complaint_about
from siloscope_process.documents import Document, Fault, spelled
from siloscope_process.expectations import nearest


def load(file: Path) -> World:
    """Read a world file.

    Raises:
        WorldRefused: It cannot be read, is no YAML, has a wrong word or value, or does not fit together.
    """
    return _checked(Document.read(file, _refused))


def parse(text: str, file: Path) -> World:
    """Read the text of a world file; raises like `load`."""
    return _checked(Document(text, file, _refused))


def _checked(document: Document) -> World:
    world = document.convert(World)
    found = complaint_about(world)
    if found is not None:
        near = f"; expected {nearest(found.words, found.word)}" if found.words else ""
        raise WorldRefused(document.file, document.line(found.path), found.text + near)
    return world


def _refused(fault: Fault) -> WorldRefused:
    return WorldRefused(fault.file, fault.line, _complaint(fault))


def _complaint(fault: Fault) -> str:
    match fault.problem:
        case "unreadable":
            return f"cannot be read: {fault.found}; expected {fault.expected}"
        case "not_yaml":
            return f"not well-formed YAML: {fault.found}"
        case "empty":
            return "the file is empty; expected a world"
        case "twice":
            return f"{fault.place} stands there twice"
        case "unknown":
            return f"unknown {fault.found}; expected {fault.expected}"
        case "missing":
            return f"{spelled(fault.path[:-1]) or 'the world'} has no {fault.path[-1]!r}; it must have one"
        case "wrong":
            return f"{spelled(fault.path) or 'the world'} is {fault.found}; expected {fault.expected}"
