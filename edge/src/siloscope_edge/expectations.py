"""What a struct expects at a place in a document: its fields, its words, and the nearest right one."""

from difflib import get_close_matches
from typing import Any

import msgspec

Place = tuple[str | int, ...]
"""Where something stands in a document: ``("buses", 0, "name")``."""


def nearest(words: list[str], found: str) -> str:
    """Return an expectation that names the nearest right word, and all of them where they are few."""
    near = get_close_matches(found, words, n=1, cutoff=0.5)
    meant = f"; did you mean {near[0]!r}?" if near else ""
    return f"one of {', '.join(sorted(words))}{meant}"


def _type_at(kind: Any, path: Place, data: Any) -> Any:
    """Return msgspec's description of what may stand at ``path``; unions are settled by the data's tag."""
    found: Any = _settled(msgspec.inspect.type_info(kind), data)
    for step in path:
        if isinstance(found, msgspec.inspect.StructType):
            found = next((field.type for field in found.fields if field.encode_name == step), None)
        elif isinstance(found, msgspec.inspect.ListType | msgspec.inspect.VarTupleType):
            found = found.item_type
        elif isinstance(found, msgspec.inspect.DictType):
            found = found.value_type
        try:
            data = data[step]
        except (KeyError, IndexError, TypeError):
            data = None
        found = _settled(found, data)
    return found


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


def fields_at(kind: Any, path: Place, data: Any) -> list[str]:
    """Return the fields that the struct at ``path`` may have."""
    found = _type_at(kind, path, data)
    if not isinstance(found, msgspec.inspect.StructType):
        return []
    return [field.encode_name for field in found.fields] + ([found.tag_field] if found.tag_field else [])


def words_at(kind: Any, path: Place, data: Any) -> list[str]:
    """Return the words that may stand at ``path``, where it is a choice of words."""
    found = _type_at(kind, path, data)
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
