"""What the quarantine's routes take and give."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from siloscope_dashboards.pages import LARGEST_ID

_Id = Annotated[int, Field(ge=1, le=2**63 - 1)]


class RefusedMessage(BaseModel):
    """A message that was not taken as it came."""

    id: int
    node_id: int | None
    node: str | None = Field(
        description="Site and node; null where the message could be nobody's", examples=["north/pi"]
    )
    topic: str
    reason: str = Field(examples=["malformed"])
    detail: str = Field(description="Place, what was found there, and what was expected")
    epoch: str | None
    seq: int | None = Field(description="The pack's number: it is accounted for as refused")
    sha256: str
    size_bytes: int
    received_at: datetime
    last_seen_at: datetime
    times_seen: int
    replay_requested_at: datetime | None = Field(description="When somebody asked to try it again; null = nobody")
    replayed_at: datetime | None = Field(description="When it was tried again last, and refused again")


class RefusedPayload(RefusedMessage):
    """The same with what was sent."""

    payload_base64: str


class OnlyCounted(BaseModel):
    """A flood of refused messages of one hour: beyond a node's share of a minute they are only counted."""

    node: str | None
    hour: datetime
    reason: str
    messages: int
    bytes: int


class Quarantine(BaseModel):
    """Refused messages, newest first, and what was only counted."""

    items: list[RefusedMessage]
    next_cursor: str | None = Field(default=None, description="Pass it as `cursor` for the next page; null = the last")
    only_counted: list[OnlyCounted]


class Chosen(BaseModel):
    """Which messages: the named ones, or all of a reason or a node."""

    model_config = ConfigDict(extra="forbid")

    ids: Annotated[list[_Id], Field(min_length=1, max_length=1_000)] | None = None
    reason: Annotated[str, Field(pattern=r"^[a-z0-9_+]{1,200}$")] | None = None
    node_id: Annotated[int, Field(ge=1, le=LARGEST_ID)] | None = None

    @model_validator(mode="after")
    def _says_which(self) -> "Chosen":
        if self.ids is None and self.reason is None and self.node_id is None:
            raise ValueError("name ids, a reason or a node_id")
        return self


class Concerned(BaseModel):
    """How many messages it was about."""

    messages: int
