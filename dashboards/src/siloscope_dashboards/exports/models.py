"""What an export is asked for."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

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
