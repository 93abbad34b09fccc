"""What an export is asked for."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

Form = Literal["csv", "parquet", "xlsx"]
Level = Literal["raw", "m5", "hour", "day"]

MEDIA_TYPES: dict[Form, str] = {
    "csv": "text/csv",
    "parquet": "application/vnd.apache.parquet",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


@dataclass(frozen=True)
class ExportOrder:
    """Which readings are wanted, and as what; None = any."""

    begins: datetime
    ends: datetime
    form: Form = "csv"
    level: Level = "raw"
    local_time: bool = False
    site_id: int | None = None
    place_id: int | None = None
    device_id: int | None = None
    channel_id: int | None = None


class LetGo(NamedTuple):
    """What a file lacks: what a site has of a retention class before that time is no longer kept, but for remains."""

    site: str
    retention_class: str
    before: datetime


@dataclass(frozen=True)
class Export:
    """A file piece by piece, and what it lacks."""

    let_go: Sequence[LetGo]
    pieces: AsyncIterator[bytes]
