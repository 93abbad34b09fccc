"""YAML files held to a struct: every fault is told by file, line, what was found and the nearest right word."""

import re
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import yaml

from siloscope_edge.errors import Misconfigured
from siloscope_edge.expectations import Place, fields_at, nearest, words_at

T = TypeVar("T")

# libyaml where PyYAML was built with it: ten times as fast, which counts at the start on a small computer.
_Loader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]")
_UNKNOWN_FIELD = re.compile(r"unknown field `([^`]*)`")
_INVALID_VALUE = re.compile(r"Invalid (?:enum )?value (.+)")


class Document:
    """A parsed YAML file that knows the line of everything in it.

    Attributes:
        file: Where it came from.
        data: Plain dicts, lists and scalars; may be changed before ``convert``.
    """

    def __init__(self, file: Path, data: Any, lines: dict[Place, int]) -> None:
        self.file = file
        self.data = data
        self._lines = lines

    @classmethod
    def read(cls, file: Path) -> "Document":
        """Read and parse a file.

        Raises:
            Misconfigured: It cannot be read, is no YAML, or says a key twice.
        """
        try:
            text = file.read_text(encoding="utf-8")
        except FileNotFoundError:
            raise Misconfigured(file, None, "file", "nothing", "a readable YAML file") from None
        except (OSError, UnicodeDecodeError) as error:
            raise Misconfigured(file, None, "file", str(error), "a readable YAML file in UTF-8") from error
        return cls.parse(text, file)

    @classmethod
    def parse(cls, text: str, file: Path) -> "Document":
        """Parse the text of a file.

        Raises:
            Misconfigured: It is no YAML, or says a key twice.
        """
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
            lines: dict[Place, int] = {}
            if node is not None:
                _note_lines(node, (), lines, file)
            data = loader.construct_document(node) if node is not None else None
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else None
            raise Misconfigured(file, line, "YAML", error.problem or "a fault", "well-formed YAML") from error
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            raise Misconfigured(file, None, "YAML", str(error), "well-formed YAML") from error
        finally:
            loader.dispose()
        return cls(file, data, lines)

    def convert(self, kind: type[T]) -> T:
        """Return the document as ``kind``.

        Raises:
            Misconfigured: It is not one; the first fault is told.
        """
        try:
            return msgspec.convert(self.data, kind, strict=True)
        except msgspec.ValidationError as error:
            raise self._explained(str(error), kind) from error

    def fault(self, path: Place, found: object, expected: str) -> Misconfigured:
        """Return the error for something at ``path``."""
        return Misconfigured(self.file, self.line(path), _spelled(path), found, expected)

    def line(self, path: Place) -> int | None:
        """Return the line of ``path``, or of the nearest thing around it that stands in the file."""
        while path and path not in self._lines:
            path = path[:-1]
        return self._lines.get(path)

    def _explained(self, message: str, kind: Any) -> Misconfigured:
        problem, _, where = message.partition(" - at `$")
        path = tuple(name or int(index) for name, index in _STEP.findall(where.rstrip("`")))
        if unknown := _UNKNOWN_FIELD.search(problem):
            known = fields_at(kind, path, self.data)
            return self.fault((*path, unknown[1]), unknown[1], nearest(known, unknown[1]))
        found = _value_at(self.data, path)
        if "missing required field" in problem:
            field = problem.split("`")[1]
            return self.fault((*path, field), "nothing", f"a value for {field!r}")
        if _INVALID_VALUE.search(problem):
            words = words_at(kind, path, self.data)
            if words:
                return self.fault(path, found, nearest(words, str(found)))
        return self.fault(path, found, problem[0].lower() + problem[1:])


def _note_lines(node: yaml.Node, path: Place, lines: dict[Place, int], file: Path) -> None:
    lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            _note_lines(item, (*path, index), lines, file)
    if not isinstance(node, yaml.MappingNode):
        return
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise Misconfigured(file, key.start_mark.line + 1, _spelled(path), "a key of several parts", "a plain key")
        inner = (*path, key.value)
        if inner in lines:
            raise Misconfigured(file, key.start_mark.line + 1, _spelled(inner), "the key a second time", "it once")
        lines[inner] = key.start_mark.line + 1
        _note_lines(value, inner, lines, file)


def _spelled(path: Place) -> str:
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.lstrip(".") or "document"


def _value_at(data: Any, path: Place) -> Any:
    for step in path:
        try:
            data = data[step]
        except (KeyError, IndexError, TypeError):
            return "nothing"
    return data if isinstance(data, str | int | float | bool) or data is None else type(data).__name__
