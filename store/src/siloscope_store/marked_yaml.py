"""YAML whose every value knows its line, so that an error can name it."""

import math
from collections.abc import Collection, Iterable
from datetime import datetime
from difflib import get_close_matches
from typing import Any

import yaml

from siloscope_contract.errors import ContractError
from siloscope_contract.names import slug
from siloscope_store.errors import LayoutWrong

# 7, 007 and 1.5 are good names; yes and null want quotes, since nobody can tell what was meant.
_TEXT_TAGS = {f"tag:yaml.org,2002:{kind}" for kind in ("str", "int", "float")}


class Entry:
    """One mapping of a document.

    Args:
        node: As YAML composed it.
        file_name: For messages.
        what: What the mapping is, for messages: `site`.
        known: The keys that it may have.

    Raises:
        LayoutWrong: It is no mapping, or has a key twice or one that is not known.
    """

    def __init__(self, node: yaml.Node, file_name: str, what: str, known: Collection[str]) -> None:
        self._file_name = file_name
        self.what = what
        self.place = _place(file_name, node)
        if not isinstance(node, yaml.MappingNode):
            raise LayoutWrong(self.place, f"expected a {what} of the form 'key: value', found {_kind(node)}")
        self._values: dict[str, yaml.Node] = {}
        for key, value in node.value:
            self._admit(key, value, known)

    def _admit(self, key: yaml.Node, value: yaml.Node, known: Collection[str]) -> None:
        name = str(key.value)
        if name not in known:
            raise LayoutWrong(_place(self._file_name, key), f"a {self.what} has no {name!r}{nearest(name, known)}")
        if name in self._values:
            raise LayoutWrong(_place(self._file_name, key), f"{name!r} stands twice in this {self.what}")
        self._values[name] = value

    def place_of(self, key: str) -> str:
        """Return file and line of a value; of the entry itself where it is absent."""
        return _place(self._file_name, self._values[key]) if key in self._values else self.place

    def has(self, key: str) -> bool:
        """Return whether the key is there."""
        return key in self._values

    def slug(self, key: str) -> str:
        """Return a required slug."""
        return self._slug(key, self._required(key))

    def text(self, key: str, default: str | None = None) -> str:
        """Return a text, as it is written; required unless it has a default."""
        if default is not None and key not in self._values:
            return default
        return self._text(key, self._required(key))

    def number(self, key: str, low: float, high: float) -> float | None:
        """Return a number within limits; None where it is absent."""
        if key not in self._values:
            return None
        value = self._plain(key)
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise LayoutWrong(self.place_of(key), f"{key}: expected a number from {low:g} to {high:g}, found {value!r}")
        return float(value)

    def whole(self, key: str) -> int | None:
        """Return a whole number from 0 on; None where it is absent."""
        value = self.number(key, 0, 2**31 - 1)
        if value is not None and value != math.floor(value):
            raise LayoutWrong(self.place_of(key), f"{key}: expected a whole number, found {value:g}")
        return None if value is None else int(value)

    def moment(self, key: str) -> datetime | None:
        """Return an aware time; None where it is absent."""
        if key not in self._values:
            return None
        value = self._plain(key)
        if not isinstance(value, datetime) or value.tzinfo is None:
            expected = "a time with its offset, such as 2026-01-31T06:00:00Z"
            raise LayoutWrong(self.place_of(key), f"{key}: expected {expected}, found {str(value)!r}")
        return value

    def mapping(self, key: str) -> dict[str, Any]:
        """Return a mapping as plain values; an empty one where it is absent."""
        value = self._plain(key) if key in self._values else {}
        if not isinstance(value, dict):
            raise LayoutWrong(self.place_of(key), f"{key}: expected 'key: value', found {value!r}")
        return value

    def words(self, key: str) -> list[str]:
        """Return a list of slugs; an empty one where it is absent."""
        return [self._slug(key, node) for node in self._sequence(key)]

    def entries(self, key: str, what: str, known: Collection[str]) -> Iterable["Entry"]:
        """Return the mappings of a list; none where it is absent."""
        return [Entry(node, self._file_name, what, known) for node in self._sequence(key)]

    def _sequence(self, key: str) -> list[yaml.Node]:
        if key not in self._values:
            return []
        node = self._values[key]
        if not isinstance(node, yaml.SequenceNode):
            raise LayoutWrong(self.place_of(key), f"{key}: expected a list, found {_kind(node)}")
        return list(node.value)

    def _required(self, key: str) -> yaml.Node:
        if key not in self._values:
            raise LayoutWrong(self.place, f"this {self.what} lacks {key!r}")
        return self._values[key]

    def _text(self, key: str, node: yaml.Node) -> str:
        if not isinstance(node, yaml.ScalarNode) or node.tag not in _TEXT_TAGS or not node.value.strip():
            problem = f"{key}: expected a text, in quotes if need be, found {_kind(node)}"
            raise LayoutWrong(_place(self._file_name, node), problem)
        return str(node.value)

    def _slug(self, key: str, node: yaml.Node) -> str:
        try:
            return slug(self._text(key, node), key)
        except ContractError as error:
            raise LayoutWrong(_place(self._file_name, node), str(error)) from None

    def _plain(self, key: str) -> Any:
        try:
            return yaml.SafeLoader("").construct_document(self._values[key])
        except (yaml.YAMLError, ValueError) as error:
            reason = str(error).splitlines()[0]
            raise LayoutWrong(self.place_of(key), f"{key}: cannot be read: {reason}") from None


def document(text: str, file_name: str, what: str, known: Collection[str]) -> Entry:
    """Return the one mapping of a document.

    Raises:
        LayoutWrong: It is no YAML, empty, or no mapping.
    """
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"{file_name}:{mark.line + 1}" if mark else file_name
        raise LayoutWrong(place, f"no YAML: {error.problem}") from None
    except yaml.YAMLError as error:
        raise LayoutWrong(file_name, f"no YAML: {str(error).splitlines()[0]}") from None
    if node is None:
        raise LayoutWrong(file_name, "the file is empty")
    return Entry(node, file_name, what, known)


def nearest(found: str, known: Iterable[str]) -> str:
    """Return a clause that says the nearest right word, or which words there are when those are few.

    >>> nearest("tiem_zone", ["slug", "time_zone"])
    "; did you mean 'time_zone'?"
    """
    words = sorted(known)
    close = get_close_matches(found, words, n=1, cutoff=0.6)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; there are {', '.join(words)}" if len(words) <= 12 else ""


def _place(file_name: str, node: yaml.Node) -> str:
    return f"{file_name}:{node.start_mark.line + 1}"


def _kind(node: yaml.Node) -> str:
    if isinstance(node, yaml.SequenceNode):
        return "a list"
    return f"{node.value!r}" if isinstance(node, yaml.ScalarNode) else "a mapping"
