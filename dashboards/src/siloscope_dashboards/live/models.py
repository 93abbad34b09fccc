"""What the live route sends."""

from datetime import datetime

from pydantic import BaseModel

from siloscope_dashboards.channels.models import QualityGrade


class Change(BaseModel):
    """The data of one `latest` event: a channel's new reading."""

    channel_id: int
    time: datetime
    value: float | None
    quality: QualityGrade
    reason: str
    age_s: float
