"""The rules that a profile gives for a device's readings: what is doubted, what is reported, and at which pace."""

from collections.abc import Sequence
from dataclasses import dataclass

from siloscope_contract.quantities import quantity
from siloscope_edge.instruments import Instrument
from siloscope_edge.profiles import Channel

_WHOLE_CIRCLE = 360.0


@dataclass(frozen=True, slots=True)
class ChannelRules:
    """What holds for one channel; None: no such rule.

    Attributes:
        largest_step: A larger change from one reading to the next is doubted until the next one confirms it.
        stuck_after_s: A value that stays exactly the same for so long is doubted.
        deadband: A change that is larger matters.
        lively_change: Whoever changes by as much within one calm period is read at the fast pace.
        circular: It wraps around, so that 359 is next to 1.
    """

    largest_step: float | None = None
    stuck_after_s: float | None = None
    deadband: float | None = None
    lively_change: float | None = None
    circular: bool = False

    def distance(self, one: float, other: float) -> float:
        """Return how far apart two values are."""
        apart = abs(one - other)
        return min(apart, _WHOLE_CIRCLE - apart) if self.circular else apart


@dataclass(frozen=True)
class DeviceRules:
    """What holds for a device.

    Attributes:
        period_s: How often it is read when calm.
        channels: In the order of its samples.
        heartbeat_s: Longest time between two reports of what does not change; None: every sample is reported.
        fast_period_s: How often it is read while something is changing; None: no oftener.
        fast_for_s: How long after the last change it counts as changing.
    """

    period_s: float
    channels: Sequence[ChannelRules]
    heartbeat_s: float | None = None
    fast_period_s: float | None = None
    fast_for_s: float = 300.0


def rules_for(instrument: Instrument) -> DeviceRules:
    """Return the rules that an instrument's profile gives."""
    profile = instrument.profile
    fast = profile.fast
    return DeviceRules(
        instrument.period_s,
        [_channel_rules(channel) for channel in profile.channels],
        profile.heartbeat_s,
        min(fast.period_s, instrument.period_s) if fast is not None else None,
        fast.for_s if fast is not None else 0.0,
    )


def _channel_rules(channel: Channel) -> ChannelRules:
    return ChannelRules(
        channel.largest_step,
        channel.stuck_after_s,
        channel.deadband,
        channel.lively_change,
        quantity(channel.quantity).circular,
    )
