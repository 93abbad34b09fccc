"""Which drivers there are: the modules of ``siloscope_edge.drivers``, and what other distributions add.

A driver is imported when a configuration or a profile first names it, so a broken one that nobody uses harms nobody.
"""

import pkgutil
from collections.abc import Iterable
from functools import lru_cache
from importlib import import_module
from importlib.metadata import entry_points

from siloscope_edge import drivers
from siloscope_edge.driver import Driver
from siloscope_edge.errors import DriverUnusable

GROUP = "siloscope.edge.drivers"


@lru_cache(maxsize=1)
def names() -> tuple[str, ...]:
    """Return the names of all drivers; ours first. A foreign one cannot take the name of one of ours."""
    return tuple(dict.fromkeys([*sorted(_own()), *sorted(entry.name for entry in entry_points(group=GROUP))]))


@lru_cache(maxsize=64)
def driver(name: str) -> Driver:
    """Return a driver by its name.

    Raises:
        DriverUnusable: Its module cannot be imported, or holds no driver of that name.
    """
    where = f"siloscope_edge.drivers.{name}"
    try:
        if name in _own():
            found = import_module(where).DRIVER
        else:
            (entry,) = (each for each in entry_points(group=GROUP) if each.name == name)
            where = f"{entry.value} of {entry.dist.name if entry.dist is not None else 'an unknown distribution'}"
            found = entry.load()
    except Exception as error:  # whatever a foreign module raises: it is named, and the agent says so in one line
        raise DriverUnusable(name, f"{where}: {type(error).__name__}: {error}") from error
    if not isinstance(found, Driver) or found.name != name:
        raise DriverUnusable(name, f"{where}: found {_shown(found)}, expected a Driver of the name {name!r}")
    return found


def driver_of_line(kind: str) -> Driver | None:
    """Return the driver whose line is called ``kind``, or None.

    Raises:
        DriverUnusable: Its name fits, but it cannot be loaded.
    """
    for name in sorted(names(), key=len, reverse=True):
        if (kind == name or kind.startswith(f"{name}_")) and kind in (found := driver(name)).lines:
            return found
    return None


def lines() -> list[str]:
    """Return the names of all lines of drivers that can be loaded."""
    return [kind for each in usable() for kind in each.lines]


def usable() -> Iterable[Driver]:
    """Return the drivers that can be loaded."""
    for name in names():
        try:
            yield driver(name)
        except DriverUnusable:
            continue


@lru_cache(maxsize=1)
def _own() -> frozenset[str]:
    return frozenset(module.name for module in pkgutil.iter_modules(drivers.__path__))


def _shown(found: object) -> str:
    return f"the driver {found.name!r}" if isinstance(found, Driver) else f"a {type(found).__name__}"
