"""What the routes of notification channels, routes, digests and the outbox take and give; secrets are never given."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Secrets = dict[
    Annotated[str, Field(pattern=r"^[a-z_]{1,40}$")], Annotated[str, Field(pattern=r"^[^\x00\r\n]{1,2000}$")]
]


class NotifyChannel(BaseModel):
    """A way to people or programs."""

    slug: str
    kind: Literal["email", "telegram", "webhook", "apprise"]
    document: dict[str, Any]
    secrets: list[str] = Field(description="Names of the secrets that it has; their values are told to nobody")
    failing_since: datetime | None
    last_delivered_at: datetime | None
    changed_at: datetime


class NotifyChannels(BaseModel):
    """All channels of an organisation, by slug."""

    items: list[NotifyChannel]


class NewChannel(BaseModel):
    """A channel to be, or to be changed."""

    model_config = ConfigDict(extra="forbid")

    document: dict[str, Any]
    secrets: Secrets | None = Field(default=None, description="All that it has from now on; null = as it was")


class NotifyRoute(BaseModel):
    """Which incidents go where."""

    slug: str
    place: int = Field(description="Routes are asked in this order")
    document: dict[str, Any]
    changed_at: datetime


class NotifyRoutes(BaseModel):
    """All routes of an organisation, in their order."""

    items: list[NotifyRoute]


class NewRoute(BaseModel):
    """A route to be, or to be changed."""

    model_config = ConfigDict(extra="forbid")

    document: dict[str, Any]
    place: Annotated[int, Field(ge=0, le=10_000)] = 0


class NotifyDigest(BaseModel):
    """A regular message that all is quiet, or what is not."""

    slug: str
    document: dict[str, Any]
    next_at: datetime
    last_at: datetime | None


class NotifyDigests(BaseModel):
    """All digests of an organisation, by slug."""

    items: list[NotifyDigest]


class NewDigest(BaseModel):
    """A digest to be, or to be changed."""

    model_config = ConfigDict(extra="forbid")

    document: dict[str, Any]


class Removed(BaseModel):
    """What is no longer there."""

    removed: str


class OnItsWay(BaseModel):
    """A test message that is on its way; the outbox says how it went."""

    notification_id: str


class OutboxEntry(BaseModel):
    """A message on its way out, or that went out."""

    id: str
    channel: str
    route: str | None
    incident_id: int | None
    kind: str = Field(examples=["firing"])
    severity: Literal["info", "warning", "critical"]
    step: int
    state: Literal["queued", "sending", "delivered", "held", "given_up"]
    enqueued_at: datetime
    due_at: datetime
    delivered_at: datetime | None
    attempts: int
    detail: str = Field(description="What the last attempt that failed was told")


class Outbox(BaseModel):
    """Messages, newest first."""

    items: list[OutboxEntry]
    next_cursor: str | None = Field(default=None, description="Pass it as `cursor` for the next page; null = the last")
