"""The spool's SQL, by name: it lives in ``spool.sql``, never in code."""

import re
from collections.abc import Mapping
from importlib.resources import files
from types import MappingProxyType

_HEAD = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


def load(file: str) -> Mapping[str, str]:
    """Return the named statements of a file of this package."""
    text = (files("siloscope_edge") / file).read_text(encoding="utf-8")
    _, *parts = _HEAD.split(text)
    return MappingProxyType({name: body.strip() for name, body in zip(parts[::2], parts[1::2], strict=True)})
