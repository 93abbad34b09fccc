"""Writes docs/profiles.md from the drivers and the profiles in the code: `make docs`.

What a field means is what the docstring of its struct says of it.
"""

import inspect
import re
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec
from msgspec import Struct

from siloscope_edge import driver_registry, profile_files
from siloscope_edge.alarms.outputs import DeviceOutput
from siloscope_edge.driver import Driver
from siloscope_edge.instruments import Device
from siloscope_edge.profiles import Channel, Limits, Profile
from tests.house.repository import ROOT

PAGE = ROOT / "docs" / "profiles.md"
_HEAD = Path(__file__).parent / "profiles_head.md"
_ATTRIBUTE = re.compile(r"^(?P<names>\w+(?:, \w+)*): (?P<text>.*)$")


def page() -> str:
    """Return docs/profiles.md as it should be."""
    drivers = [driver_registry.driver(name) for name in driver_registry.names()]
    sections = [_HEAD.read_text(), *_in_all(), "## Drivers\n"]
    sections += [section for driver in drivers for section in _driver(driver)]
    sections.append("## Shipped profiles\n")
    files = profile_files.catalogue()
    sections += [_shipped(profile_files.read(files[name])) for name in sorted(files)]
    return "\n".join(sections)


def _in_all() -> Iterator[str]:
    yield "## What every profile says\n"
    yield _table(Profile)
    for struct in (Profile, Channel):
        for field in msgspec.structs.fields(struct):
            for inner in _structs_in(field.type):
                each = "Each of the " if get_origin(_bare(field.type)) in (dict, tuple) else ""
                yield f"{each}`{field.name}`: {_first_paragraph(inner)}\n"
                yield _table(inner)


def _driver(driver: Driver) -> Iterator[str]:
    yield f"### `{driver.name}`\n\n{driver.summary[0].upper()}{driver.summary[1:]}.\n"
    rows = "".join(
        f"| `{kind}` | {_first_line(line)} | {', '.join(f'`{field}`' for field in _with_defaults(line))} |\n"
        for kind, line in driver.lines.items()
    )
    yield f"| line of a bus | what | settings |\n|---|---|---|\n{rows}"
    own = _own_fields(driver.device, Device)
    if own:
        yield f"A device of the configuration says beside what all say ({_names(Device)}):\n"
        yield _table(driver.device, own)
    own = _own_fields(driver.profile, Profile)
    if own:
        yield "A profile says beside what all say:\n"
        yield _table(driver.profile, own)
    for struct, before in _described_structs(driver.profile):
        yield f"{before}: {_first_paragraph(struct)}\n"
        yield _table(struct, _own_fields(struct, Channel if issubclass(struct, Channel) else Limits))
    if driver.output is not None:
        yield "An output of its devices says beside what all say ([local-alarms.md](local-alarms.md)):\n"
        yield _table(driver.output, _own_fields(driver.output, DeviceOutput))
    if driver.notes:
        yield f"{driver.notes}\n"


def _described_structs(struct: type[Struct]) -> Iterator[tuple[type[Struct], str]]:
    """Yield the structs within one that are a driver's own, each with the words for where it stands."""
    for field in sorted(msgspec.structs.fields(struct), key=lambda field: field.name == "channels"):
        for inner in _structs_in(field.type):
            if inner not in _general():
                several = get_origin(_bare(field.type)) in (dict, tuple)
                yield inner, f"{'Each of the ' if several else ''}`{field.name}`"
                yield from _described_structs(inner)


def _general() -> set[type[Struct]]:
    """Return the structs that every profile may have: they are described once."""
    found: set[type[Struct]] = {Channel}
    for struct in (Profile, Channel):
        found |= {inner for field in msgspec.structs.fields(struct) for inner in _structs_in(field.type)}
    return found


def _structs_in(kind: Any) -> Iterator[type[Struct]]:
    if isinstance(kind, type) and issubclass(kind, Struct):
        yield kind
    for inner in get_args(kind):
        yield from _structs_in(inner)


def _shipped(profile: Profile) -> str:
    driver = next(each for each in driver_registry.usable() if isinstance(profile, each.profile))
    lines = [
        f"### `{profile.profile}`",
        "",
        f"{profile.title}. Driver `{driver.name}`, every {profile.period_s:g} s.",
        "",
    ]
    lines += [
        f"Source: {profile.source.rstrip('.')}. Asks {', '.join(f'`{each}`' for each in driver.asks(profile))}.",
        "",
    ]
    for name, option in profile.options.items():
        choices = ", ".join(f"`{each}`" for each in option.choices)
        lines += [f"Option `{name}` (default `{option.default}`): {option.title}. Choices: {choices}.", ""]
    lines += ["| channel | what | where | unit | valid | rounded to |", "|---|---|---|---|---|---|"]
    lines += [_channel(channel) for channel in profile.channels]
    return "\n".join([*lines, ""])


