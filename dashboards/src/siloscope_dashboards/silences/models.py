"""What the routes of silences take and give."""

from datetime import datetime
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from siloscope_dashboards.alerts.models import Comment

Kind = Literal["silence", "maintenance"]
Repeats = Literal["never", "daily", "weekly"]


class Silence(BaseModel):
    """A span in which alerts are told to nobody (silence), or do not open at all (maintenance)."""

    id: int
    kind: Kind
    selector: dict[str, Any] = Field(description="What it is about", examples=[{"select": {"places": ["bin-7"]}}])
    begins: datetime
    ends: datetime
    repeats: Repeats = Field(description="The same local hours again, in the site's time zone")
    author: str
    comment: str
    created_at: datetime
    ended_at: datetime | None = Field(description="When somebody ended it; null = nobody did")
    ended_by: str | None
    state: Literal["coming", "active", "over"] = Field(description="Now; one that repeats is active until it is ended")


class Silences(BaseModel):
    """Silences, newest first."""

    items: list[Silence]
    next_cursor: str | None = Field(default=None, description="Pass it as `cursor` for the next page; null = the last")


class NewSilence(BaseModel):
    """A silence to be."""

    model_config = ConfigDict(extra="forbid")

    kind: Kind = "silence"
    selector: dict[str, Any] = Field(
        description="rules, severities, labels and select, as in a route's match; what is empty means any",
        examples=[{"rules": ["bin-heating"], "select": {"places": ["bin-7"]}}],
    )
    begins: AwareDatetime | None = Field(default=None, description="Now unless told")
    ends: AwareDatetime
    repeats: Repeats = "never"
    comment: Comment = ""
