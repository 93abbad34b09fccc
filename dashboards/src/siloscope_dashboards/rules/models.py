"""What the routes of rules give; what they take is the rule document itself."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field


class RuleEntry(BaseModel):
    """A rule as it counts now."""

    slug: str
    name: str
    version: int = Field(ge=1)
    enabled: bool
    origin: Literal["api", "file", "shipped"]
    severity: Literal["info", "warning", "critical"]
    open_alerts: int = Field(description="That fired and are not over")
    created_at: datetime
    changed_at: datetime
    author: str = Field(description="Of this version", examples=["user:ada"])
    document: dict[str, Any] = Field(description="The rule, with what it leaves to the defaults filled in")


class RuleText(BaseModel):
    """A rule as people write it."""

    slug: str
    version: int
    yaml: str = Field(description="Without what it leaves to the defaults; comments are not kept")


class Rules(BaseModel):
    """All rules of an organisation, by slug."""

    items: list[RuleEntry]


class RuleVersion(BaseModel):
    """One version of a rule; none is ever changed."""

    version: int
    author: str
    at: datetime
    document: dict[str, Any]


class RuleVersions(BaseModel):
    """A rule's versions, newest first."""

    items: list[RuleVersion]


class RuleMatches(BaseModel):
    """The channels that a rule would watch now."""

    count: int = Field(ge=0)
    examples: list[str] = Field(description="At most ten of them, as site/node/device/channel, by name")


class RuleChecked(BaseModel):
    """What a rule would be if it were applied."""

    rule: str
    change: Literal["new", "changed", "same"]
    matches: RuleMatches = Field(description="A rule about figures of the platform alone watches no channel")
    document: dict[str, Any] = Field(description="The rule, with what it leaves to the defaults filled in")


class RuleRemoved(BaseModel):
    """What is out of use."""

    removed: str
