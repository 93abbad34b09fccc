"""What the series route gives."""

from datetime import date, datetime
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
    uncertain: int = Field(0, description="Readings with a value that is in doubt; among `count`")
    increase: float | None = Field(
        None, description="Of a counter: what it added since the point before, whatever was reset; else null"
    )
    day: date | None = Field(None, description="Local date of the site, where points are made of days")


class Series(BaseModel):
    """What a channel measured. A bucket without any reading is absent, never interpolated."""

    channel_id: int
    unit: str
    begins: datetime = Field(serialization_alias="from")
    ends: datetime = Field(serialization_alias="to")
    level: Literal["raw", "m5", "hour", "day"] = Field(
        description="What points were made of: readings, or roll-ups of five minutes, UTC hours or local days"
    )
    bucket_s: float | None = Field(description="Length of a point; null where each is one reading")
    points: list[Point]
    catching_up: bool = Field(
        False, description="Readings of these times came late, or were corrected, and may not be in the points yet"
    )
