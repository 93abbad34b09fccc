"""What the series route gives."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field


class Point(BaseModel):
    """One reading, or what one bucket of time holds."""

    time: datetime = Field(description="Of the reading, or when the bucket begins")
    min: float | None
    mean: float | None
    max: float | None
    count: int = Field(description="Readings with a value")
    bad: int = Field(description="Failed readings")


class Series(BaseModel):
    """What a channel measured. A bucket without any reading is absent, never interpolated."""

    channel_id: int
    unit: str
    begins: datetime = Field(serialization_alias="from")
    ends: datetime = Field(serialization_alias="to")
    level: Literal["raw", "bucket"] = Field(description="raw: each point is one reading")
    bucket_s: float | None = Field(description="Length of a bucket; null where level is raw")
    points: list[Point]
