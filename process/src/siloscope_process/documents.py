"""YAML files held to a struct: every fault is told by file, line, what was found and the nearest right word."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec
import yaml

from siloscope_process.errors import WrongSetting
from siloscope_process.expectations import Place, described_at, fields_at, is_text_at, nearest, words_at

MOST_BYTES = 4 * 2**20
MOST_VALUES = 200_000
"""More than any farm writes by hand; without it a file of a hundred bytes of aliases unfolds to fill the memory."""

MOST_NESTED = 50
"""Nested some ten thousand deep, a file would end the process in libyaml, without an exception."""

MOST_DIGITS = 400
"""No number needs more, and Python takes its time over those that have a million, or refuses to say them."""

T = TypeVar("T")
Problem = Literal["unreadable", "not_yaml", "empty", "twice", "unknown", "missing", "wrong"]

# libyaml where PyYAML was built with it: ten times as fast, which counts at the start on a small computer.
_Loader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# What the loader raises for a well-formed text whose tags lie, as `!!bool perhaps` and `!!timestamp soon` do.
_NOT_YAML = (yaml.YAMLError, ValueError, LookupError, AttributeError, TypeError, RecursionError)
_NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
_AT = re.compile(r" - at (?:`key` in )?`\$(?P<steps>.*)`$")
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]")
_NAMED = re.compile(r"(?P<what>unknown|missing required) field `(?P<name>[^`]*)`")


class Fault(msgspec.Struct, frozen=True):
    """What is wrong with a file, at one place.

    Attributes:
        line: Counted from 1, where known.
        path: Where it stands, or should: ``("buses", 0, "name")``.
        found: As it may be shown: a scalar quoted, else in words.
        words: The words that would have been right, where it is a matter of words.
    """

    file: Path
    line: int | None
    problem: Problem
    path: Place
    found: str
    expected: str
    words: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """What stands there, in the file's own words: ``buses[0].name``."""
        return spelled(self.path) or {"unreadable": "file", "not_yaml": "YAML"}.get(self.problem, "document")

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else str(self.file)
        return f"{where}: {self.place}: found {self.found}, expected {self.expected}"


Refusal = Callable[[Fault], Exception]
"""Makes a member's own error of a fault."""


def wrong_setting(fault: Fault) -> WrongSetting:
    """Return the error for a fault where a member has none of its own."""
    return WrongSetting(str(fault))


