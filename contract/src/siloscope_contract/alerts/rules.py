"""A rule, as it stands in a YAML file, in the API and, versioned, in the database."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from siloscope_contract.alerts.conditions import Condition
from siloscope_contract.alerts.selectors import Selector, Tags
from siloscope_contract.alerts.spans import Span
from siloscope_contract.alerts.words import Severity, SubjectKind

RuleSlug = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$", description="1 to 64 of a-z, 0-9, _ and -")]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
LocalTime = Annotated[
    str, Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d$", description="a local time such as 06:30, in quotes")
]


class Hours(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Hours of a week in the site's time zone; `until` before `since` goes past midnight, of the day it began."""

    days: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    since: LocalTime = "00:00"
    until: LocalTime = "00:00"


class Flapping(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From so many firings within a window on, an alert is one that flaps, until it kept still for such a window."""

    firings: Annotated[int, Meta(ge=2)] = 4
    within: Span = "1h"


class Rule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One rule.

    Attributes:
        rule: Its slug, for life.
        per: What one alert is about; unless told what the condition is about: a place for spread and for a condition of
            several channels, a node or site for no_data of one, else a channel.
        hold: How long, in event time, the condition must hold before it fires.
        clear_hold: How long readings must stay on the good side of the clear level before it resolves.
        schedule: When it may open; always unless told.
        group_by: What alerts share one message.
        inhibited_by: Rules that, while they fire for the subject or for what it belongs to, keep this one quiet.
        message: Jinja2 templates by language; English is also the fall-back. Unless told, the kind's own words.
    """

    rule: RuleSlug
    name: str
    condition: Condition
    severity: Severity = Severity.WARNING
    select: Selector = Selector()
    per: SubjectKind | None = None
    hold: Span = "0s"
    clear_hold: Span = "0s"
    schedule: tuple[Hours, ...] = ()
    labels: Tags = {}
    message: dict[str, str] = {}
    group_by: tuple[Literal["rule", "subject", "place", "node", "site"], ...] = ("rule", "place")
    inhibited_by: tuple[RuleSlug, ...] = ()
    flapping: Flapping = Flapping()
    enabled: bool = True
    source: str = ""


class RuleFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A YAML file of rules."""

    rules: Annotated[tuple[Rule, ...], Meta(description="a list")]
