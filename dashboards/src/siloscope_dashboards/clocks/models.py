"""What the routes of clocks take and give."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from siloscope_dashboards.pages import LARGEST_ID

_FURTHEST_S = 100 * 366 * 86_400.0
_MOST_WEEKS = 10_000


class ClockEvent(BaseModel):
    """A clock that is not right, as arrivals show it."""

    kind: Literal["ahead", "step_back", "step_forward", "drift"]
    offset_s: float = Field(description="Sample time minus arrival: above 0 the clock is ahead")
    before_s: float | None = Field(description="The same before a step or a drift; null where nobody knows")
    since: datetime
    until: datetime | None = Field(description="null = it still is so")


class UndatedPile(BaseModel):
    """Samples of one node whose times were not believed."""

    site: str
    node: str
    node_id: int
    reason: Literal["out_of_window", "far_week"]
    samples: int
    first_ms: int = Field(description="Smallest time that they state, milliseconds since 1970; may be of no era")
    last_ms: int
    arrived_from: datetime
    arrived_to: datetime
    median_behind_ms: int = Field(description="A shift that would bring them to their arrival, in the median")


class Redating(BaseModel):
    """Which undated samples get which times; a dry run unless told otherwise."""

    model_config = ConfigDict(extra="forbid")

    node_id: Annotated[int, Field(ge=1, le=LARGEST_ID)]
    rule: Literal["shift", "arrival", "as_is"]
    shift_s: Annotated[float, Field(ge=-_FURTHEST_S, le=_FURTHEST_S)] | None = None
    reason: Literal["out_of_window", "far_week"] | None = None
    arrived_from: AwareDatetime | None = None
    arrived_to: AwareDatetime | None = None
    open_weeks: Annotated[
        int, Field(ge=0, le=_MOST_WEEKS, description="How many weeks it may open that nothing is stored of yet")
    ] = 8
    dry_run: bool = True

    @model_validator(mode="after")
    def _has_a_shift(self) -> "Redating":
        if (self.rule == "shift") != (self.shift_s is not None):
            raise ValueError("shift_s goes with the rule shift, and with no other")
        return self


class Redated(BaseModel):
    """What re-dating did, or would do."""

    dry_run: bool
    samples: int
    unbelievable: int = Field(description="Stay undated: their new times would be impossible as well")
    new: int
    conflicts: int
    first: datetime | None
    last: datetime | None
    new_weeks: int = Field(description="Weeks that nothing was stored of when it began: 409 where more than open_weeks")
    more: bool = Field(description="Some are left for another request like this one")
