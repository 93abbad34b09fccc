"""What the routes of alerts take and give."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

LARGEST_ALERT_ID = 2**63 - 1
SeverityWord = Literal["info", "warning", "critical"]
StateWord = Literal["ok", "pending", "firing", "clearing", "unknown", "resolved"]
_NO_NUL = r"^[^\x00]*$"  # PostgreSQL keeps none
Comment = Annotated[str, Field(max_length=2_000, pattern=_NO_NUL)]
Person = Annotated[str, Field(min_length=1, max_length=200, pattern=_NO_NUL)]


class AlertRule(BaseModel):
    """The rule that an alert is of."""

    slug: str = Field(examples=["bin-heating"])
    name: str = Field(examples=["Grain is heating"])
    version: int = Field(description="Of the rule's document when the alert began")


class AlertSubject(BaseModel):
    """What an alert is about."""

    kind: Literal["channel", "place", "node", "site", "organisation", "platform"]
    id: int
    title: str = Field(examples=["Bin 7, cable 2, level 3"])


class AlertSite(BaseModel):
    """The site of an alert."""

    id: int
    slug: str
    name: str
    time_zone: str = Field(examples=["America/New_York"])


class AlertNamed(BaseModel):
    """The node or place of an alert."""

    id: int
    slug: str
    title: str


class AlertChannel(BaseModel):
    """The channel of an alert that is about one."""

    id: int
    key: str
    title: str | None
    quantity: str
    unit: str


class Alert(BaseModel):
    """One episode of one rule and subject, from the first breach to its end."""

    id: int
    rule: AlertRule
    subject: AlertSubject
    severity: SeverityWord
    state: StateWord = Field(description="ok = it ended before it ever fired")
    reason: str = Field(description="Why it is in that state", examples=["held"])
    site: AlertSite | None
    node: AlertNamed | None
    place: AlertNamed | None
    channel: AlertChannel | None
    incident_id: int | None = Field(description="Alerts of one cause share one, and so one message; null = not told")
    retrospective: bool = Field(description="Late data showed it: it was over when it became known")
    flapping: bool = Field(description="It comes and goes, and is told as that")
    inhibited_by: int | None = Field(description="The alert that keeps this one quiet")
    labels: dict[str, str]
    facts: dict[str, Any] = Field(
        description="Values that the last transition saw", examples=[{"value": 31.2, "level": 30, "unit": "Cel"}]
    )
    began_at: datetime = Field(description="Event time of the first reading that breached")
    fired_at: datetime | None = Field(description="Event time; null = it is or was pending only")
    ended_at: datetime | None = Field(description="Event time; null = open")
    changed_at: datetime = Field(description="Server time of the last transition")
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    assigned_to: str | None
    snoozed_until: datetime | None


class AlertCounts(BaseModel):
    """Open alerts of the organisation that fired, whatever the list was narrowed to."""

    open: int = Field(description="All of the three severities; pending ones are not counted")
    critical: int
    warning: int
    info: int
    unacknowledged: int
    pending: int


class Alerts(BaseModel):
    """Alerts, newest first, and how many are open."""

    items: list[Alert]
    next_cursor: str | None = Field(default=None, description="Pass it as `cursor` for the next page; null = the last")
    counts: AlertCounts


class AlertTransition(BaseModel):
    """One step of an alert's life."""

    number: int
    from_state: str
    to_state: str
    reason: str
    event_at: datetime = Field(description="Event time")
    at: datetime = Field(description="Server time")
    facts: dict[str, Any]


class AlertAction(BaseModel):
    """What somebody did about it."""

    kind: Literal["acknowledge", "unacknowledge", "assign", "comment", "snooze", "unsnooze"]
    actor: str = Field(examples=["user:ada"])
    via: Literal["api", "command", "link", "telegram"]
    body: str = Field(description="The comment, or to whom it was assigned")
    until: datetime | None
    at: datetime


class AlertNotification(BaseModel):
    """A message that told of it, alone or among others of the same cause."""

    id: str
    channel: str
    channel_kind: str
    route: str | None
    step: int
    kind: str = Field(examples=["firing"])
    state: Literal["queued", "sending", "delivered", "held", "given_up"]
    attempts: int
    enqueued_at: datetime
    due_at: datetime
    delivered_at: datetime | None
    detail: str = Field(description="What the last attempt that failed was told")


class AlertDetail(Alert):
    """An alert with its whole history."""

    document: dict[str, Any] = Field(description="The rule as it was when the alert began")
    transitions: list[AlertTransition]
    actions: list[AlertAction]
    notifications: list[AlertNotification]


class LinkedAlert(BaseModel):
    """What a signed link shows, and what it did."""

    alert_id: int
    organisation: str
    rule_name: str
    site: str | None
    place: str | None
    deed: Literal["acknowledge", "snooze"]
    snooze_s: int
    over: bool
    done: bool = Field(description="It is acknowledged, or snoozed, already")
    done_by: str | None
    alerts: int = Field(description="How many alerts the message told of and the link means")


class Remark(BaseModel):
    """Why, where somebody says it."""

    model_config = ConfigDict(extra="forbid")

    comment: Comment = ""


class Assignment(BaseModel):
    """To whom; null = to nobody again."""

    model_config = ConfigDict(extra="forbid")

    to: Person | None


class Commenting(BaseModel):
    """What somebody has to say."""

    model_config = ConfigDict(extra="forbid")

    comment: Annotated[str, Field(min_length=1, max_length=2_000, pattern=_NO_NUL)]


class Snooze(BaseModel):
    """Until when nobody is told of it."""

    model_config = ConfigDict(extra="forbid")

    until: AwareDatetime = Field(description="Within 30 days")
    comment: Comment = ""
