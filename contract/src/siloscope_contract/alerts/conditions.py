"""The kinds of conditions. Each says for a subject whether it holds, does not, or cannot be told.

Levels are in the stored unit. A condition over several channels of a place, node or site holds where it holds
for one of them; `all`, `any` and `not` are Kleene's: unknown only where what is known does not decide.
"""

from collections.abc import Iterator
from typing import Annotated, Literal, Union

from msgspec import Meta, Struct

from siloscope_contract.alerts.selectors import Selector
from siloscope_contract.alerts.spans import Span

Level = Annotated[float, Meta(description="a number, in the quantity's stored unit")]
Band = Annotated[tuple[Level, Level], Meta(description="a list of two numbers, the lower first")]
Share = Annotated[float, Meta(ge=0, le=1, description="a share from 0 to 1")]
Reads = Literal[
    "value", "dew_point", "dew_point_depression", "vapour_pressure_deficit", "delta_t", "equilibrium_moisture"
]
"""The reading itself, or what is derived from temperature and humidity at the same spot (or place) and time."""
Metric = Literal[
    "ingest_lag_s",
    "database_lag_s",
    "quarantine_per_hour",
    "watermark_lag_s",
    "spool_share",
    "spool_oldest_s",
    "clock_offset_s",
]


class Leaf(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    """What every condition that reads channels has.

    Attributes:
        where: Narrows the rule's selector for this condition alone.
        reads: What of a channel is read.
    """

    where: Selector = Selector()
    reads: Reads = "value"


class Threshold(Leaf, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="threshold"):
    """A reading is above or below a level, inside or outside a band. Exactly one of the four is given.

    Attributes:
        clear: The level (the band) that must be reached before the alert may clear; the same unless given.
    """

    above: Level | None = None
    below: Level | None = None
    inside: Band | None = None
    outside: Band | None = None
    clear: Level | Band | None = None


class Rate(Leaf, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="rate"):
    """A reading rose or fell by more than this within a window, against the value at the window's begin."""

    rises: Level | None = None
    falls: Level | None = None
    within: Span
    clear: Level | None = None


class Spread(Leaf, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="spread"):
    """Highest less lowest live reading of a place is above this."""

    above: Level
    clear: Level | None = None


class Deviation(Leaf, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="deviation"):
    """A reading differs from the median of its neighbours (same place, same level, at least three others live)."""

    above: Level
    side: Literal["warmer", "colder", "either"] = "either"
    clear: Level | None = None


class NoData(Leaf, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="no_data"):
    """Nothing came for so many expected intervals, and at least for so long."""

    of: Literal["channel", "node", "site"] = "channel"
    intervals: Annotated[float, Meta(gt=1, description="a number above 1")] = 3.0
    at_least: Span = "2m"


class Stuck(Leaf, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="stuck"):
    """All readings of a window, at least three, lie within a tolerance of each other."""

    within: Span
    tolerance: Annotated[float, Meta(ge=0)] = 0.0


class BadShare(Leaf, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="bad_share"):
    """The share of bad readings of a window is above this."""

    above: Share
    within: Span
    clear: Share | None = None


class Forecast(Leaf, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="forecast"):
    """The robust trend (Theil-Sen) of a window reaches a level within a horizon. Exactly one of above and below."""

    above: Level | None = None
    below: Level | None = None
    within: Span
    trend_over: Span
    clear: Level | None = None


class Unusual(Leaf, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="unusual"):
    """A reading lies outside the range in which its channel itself was before, by more than this share of that range.

    The range is from the 1st to the 99th percentile of good readings; it cannot be told before a quarter of `over` is
    known.

    Attributes:
        beyond: Share of the range; 0.2 of a range from 18 to 23 is above 24 or below 17.
        over: How far back the range looks.
        but: The newest of it that does not count, so that what is unusual does not at once become usual.
        least: The least range that is meant: a channel that hardly moves is not unusual when it does, a little.
        clear: Share of the range at which it may clear; 0 unless told.
    """

    beyond: Annotated[float, Meta(ge=0, description="a share of the range, 0 or more")] = 0.2
    side: Literal["above", "below", "either"] = "either"
    over: Span = "28d"
    but: Span = "12h"
    least: Annotated[float, Meta(ge=0, description="a number, 0 or more, in the quantity's stored unit")] = 0.0
    clear: Annotated[float, Meta(ge=0, description="a share of the range, 0 or more")] | None = None


class Count(Leaf, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="count"):
    """So many channels (or such a share of them) are in a state. Exactly one of at_least and share.

    Attributes:
        rule: Whose alert's state, for pending and firing; unset = of any rule.
    """

    state: Literal["pending", "firing", "silent", "bad"]
    rule: str | None = None
    at_least: Annotated[int, Meta(ge=1)] | None = None
    share: Share | None = None


class Platform(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="platform", tag_field="kind"):
    """A figure of the platform itself, per node where it has one, is above this."""

    metric: Metric
    above: float
    clear: float | None = None


class All(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="all", tag_field="kind"):
    """Every one of these holds."""

    conditions: Annotated[tuple["Condition", ...], Meta(min_length=1)]


class AnyOf(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="any", tag_field="kind"):
    """At least one of these holds."""

    conditions: Annotated[tuple["Condition", ...], Meta(min_length=1)]


class Not(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="not", tag_field="kind"):
    """This does not hold."""

    condition: "Condition"


Condition = Union[  # noqa: UP007 - the classes above name it before it exists
    Threshold, Rate, Spread, Deviation, NoData, Stuck, BadShare, Forecast, Unusual, Count, Platform, All, AnyOf, Not
]


def leaves(condition: Condition) -> Iterator[Leaf | Platform]:
    """Yield what a condition is made of."""
    if isinstance(condition, All | AnyOf):
        for each in condition.conditions:
            yield from leaves(each)
    elif isinstance(condition, Not):
        yield from leaves(condition.condition)
    else:
        yield condition
