"""What the configuration says about the clock."""

from typing import Annotated, Literal

from msgspec import Meta, Struct


class ClockSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Whose word counts on whether the clock is right, and how patient the agent is without it.

    Attributes:
        source: ``kernel`` asks `adjtimex`; ``file`` holds while ``file`` exists; ``system`` believes the clock always.
        file: For instance what systemd-timesyncd leaves: /run/systemd/timesync/synchronized.
        wait_s: Readings without a date wait this long; then they get a provisional one and are marked.
        holdover_s: A clock that was synchronised and lost its source is believed this long.
        step_s: A jump of the clock by more than this is reported.
        drift_ppm: A correction faster than this, in millionths, is reported.
    """

    source: Literal["kernel", "file", "system"] = "kernel"
    file: str | None = None
    wait_s: Annotated[float, Meta(ge=0)] = 600.0
    holdover_s: Annotated[float, Meta(ge=0)] = 7 * 86_400.0
    step_s: Annotated[float, Meta(ge=0.01)] = 0.5
    drift_ppm: Annotated[float, Meta(gt=0)] = 200.0
