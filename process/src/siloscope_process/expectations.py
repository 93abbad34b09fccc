"""What a struct expects at a place in a document: its fields, its words, and the nearest right one."""

from collections.abc import Iterable
from difflib import get_close_matches
from functools import lru_cache
from typing import Any

import msgspec

Place = tuple[str | int, ...]
"""Where something stands in a document: ``("buses", 0, "name")``."""


def suggestion(words: Iterable[str], found: str) -> str:
    """Return a clause that names the nearest right word; an empty one where none is near.

    >>> suggestion(["slug", "time_zone"], "tiem_zone")
    "; did you mean 'time_zone'?"
    """
    near = get_close_matches(found.strip("'"), list(words), n=1, cutoff=0.5)
    return f"; did you mean {near[0]!r}?" if near else ""


def nearest(words: Iterable[str], found: str) -> str:
    """Return an expectation that names all right words, and the nearest of them.

    >>> nearest(["mast", "bin"], "bni")
    "one of bin, mast; did you mean 'bin'?"
    """
    known = sorted(words)
    return f"one of {', '.join(known)}{suggestion(known, found)}"


def fields_at(kind: Any, path: Place, data: Any) -> list[str]:
    """Return the fields that the struct at ``path`` may have."""
    found = _plain(_type_at(kind, path, data))
    if not isinstance(found, msgspec.inspect.StructType):
        return []
    return [field.encode_name for field in found.fields] + ([found.tag_field] if found.tag_field else [])


def words_at(kind: Any, path: Place, data: Any) -> list[str]:
    """Return the words that may stand at ``path``, where it is a choice of words."""
    found = _plain(_type_at(kind, path, data))
    if isinstance(found, msgspec.inspect.LiteralType):
        return [str(value) for value in found.values]
    if isinstance(found, msgspec.inspect.EnumType):
        return [str(each.value) for each in found.cls]
    if isinstance(found, msgspec.inspect.UnionType):
        return [str(each.tag) for each in found.types if isinstance(each, msgspec.inspect.StructType)]
    parent = _type_at(kind, path[:-1], data) if path else None  # a wrong tag is reported at the tag's own path
    if found is None and isinstance(parent, msgspec.inspect.UnionType):
        return [str(each.tag) for each in parent.types if isinstance(each, msgspec.inspect.StructType)]
    return []


def described_at(kind: Any, path: Place, data: Any) -> str:
    """Return the description that the struct gives of what may stand at ``path``; an empty text where it has none."""
    found = _type_at(kind, path, data)
    schema = found.extra_json_schema if isinstance(found, msgspec.inspect.Metadata) else None
    return str((schema or {}).get("description", ""))


def is_text_at(kind: Any, path: Place, data: Any) -> bool:
    """Say whether a text, and nothing else, may stand at ``path``."""
    return isinstance(_plain(_type_at(kind, path, data)), msgspec.inspect.StrType)


@lru_cache(maxsize=16)
def _described(kind: Any) -> msgspec.inspect.Type:
    return msgspec.inspect.type_info(kind)


def _type_at(kind: Any, path: Place, data: Any) -> Any:
    """Return msgspec's description of what may stand at ``path``; unions are settled by the data's tag."""
    found: Any = _settled(_described(kind), data)
    for step in path:
        found = _inside(_plain(found), step)
        try:
            data = data[step]
        except (KeyError, IndexError, TypeError):
            data = None
        found = _settled(found, data)
    return found


def _inside(found: Any, step: str | int) -> Any:
    if isinstance(found, msgspec.inspect.StructType):
        return next((field.type for field in found.fields if field.encode_name == step), None)
    if isinstance(found, msgspec.inspect.ListType | msgspec.inspect.VarTupleType):
        return found.item_type
    return found.value_type if isinstance(found, msgspec.inspect.DictType) else found


def _plain(found: Any) -> Any:
    return found.type if isinstance(found, msgspec.inspect.Metadata) else found


def _settled(found: Any, data: Any) -> Any:
    if not isinstance(found, msgspec.inspect.UnionType):
        return found
    choices = [each for each in found.types if not isinstance(each, msgspec.inspect.NoneType)]
    for each in choices:
        if (
            isinstance(each, msgspec.inspect.StructType)
            and isinstance(data, dict)
            and (each.tag_field is None or data.get(each.tag_field) == each.tag)
        ):
            return each
    return choices[0] if len(choices) == 1 else found
