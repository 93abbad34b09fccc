"""Reading a world file: every complaint names the file, the line and the nearest right word."""

import re
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import msgspec
import yaml

from siloscope_firmware_sim.errors import WorldRefused
from siloscope_firmware_sim.farm import World
from siloscope_firmware_sim.world_check import Complaint, complaint_about

Path_ = tuple[str | int, ...]
_STEP = re.compile(r"\.([A-Za-z_]\w*)|\[(\d+)\]")
_UNKNOWN = re.compile(r"unknown field `([^`]*)`")
_MISSING = re.compile(r"missing required field `([^`]*)`")


def load(file: Path) -> World:
    """Read a world file.

    Raises:
        WorldRefused: It cannot be read, is no YAML, has a wrong word or value, or does not fit together.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise WorldRefused(file, None, f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise WorldRefused(file, None, f"is not UTF-8: {error.reason} at byte {error.start}") from error
    return parse(text, file)


def parse(text: str, file: Path) -> World:
    """Read the text of a world file; raises like `load`."""
    node, data = _parsed(text, file)
    try:
        world = msgspec.convert(data, World)
    except msgspec.ValidationError as error:
        raise _explained(str(error), node, data, file) from error
    found = complaint_about(world)
    if found is not None:
        raise _located(found, node, file)
    return world


def _parsed(text: str, file: Path) -> tuple[yaml.Node, Any]:
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            raise WorldRefused(file, None, "the file is empty; expected a world")
        return node, loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise WorldRefused(file, line, f"not well-formed YAML: {error.problem}") from error
    except (yaml.YAMLError, ValueError) as error:
        raise WorldRefused(file, None, f"not well-formed YAML: {error}") from error
    finally:
        loader.dispose()


def _explained(message: str, node: yaml.Node, data: Any, file: Path) -> WorldRefused:
    problem, _, where = message.partition(" - at `$")
    path = tuple(word or int(index) for word, index in _STEP.findall(where))
    if unknown := _UNKNOWN.search(problem):
        words = _fields_of(data, path)
        return WorldRefused(
            file, _line(node, (*path, unknown[1])), f"unknown {unknown[1]!r}; {_nearest(unknown[1], words)}"
        )
    if missing := _MISSING.search(problem):
        return WorldRefused(file, _line(node, path), f"{_spelled(path)} has no {missing[1]!r}; it must have one")
    found = _value(data, path)
    if problem.startswith("Invalid"):
        problem = _nearest(str(found), _choices(data, path))
    return WorldRefused(file, _line(node, path), f"{_spelled(path)} is {found!r}; {problem[0].lower()}{problem[1:]}")


def _located(found: Complaint, node: yaml.Node, file: Path) -> WorldRefused:
    near = f"; {_nearest(found.word, found.words)}" if found.words else ""
    return WorldRefused(file, _line(node, found.path), found.text + near)


def _nearest(word: str, words: list[str]) -> str:
    near = get_close_matches(word, words, n=1, cutoff=0.5)
    meant = f"did you mean {near[0]!r}? " if near else ""
    return f"{meant}expected one of {', '.join(sorted(words))}"


def _line(node: yaml.Node, path: Path_) -> int:
    """Return the line of the deepest part of ``path`` that stands in the file, 1-based."""
    line = node.start_mark.line + 1
    for step in path:
        inner = _step(node, step)
        if inner is None:
            break
        key, node = inner
        line = key.start_mark.line + 1
    return int(line)


def _step(node: yaml.Node, step: str | int) -> tuple[yaml.Node, yaml.Node] | None:
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step], node.value[step]
    if isinstance(node, yaml.MappingNode):
        return next(((key, value) for key, value in node.value if key.value == step), None)
    return None


def _value(data: Any, path: Path_) -> Any:
    for step in path:
        data = data[step]
    return data


def _spelled(path: Path_) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".") or "the world"


def _fields_of(data: Any, path: Path_) -> list[str]:
    """Return the words that may stand in the mapping at ``path``."""
    found = _type_at(data, path)
    if not isinstance(found, msgspec.inspect.StructType):
        return []
    return [each.encode_name for each in found.fields] + ([found.tag_field] if found.tag_field else [])


def _choices(data: Any, path: Path_) -> list[str]:
    """Return the values that may stand at ``path``, where they are words."""
    found = _type_at(data, path)
    if isinstance(found, msgspec.inspect.LiteralType):
        return [str(value) for value in found.values]
    around = _type_at(data, path[:-1], settle=False)
    if isinstance(around, msgspec.inspect.UnionType):
        return [str(each.tag) for each in around.types if isinstance(each, msgspec.inspect.StructType)]
    return []


def _type_at(data: Any, path: Path_, *, settle: bool = True) -> msgspec.inspect.Type | None:
    found: msgspec.inspect.Type | None = msgspec.inspect.type_info(World)
    for at, step in enumerate(path):
        if isinstance(found, msgspec.inspect.StructType):
            found = next((each.type for each in found.fields if each.encode_name == step), None)
        elif isinstance(found, msgspec.inspect.VarTupleType):
            found = found.item_type
        data = data[step] if _has(data, step) else None
        if settle or at < len(path) - 1:
            found = _settled(found, data)
    return found


def _has(data: Any, step: str | int) -> bool:
    return (
        step in data
        if isinstance(data, dict)
        else isinstance(data, list) and isinstance(step, int) and step < len(data)
    )


def _settled(found: msgspec.inspect.Type | None, data: Any) -> msgspec.inspect.Type | None:
    """Return the one of a union that the data is meant to be."""
    if not isinstance(found, msgspec.inspect.UnionType):
        return found
    structs = [each for each in found.types if isinstance(each, msgspec.inspect.StructType)]
    tag = data.get("kind") if isinstance(data, dict) else None
    plain = [each for each in found.types if not isinstance(each, msgspec.inspect.NoneType)]
    return next(
        (each for each in structs if each.tag is not None and each.tag == tag), plain[0] if len(plain) == 1 else found
    )