def _channel(channel: Channel) -> str:
    valid = f"{channel.valid[0]:g} to {channel.valid[1]:g}" if channel.valid else "any of its quantity"
    step = f"{channel.resolution:g}" if channel.resolution else "as it comes"
    unit = f"`{channel.unit}`" if channel.unit else "none"
    what = f"{channel.title or channel.key} ({channel.quantity})"
    return f"| `{channel.key}` | {what} | {_where(channel)} | {unit} | {valid} | {step} |"


def _where(channel: Channel) -> str:
    """Return what the driver is told of a channel, and how its number becomes a value."""
    defaults = {field.name: field.default for field in msgspec.structs.fields(type(channel))}
    names = [*_own_fields(type(channel), Channel), "scale", "offset", "loop"]
    told = []
    for name in names:
        value = getattr(channel, name)
        if value != defaults[name] and value not in ({}, ()):
            told.append(f"{name} {_spelled(value)}")
    return ", ".join(told)


def _spelled(value: Any) -> str:
    if isinstance(value, Struct):
        return " ".join(f"{name} {each:g}" for name, each in msgspec.structs.asdict(value).items())
    if isinstance(value, tuple):
        return ", ".join(f"{each.raw:#x}" if hasattr(each, "raw") else str(each) for each in value)
    return ", ".join(value) if isinstance(value, dict) else f"{value:g}" if isinstance(value, float) else str(value)


def _table(struct: type[Struct], only: list[str] | None = None) -> str:
    texts = _attributes(struct)
    rows = "".join(
        f"| `{field.name}` | {_kind(field.type)} | {_default(field)} | {_cell(texts.get(field.name, ''))} |\n"
        for field in msgspec.structs.fields(struct)
        if field.name != "channels" and (only is None or field.name in only)
    )
    return f"| field | kind | default | what |\n|---|---|---|---|\n{rows}"


def _own_fields(struct: type[Struct], general: type[Struct]) -> list[str]:
    if not issubclass(struct, general):
        return [field.name for field in msgspec.structs.fields(struct)]
    inherited = {field.name for field in msgspec.structs.fields(general)}
    return [field.name for field in msgspec.structs.fields(struct) if field.name not in inherited]


def _names(struct: type[Struct]) -> str:
    return ", ".join(f"`{field.name}`" for field in msgspec.structs.fields(struct))


def _attributes(struct: type[Struct]) -> dict[str, str]:
    """Return what the docstrings of a struct and of those that it extends say of each field."""
    found: dict[str, str] = {}
    for each in reversed(struct.__mro__):
        doc = inspect.cleandoc(each.__doc__ or "") if issubclass(each, Struct) and each is not Struct else ""
        _, _, section = doc.partition("Attributes:\n")
        text = re.sub(r"\n {8,}", " ", section.split("\n\n")[0])
        for line in text.splitlines():
            if match := _ATTRIBUTE.match(line.strip()):
                found |= dict.fromkeys(match["names"].split(", "), match["text"])
    return found


def _bare(kind: Any) -> Any:
    return get_args(kind)[0] if get_origin(kind) is Annotated else kind


def _kind(kind: Any) -> str:
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _kind(inner[0]) + _bounds(inner[1])
    if origin is Literal:
        return ", ".join(f"`{each}`" for each in inner)
    if origin in (Union, types.UnionType):
        return " or ".join(_kind(each) for each in inner if each is not type(None))
    if origin is tuple:
        return f"list of {_kind(inner[0])}" if Ellipsis in inner else f"two of {_kind(inner[0])}"
    if origin is dict:
        return f"{_kind(inner[1])} by {_kind(inner[0])}"
    names = {float: "number", int: "whole number", str: "text", bool: "yes or no", Any: "anything"}
    if origin is None and kind in names:
        return names[kind]
    return "mapping" if isinstance(kind, type) and issubclass(kind, Struct) else str(kind)


def _bounds(meta: Any) -> str:
    low = [f"at least {meta.ge}"] if getattr(meta, "ge", None) is not None else []
    above = [f"above {meta.gt}"] if getattr(meta, "gt", None) is not None else []
    high = [f"at most {meta.le}"] if getattr(meta, "le", None) is not None else []
    told = ", ".join(low + above + high)
    return f", {told}" if told else ""


def _default(field: msgspec.structs.FieldInfo) -> str:
    if field.required:
        return "**required**"
    if field.default is msgspec.NODEFAULT or field.default is None or field.default == ():
        return ""
    return f"`{field.default!r}`".replace("'", '"')


def _with_defaults(line: type[Struct]) -> list[str]:
    return [each.name if each.required else f"{each.name}: {each.default}" for each in msgspec.structs.fields(line)]


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("``", "`")


def _first_line(struct: type[Struct]) -> str:
    return inspect.cleandoc(struct.__doc__ or "").splitlines()[0]


def _first_paragraph(struct: type[Struct]) -> str:
    return _cell(" ".join(inspect.cleandoc(struct.__doc__ or "").split("Attributes:")[0].split()))


if __name__ == "__main__":
    PAGE.write_text(page())
