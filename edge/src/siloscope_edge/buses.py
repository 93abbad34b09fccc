"""Reading a bus of the configuration: its line says which driver it is for, and that one says the rest."""

from typing import Any

from siloscope_edge import driver_registry
from siloscope_edge.config import Bus
from siloscope_edge.driver import Driver
from siloscope_edge.errors import DriverUnusable
from siloscope_process.documents import Document
from siloscope_process.expectations import Place, nearest

_BESIDE_THE_LINE = ("name", "devices")


def read(document: Document, index: int, base: str) -> tuple[Bus, Driver]:
    """Return a bus of the document and its driver.

    Args:
        document: The configuration.
        index: Which of its buses.
        base: The directory that relative paths start from.

    Raises:
        Misconfigured: Something in it cannot be meant.
    """
    place: Place = ("buses", index)
    content: dict[str, Any] = document.data["buses"][index]
    kind, driver = _line_of(content, document, place)
    for needed in _BESIDE_THE_LINE:
        if needed not in content:
            raise document.fault(place, "nothing", f"a value for {needed!r}")
    line = document.convert(driver.lines[kind], at=(*place, kind))
    name = document.convert(str, at=(*place, "name"))
    devices = document.convert(list[driver.device], at=(*place, "devices"))  # type: ignore[name-defined]  # a type at run time
    if not devices:
        raise document.fault((*place, "devices"), [], "at least one device")
    return Bus(name, kind, line.based(base), tuple(devices)), driver


def _line_of(content: dict[str, Any], document: Document, place: Place) -> tuple[str, Driver]:
    found: list[tuple[str, Driver]] = []
    for key in content:
        if key in _BESIDE_THE_LINE:
            continue
        try:
            driver = driver_registry.driver_of_line(key)
        except DriverUnusable as error:
            raise document.fault((*place, key), key, f"a driver that can be loaded: {error}") from error
        if driver is None:
            raise document.fault((*place, key), key, nearest([*_BESIDE_THE_LINE, *driver_registry.lines()], key))
        found.append((key, driver))
    if len(found) != 1:
        given = " and ".join(kind for kind, _ in found) or "no line"
        raise document.fault(place, given, f"exactly one of {', '.join(driver_registry.lines())}")
    return found[0]