class Document:
    """A parsed YAML file that knows the line of everything in it.

    Args:
        file: Where it comes from.
        refusal: Makes the error that is raised for a fault.

    Attributes:
        data: Plain dicts, lists and scalars; may be changed before ``convert``.
    """

    def __init__(self, text: str, file: Path, refusal: Refusal = wrong_setting) -> None:
        self.file = file
        self.data: Any = None
        self._refusal = refusal
        self._lines: dict[Place, int] = {}
        self._scalars: dict[Place, yaml.ScalarNode] = {}
        self._parse(text)

    @classmethod
    def read(cls, file: Path, refusal: Refusal = wrong_setting) -> "Document":
        """Read and parse a file; the refusal's error is raised where it cannot be, is no YAML or says a key twice."""
        try:
            with file.open("rb") as opened:
                text = opened.read(MOST_BYTES + 1).decode("utf-8")
        except OSError as error:
            expected = "a readable YAML file"
            raise refusal(Fault(file, None, "unreadable", (), error.strerror or "nothing", expected)) from error
        except UnicodeDecodeError as error:
            found = f"{error.reason} at byte {error.start}"
            raise refusal(Fault(file, None, "unreadable", (), found, "a readable YAML file in UTF-8")) from error
        return cls(text, file, refusal)

    def convert(self, kind: type[T], *, numbers_as_text: bool = False, at: Place = ()) -> T:
        """Return the document as ``kind``; the refusal's error is raised for the first fault.

        Args:
            kind: A struct. ``Meta(description=...)`` on a field says what is expected there; else msgspec's words do.
            numbers_as_text: Whether 7, 007 and 1.5 are texts, as they are written, where ``kind`` has a text.
            at: Where what is meant stands, if it is not the whole document.
        """
        if numbers_as_text:
            self._numbers_to_text(kind)
        data = self._at_place(at)
        try:
            return msgspec.convert(data, kind, strict=True)
        except msgspec.ValidationError as error:
            raise self._refusal(self._explained(str(error), kind, at, data)) from error

    def fault(self, path: Place, found: object, expected: str) -> Exception:
        """Return the error for something at ``path`` that cannot be meant."""
        return self._refusal(Fault(self.file, self.line(path), "wrong", path, repr(found), expected))

    def line(self, path: Place) -> int | None:
        """Return the line of ``path``, or of the nearest thing around it that stands in the file."""
        while path and path not in self._lines:
            path = path[:-1]
        return self._lines.get(path)

    def _parse(self, text: str) -> None:
        if len(text) > MOST_BYTES:
            raise self._refusal(
                Fault(self.file, None, "unreadable", (), "a larger file", f"at most {MOST_BYTES} bytes of YAML")
            )
        try:
            text.encode()  # from JSON, there may be halves of signs in it
        except UnicodeEncodeError as error:
            raise self._refusal(Fault(self.file, None, "not_yaml", (), "half a sign", "well-formed YAML")) from error
        loader = _Loader(text)
        try:
            _require_shallow(text)
            node = loader.get_single_node()
            if node is not None:
                self._note(node, ())
                self.data = loader.construct_document(node)
        except _NOT_YAML as error:
            mark = getattr(error, "problem_mark", None)
            found = getattr(error, "problem", None) or str(error).partition("\n")[0] or "a fault"
            # libyaml counts a line more where the text ends too early
            line = min(mark.line + 1, len(text.splitlines())) if mark else None
            raise self._refusal(Fault(self.file, line, "not_yaml", (), found, "well-formed YAML")) from error
        finally:
            loader.dispose()

    def _note(self, node: yaml.Node, path: Place) -> None:
        self._lines.setdefault(path, node.start_mark.line + 1)
        if len(self._lines) > MOST_VALUES:
            raise self._at(node, "wrong", path, "more", f"at most {MOST_VALUES} values in a file")
        if isinstance(node, yaml.ScalarNode):
            self._scalars[path] = node
            self._require_short(node, path)
        if isinstance(node, yaml.SequenceNode):
            for index, item in enumerate(node.value):
                self._note(item, (*path, index))
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                self._note_entry(key, value, path)

    def _note_entry(self, key: yaml.Node, value: yaml.Node, path: Place) -> None:
        if not isinstance(key, yaml.ScalarNode):
            raise self._at(key, "wrong", path, "a key of several parts", "a plain key")
        self._require_short(key, path)
        inner = (*path, key.value)
        if inner in self._lines:
            raise self._at(key, "twice", inner, "the key a second time", "it once")
        self._lines[inner] = key.start_mark.line + 1
        self._note(value, inner)

    def _require_short(self, node: yaml.ScalarNode, path: Place) -> None:
        if node.tag in _NUMBERS and len(node.value) > MOST_DIGITS:
            raise self._at(node, "wrong", path, "a longer number", f"at most {MOST_DIGITS} digits")

    def _at(self, node: yaml.Node, problem: Problem, path: Place, found: str, expected: str) -> Exception:
        return self._refusal(Fault(self.file, node.start_mark.line + 1, problem, path, found, expected))

    def _numbers_to_text(self, kind: Any) -> None:
        for path, node in self._scalars.items():
            if path and node.tag in _NUMBERS and is_text_at(kind, path, self.data):
                around = self.data
                for step in path[:-1]:
                    around = around[step]
                around[path[-1]] = node.value

    def _at_place(self, path: Place) -> Any:
        data = self.data
        for step in path:
            data = data[step]
        return data

    def _explained(self, message: str, kind: Any, at: Place, data: Any) -> Fault:
        where = _AT.search(message)
        problem = message[: where.start()] if where else message
        inside = _steps(where["steps"]) if where else ()
        path = (*at, *inside)
        if self.data is None and not path:
            return self._fault("empty", path, "nothing", _expected(problem))
        if named := _NAMED.search(problem):
            inner = (*path, named["name"])
            if named["what"] != "unknown":
                return self._fault("missing", inner, "nothing", f"a value for {named['name']!r}")
            known = fields_at(kind, inside, data)
            return self._fault("unknown", inner, repr(named["name"]), nearest(known, named["name"]), known)
        found, words = self._found(path), words_at(kind, inside, data)
        if problem.startswith("Invalid") and words:
            return self._fault("wrong", path, found, nearest(words, found), words)
        return self._fault("wrong", path, found, described_at(kind, inside, data) or _expected(problem))

    def _fault(self, problem: Problem, path: Place, found: str, expected: str, words: list[str] | None = None) -> Fault:
        return Fault(self.file, self.line(path), problem, path, found, expected, tuple(words or ()))

    def _found(self, path: Place) -> str:
        data = self.data
        for step in path:
            try:
                data = data[step]
            except (KeyError, IndexError, TypeError):
                return "nothing"
        if isinstance(data, list | dict):
            return "a list" if isinstance(data, list) else "a mapping"
        if isinstance(data, str | int | float) and not isinstance(data, bool):
            return repr(data)
        written = self._scalars.get(path)  # `yes` and a date are shown as they are written
        return repr(written.value) if written is not None and written.value else "nothing"


def spelled(path: Place) -> str:
    """Return a path in the file's own words.

    >>> spelled(("buses", 0, "name"))
    'buses[0].name'
    """
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".")


def _require_shallow(text: str) -> None:
    depth = 0
    for event in yaml.parse(text, _Loader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MOST_NESTED:
            raise ValueError(f"more than {MOST_NESTED} levels of nesting")


def _steps(text: str) -> Place:
    known = text.partition("[...]")[0]  # msgspec does not name the key of a mapping of any keys
    return tuple(name or int(index) for name, index in _STEP.findall(known))


def _expected(problem: str) -> str:
    """Return what msgspec says as what was expected: "Expected `int`, got `str`" is "`int`"."""
    if problem.startswith("Expected "):
        return problem.removeprefix("Expected ").partition(", got ")[0]
    if problem.startswith("Invalid "):
        return "a valid " + problem.removeprefix("Invalid ")
    return problem[0].lower() + problem[1:]
