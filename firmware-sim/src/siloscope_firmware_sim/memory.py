"""What instruments remember without power: corrections, addresses and periods that a master wrote, in one JSON file."""

import json
import os
from collections.abc import MutableMapping
from pathlib import Path

import structlog

_log = structlog.get_logger(__name__)

Settings = MutableMapping[int, int]


class Memory:
    """The settings of all instruments, by name and register.

    Args:
        file: Where they are kept; read now, written at every change. Damaged or absent = as delivered.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._settings = {name: _Kept(self, found) for name, found in _read(file).items()}

    def of(self, instrument: str) -> Settings:
        """Return what one instrument remembers; a change is kept at once."""
        return self._settings.setdefault(instrument, _Kept(self, {}))

    def save(self) -> None:
        """Put the file there at once or not at all."""
        fresh = self._file.with_name(f".{self._file.name}.new")
        fresh.write_text(json.dumps({name: kept for name, kept in self._settings.items() if kept}), encoding="utf-8")
        os.replace(fresh, self._file)


class _Kept(dict[int, int]):
    """Registers of one instrument."""

    def __init__(self, memory: Memory, found: dict[int, int]) -> None:
        super().__init__(found)
        self._memory = memory

    def __setitem__(self, address: int, value: int) -> None:
        super().__setitem__(address, value)
        self._memory.save()


def _read(file: Path) -> dict[str, dict[int, int]]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        return {
            str(name): {int(address): int(value) for address, value in settings.items()}
            for name, settings in content.items()
        }
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, AttributeError, TypeError) as error:
        _log.warning("memory_unreadable", file=str(file), error=str(error))
        return {}
