"""Writes docs/settings.md from the settings in the code: `make docs`.

A module named `settings` of any member holds the structs; the docstring of each says whose they are.
"""

import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from msgspec import Struct

from siloscope_process.settings import ServiceSettings, Setting, describe
from tests.house.repository import ROOT, modules

PAGE = ROOT / "docs" / "settings.md"
EVERYWHERE = "Every service"
EVERYWHERE_TEXT = "Beside its own, each long-running service takes these."


def settings_structs() -> list[type[Struct]]:
    """Return every settings struct of every member, the ones for everybody first."""
    found = [struct for module in _settings_modules() for struct in _structs(module)]
    return sorted(found, key=lambda struct: (struct is not ServiceSettings, struct.__module__, struct.__name__))


def page() -> str:
    """Return docs/settings.md as it should be."""
    sections = [_section(struct) for struct in settings_structs()]
    texts = Path(__file__).parent
    head, tail = ((texts / name).read_text() for name in ("settings_head.md", "settings_tail.md"))
    return "\n".join([head, *sections, tail])


def _settings_modules() -> Iterator[ModuleType]:
    for module in modules():
        if module.path.name == "settings.py":
            source = next(parent for parent in module.path.parents if parent.name == "src")
            yield importlib.import_module(".".join(module.path.relative_to(source).with_suffix("").parts))


def _structs(module: ModuleType) -> Iterator[type[Struct]]:
    for name, found in inspect.getmembers(module, inspect.isclass):
        if name.endswith("Settings") and found.__module__ == module.__name__ and issubclass(found, Struct):
            yield found


def _section(struct: type[Struct]) -> str:
    shared = {setting.variable for setting in describe(ServiceSettings)} if struct is not ServiceSettings else set()
    own = [setting for setting in describe(struct) if setting.variable not in shared]
    title = EVERYWHERE if struct is ServiceSettings else _first_line(struct).removeprefix("Settings of ").rstrip(".")
    text = f"{EVERYWHERE_TEXT}\n\n" if struct is ServiceSettings else ""
    rows = "".join(_row(setting) for setting in own)
    return f"## {title}\n\n{text}| variable | kind | default | what |\n|---|---|---|---|\n{rows}"


def _row(setting: Setting) -> str:
    default = "**required**" if setting.required else "unset" if setting.default == "unset" else f"`{setting.default}`"
    kind = setting.kind.replace("|", "\\|")
    return f"| `{setting.variable}` | {kind} | {default} | {setting.description.replace('|', chr(92) + '|')} |\n"


def _first_line(struct: type[Struct]) -> str:
    return (inspect.getdoc(struct) or struct.__module__).splitlines()[0]


if __name__ == "__main__":
    PAGE.write_text(page())
