"""What the routes of retention take and give; they say how long what is kept, and take nothing away."""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool

RetentionClass = Literal["measurements", "vitals", "records"]
Level = Literal["raw", "m5", "hour", "day", "conflicts", "gaps", "undated", "alerts", "messages"]
Keep = Annotated[
    str, Field(max_length=20, pattern=r"^[0-9a-zA-Z ]+$", description="90d, 26w, 2y or forever", examples=["2y"])
]
Stays = Literal["no_archive_directory", "not_rolled_up", "restored"]


class Policy(BaseModel):
    """How long one level of one class is kept."""

    retention_class: RetentionClass
    level: Level
    keep: Keep
    keep_days: int | None = Field(description="The same in days; null = for ever")
    source: Literal["default", "set"]
    default_keep: Keep
    version: int = Field(ge=0, description="Counts how often it was set; 0 = never")
    set_at: datetime | None
    set_by: str | None = Field(examples=["user:ada"])


class Policies(BaseModel):
    """What holds for your organisation."""

    items: list[Policy]
    archive_required: bool = Field(description="Whether raw samples go only once they are in a verified file")
    archiving: bool | None = Field(
        description="Whether the last run had an archive directory that it could use; null = none ran yet"
    )
    last_run_at: datetime | None


class NewPolicy(BaseModel):
    """A policy to be."""

    model_config = ConfigDict(extra="forbid")

    keep: Keep
    expected_version: int = Field(ge=0, le=2**31 - 1, description="As you saw it; refused (409) where it is another")


class ArchiveSwitch(BaseModel):
    """Whether raw samples are to go only once they are in a verified file."""

    model_config = ConfigDict(extra="forbid")

    required: StrictBool
    expected: StrictBool = Field(description="As you saw it; refused (409) where it is otherwise by now")


class GoingDay(BaseModel):
    """A local date of a site."""

    day: date
    archived: bool = Field(description="Whether all of it is in a verified file; what is not gets its file first")


class GoingSite(BaseModel):
    """A site of the plan."""

    id: int
    slug: str
    name: str


class Going(BaseModel):
    """What would go of one level at one site."""

    retention_class: RetentionClass
    level: Level
    site: GoingSite | None = Field(description="null = of the whole organisation, as records are")
    before: datetime = Field(description="Nothing from this instant on goes")
    rows: int = Field(description="Raw samples as the roll-ups counted them, all else as it is stored")
    size_bytes: int = Field(description="Of these rows, for samples and roll-ups by their usual width; less on disk")
    first: date
    last: date
    days: list[GoingDay] = Field(description="Of raw samples; empty for all else, which is in no archive")
    stays: list[Stays] = Field(description="Why all or some of it stays for now")


class Plan(BaseModel):
    """What would go at the next run; asking changes nothing."""

    at: datetime
    items: list[Going]


class Loss(BaseModel):
    """What one run let go of one level at one site."""

    id: int
    gone_at: datetime
    retention_class: RetentionClass
    level: Level
    site: GoingSite | None
    rows: int
    size_bytes: int
    first: datetime
    last: datetime
    archived: bool = Field(description="Whether each of these days was in a verified file first")


class Losses(BaseModel):
    """What has gone, newest first."""

    items: list[Loss]
    next_cursor: str | None = Field(default=None, description="Pass it as `cursor` for the next page; null = the last")
