"""Device profiles: what an instrument measures and how it is asked. What all protocols have in common.

`siloscope_edge.profile_files` reads one; what a protocol adds stands in its driver.
"""

from typing import Annotated, Any

from msgspec import Meta, Struct, field

from siloscope_contract.quality import Quality

Positive = Annotated[float, Meta(gt=0)]
BAD_REASONS = [quality.reason for quality in Quality if quality >= Quality.BAD]


class Limits(Struct, frozen=True, forbid_unknown_fields=True):
    """What an instrument bears.

    Attributes:
        rest_s: Silence that it needs between two requests.
        timeout_s: How long an answer may take.
        retries: Further tries after a torn frame or a busy answer. Silence is never tried again in the same poll: that
            would cost the others on the bus.
    """

    rest_s: Annotated[float, Meta(ge=0, le=5)] = 0.02
    timeout_s: Annotated[float, Meta(gt=0, le=30)] = 1.0
    retries: Annotated[int, Meta(ge=0, le=5)] = 1


class Loop(Struct, frozen=True, forbid_unknown_fields=True):
    """A transmitter of 4-20 mA behind an analogue input that says milliamperes after ``scale`` and ``offset``.

    A current of at most 3.6 mA or at least 21 mA is a broken sensor or line (`sensor_missing`); one outside of 3.8 to
    20.5 mA is a measurement at the end of its range (`out_of_range`). Source: NAMUR NE 43.

    Attributes:
        at_4_ma: What 4 mA means, in the channel's unit.
        at_20_ma: What 20 mA means.
    """

    at_4_ma: float
    at_20_ma: float


class Channel(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What every channel has; a driver adds where in an answer it stands.

    Attributes:
        key: Slug, unique in the device.
        quantity: One of the contract's.
        unit: That quantity's unit; ``scale`` and ``offset`` lead to it.
        title: For people.
        scale: The number of the answer is multiplied with it.
        offset: And this is added.
        loop: Makes a value of milliamperes.
        valid: Smallest and largest value that the instrument can mean; beyond is `out_of_range`.
        largest_step: The largest change from one reading to the next that is expected; a larger one is `step`
            (uncertain) until the next reading confirms it.
        stuck_after_s: A value that stays exactly the same for so long is `stuck` (uncertain) until it moves.
        deadband: A change that matters is larger; others need not be reported (see ``heartbeat_s`` of the profile).
        lively_change: A change within one period that calls for the fast pace (see ``fast`` of the profile).
        resolution: The step that values are rounded to.
    """

    key: str
    quantity: str
    unit: str
    title: str = ""
    scale: float = 1.0
    offset: float = 0.0
    loop: Loop | None = None
    valid: tuple[float, float] | None = None
    largest_step: Positive | None = None
    stuck_after_s: Positive | None = None
    deadband: Annotated[float, Meta(ge=0)] | None = None
    lively_change: Positive | None = None
    resolution: Positive | None = None


class Fast(Struct, frozen=True, forbid_unknown_fields=True):
    """How a device is read while one of its channels changes by its ``lively_change`` or more.

    Attributes:
        period_s: How often; everything is reported then.
        for_s: How long after the last such change.
    """

    period_s: Positive
    for_s: Positive = 300.0


class Option(Struct, frozen=True, forbid_unknown_fields=True):
    """Something in which instruments of one kind differ: a device says which holds for it.

    Attributes:
        title: What differs.
        default: The choice that holds where a device says nothing.
        choices: For each choice what it changes: fields by channel key; ``all`` stands for every channel, ``profile``
            for the profile itself.
    """

    title: str
    default: str
    choices: Annotated[dict[str, dict[str, dict[str, Any]]], Meta(min_length=2)]


class Profile(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What every profile has; a driver's own has a tag, the word behind ``protocol:``.

    Attributes:
        profile: Its name: that of its file.
        title: The instruments that it is for.
        source: Where its content comes from.
        period_s: How often such an instrument is read, unless the configuration says otherwise.
        heartbeat_s: Where set, a sample whose values all stayed within their deadbands is reported this often only.
        fast: How it is read while something is changing.
        delivery_s: How much later than its time a sample may arrive and still be in time, where that is more than usual
            (two intervals, and at least a minute): of an instrument that hands its readings over once an hour, or a
            node whose link comes up now and then. Alerts call it silent, or a sample late, only after it.
        limits: What the instrument bears.
        options: In what instruments of this kind differ.
        channels: What it measures.
    """

    profile: str
    title: str
    source: str = ""
    period_s: Positive = 60.0
    heartbeat_s: Positive | None = None
    fast: Fast | None = None
    delivery_s: Positive | None = None
    limits: Limits = field(default_factory=Limits)
    options: dict[str, Option] = field(default_factory=dict)
    channels: Annotated[tuple[Channel, ...], Meta(min_length=1, max_length=256)]
