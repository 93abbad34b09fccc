"""What the routes of nodes take and give."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from siloscope_contract.commands import LONGEST_LIFE_MS, CommandKind
from siloscope_contract.desired import LONGEST_CONFIRM_S

MOST_SILENT = 1_000
Comment = Annotated[str, Field(max_length=1_000, pattern=r"^[^\x00]*$")]
DeviceName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]


class ConfigVersion(BaseModel):
    """One version of what a node should be; none is ever changed."""

    version: int = Field(ge=1)
    document: dict[str, Any] = Field(description="What differs from the file at the site")
    confirm_within_s: float
    may_be_silent: list[str]
    author: str = Field(examples=["user:ada"])
    comment: str
    at: datetime
    published_at: datetime | None = Field(description="When the broker had it; null = it has not yet")
    outcome: str | None = Field(
        description="trying, applied, refused, rolled_back or set_aside, as the node said last; null = nothing yet"
    )
    reasons: list[str] = Field(description="Why it was refused, rolled back or set aside")
    outcome_at: datetime | None


class ConfigVersions(BaseModel):
    """Versions, newest first."""

    items: list[ConfigVersion]
    next_cursor: str | None = Field(default=None, description="Pass it as `cursor` for the next page; null = the last")


class NodeConfig(BaseModel):
    """What a node should be, and what it says that it is."""

    node_id: int
    desired: ConfigVersion | None = Field(description="The newest version; null = none was ever set")
    reported: dict[str, Any] | None = Field(description="What the node said last, word for word; null = nothing yet")
    reported_at: datetime | None
    state: Literal["unset", "waiting", "trying", "applied", "refused", "rolled_back", "set_aside"] = Field(
        description="Of the newest version; waiting = the node has not answered it"
    )


class NewConfig(BaseModel):
    """A version to be."""

    model_config = ConfigDict(extra="forbid")

    document: dict[str, Any] = Field(description="What differs from the file at the site; {} takes all back")
    confirm_within_s: float = Field(default=120.0, ge=1, le=LONGEST_CONFIRM_S)
    may_be_silent: list[DeviceName] = Field(default=[], max_length=MOST_SILENT)
    comment: Comment = ""
    expected_version: int | None = Field(default=None, ge=0, description="Refuse (409) where the newest is another")


class NodeCommand(BaseModel):
    """A command, and what came of it."""

    id: str
    node_id: int
    kind: str
    arguments: dict[str, Any]
    issuer: str = Field(examples=["user:ada"])
    issued_at: datetime
    expires_at: datetime
    sent_at: datetime | None = Field(description="When the broker had it last")
    sends: int
    state: Literal["waiting", "sent", "no_answer", "done", "failed", "refused"]
    result: dict[str, Any] | None = Field(description="What the node answered, word for word")
    ended_at: datetime | None
    has_bundle: bool = Field(description="Whether diagnostics can be fetched")


class NodeCommands(BaseModel):
    """Commands, newest first."""

    items: list[NodeCommand]


class NewCommand(BaseModel):
    """A command to be."""

    model_config = ConfigDict(extra="forbid")

    kind: CommandKind
    arguments: dict[str, Any] = Field(
        default={}, description="As the kind has them", examples=[{"devices": ["head-1"]}]
    )
    valid_for_s: float = Field(default=300.0, ge=1, le=LONGEST_LIFE_MS / 1000, description="Then it expires")
