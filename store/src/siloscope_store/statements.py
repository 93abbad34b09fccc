"""SQL statements by name, from the `.sql` files in `sql/`. Nothing else in the project holds SQL."""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, LiteralString, cast

_HEADING = re.compile(r"^-- name: (\w+)[ \t]*$", re.MULTILINE)


@cache
def statements(file_name: str) -> Mapping[str, LiteralString]:
    """Return the statements of one file of `sql/`, by the name in their `-- name: insert_samples` heading.

    Raises:
        ValueError: A name stands twice in the file, or SQL stands before the first heading.
    """
    return MappingProxyType(parse(files("siloscope_store").joinpath("sql", file_name).read_text("utf-8"), file_name))


def parse(text: str, place: str) -> dict[str, LiteralString]:
    """Split the text of a statement file at its headings.

    >>> parse("-- name: one\\nSELECT 1;\\n", "x.sql")
    {'one': 'SELECT 1'}
    """
    preamble, *parts = _HEADING.split(text)
    if any(line and not line.startswith("--") for line in preamble.splitlines()):
        raise ValueError(f"{place}: SQL stands before the first '-- name:' heading")
    names = parts[::2]
    if len(set(names)) < len(names):
        raise ValueError(f"{place}: a name stands twice among {sorted(names)}")
    # The text ships with this package and holds no input of anybody: it is as literal as a literal in the source.
    return {name: cast(LiteralString, body.strip().rstrip(";")) for name, body in zip(names, parts[1::2], strict=True)}


def columns(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> dict[str, list[Any]]:
    """Return the parameters of a statement that takes rows as arrays: one for all, where one a row would stall others.

    >>> columns(("keys", "values"), [("a", 1), ("b", 2)])
    {'keys': ['a', 'b'], 'values': [1, 2]}
    """
    return {name: [row[at] for row in rows] for at, name in enumerate(names)}
