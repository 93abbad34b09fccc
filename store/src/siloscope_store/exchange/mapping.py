"""What a file's columns, tags and fields mean: from a mapping file, the command line, or the header itself."""

import dataclasses
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from siloscope_process.documents import Document
from siloscope_store.exchange.errors import FileWrong
from siloscope_store.exchange.readings import MISSING

Shape = Literal["auto", "long", "wide"]
_HEADER = re.compile(r"(?:(?P<device>[^/\[\]]+)/)?(?P<channel>[^\[\]]+?)\s*(?:\[(?P<unit>[^\]]*)\])?\s*")


class WideColumn(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The channel that a column (or a channel's name in a long file) stands for; what is absent is as the file says."""

    channel: str | None = None
    device: str | None = None
    node: str | None = None
    unit: str | None = None
    quantity: str | None = None
    group: Annotated[str, Meta(description="the group of a new channel")] | None = None
    retention_class: Literal["measurements", "vitals"] | None = None

    @classmethod
    def of_header(cls, text: str) -> "WideColumn":
        """Return what a header says of itself.

        >>> WideColumn.of_header("mast/wind_speed [m/s]").unit
        'm/s'
        """
        found = _HEADER.fullmatch(text)
        if found is None:
            return cls(channel=text)
        return cls(channel=found["channel"], device=found["device"], unit=found["unit"] or None)


class MappingFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The words of a mapping file. Every one may be left out."""

    shape: Shape | None = None
    time: Annotated[str, Meta(description="the name of the time column")] | None = None
    value: Annotated[str, Meta(description="the name of the value column")] | None = None
    channel: Annotated[str, Meta(description="the name of the channel column or tag")] | None = None
    device_column: Annotated[str, Meta(description="the name of the device column or tag")] | None = None
    node_column: Annotated[str, Meta(description="the name of the node column or tag")] | None = None
    unit_column: Annotated[str, Meta(description="the name of the unit column or tag")] | None = None
    quantity_column: Annotated[str, Meta(description="the name of the quantity column or tag")] | None = None
    quality: Annotated[str, Meta(description="the name of the quality column or field")] | None = None
    device: Annotated[str, Meta(description="the device of everything that names none")] | None = None
    unit: Annotated[str, Meta(description="the unit of everything that names none")] | None = None
    delimiter: Annotated[str, Meta(min_length=1, max_length=1, description="one character")] | None = None
    decimal: Literal[".", ","] | None = None
    encoding: Annotated[str, Meta(description="the encoding of a text, such as cp1252")] | None = None
    missing: Annotated[list[str], Meta(description="a list of texts that stand for no value")] | None = None
    ignore: Annotated[list[str], Meta(description="a list of columns of a wide file")] = field(default_factory=list)
    columns: Annotated[dict[str, WideColumn], Meta(description="'column: {channel: …, unit: …}'")] = field(
        default_factory=dict
    )


@dataclass(frozen=True)
class Mapping:
    """What holds for one import."""

    shape: Shape = "auto"
    time: str = "time"
    value: str = "value"
    channel: str = "channel"
    device_column: str = "device"
    node_column: str = "node"
    unit_column: str = "unit"
    quantity_column: str = "quantity"
    quality: str = "quality"
    device: str | None = None
    unit: str | None = None
    delimiter: str | None = None
    decimal: str = "."
    encoding: str = "utf-8"
    missing_texts: frozenset[str] = MISSING
    ignore: tuple[str, ...] = ()
    columns: dict[str, WideColumn] = dataclasses.field(default_factory=dict)

    def is_wide(self, names: Collection[str]) -> bool:
        """Say whether a row of these columns is a sample: neither value nor channel has a column of its own."""
        return self.shape == "wide" or (self.shape == "auto" and self.value not in names and self.channel not in names)


_NAMES = (
    *("shape", "time", "value", "channel", "device_column", "node_column", "unit_column", "quantity_column"),
    *("quality", "device", "unit", "delimiter", "decimal", "encoding"),
)


def mapping(path: Path | None, told: dict[str, str | None], missing: list[str]) -> Mapping:
    """Return the mapping of a file, if there is one, under what the command line says; None = it does not.

    Raises:
        WrongSetting: The file is wrong at one place.
    """
    said = MappingFile() if path is None else Document.read(path).convert(MappingFile, numbers_as_text=True)
    given = {name: getattr(said, name) for name in _NAMES if getattr(said, name) is not None}
    given |= {name: value for name, value in told.items() if value is not None}
    texts = frozenset({"", *(MISSING if said.missing is None else said.missing), *missing})
    _require_ascii(given.get("encoding", "utf-8"))
    return Mapping(**given, missing_texts=texts, ignore=tuple(said.ignore), columns=dict(said.columns))


def _require_ascii(encoding: str) -> None:
    """Refuse an encoding in which ends of lines are not found by their byte."""
    try:
        if "\n,;".encode(encoding) == b"\n,;":
            return
    except (LookupError, UnicodeError):
        pass
    raise FileWrong("encoding", repr(encoding), "one that holds ASCII, such as cp1252")
