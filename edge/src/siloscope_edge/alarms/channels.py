"""What alarms and outputs say of themselves: a device of its own, whose samples are spooled like any other's."""

from collections.abc import Sequence

from siloscope_contract.births import ChannelBirth, DeviceBirth, GroupBirth, RetentionClass
from siloscope_contract.packs import Sample
from siloscope_contract.quality import Quality
from siloscope_edge.alarms.machine import Phase
from siloscope_edge.alarms.outputs import Output
from siloscope_edge.alarms.rules import AlarmRule
from siloscope_edge.readings import Reading

ALARMS_DEVICE = "alarms"
PERIOD_S = 60.0
LONGEST_NAME = 56
"""A key has at most 64 characters, and says first what it is of."""
_PHASES = ", ".join(f"{phase.value} {phase.name.lower()}" for phase in Phase)


def alarm_key(name: str) -> str:
    """Return the key of an alarm's phase."""
    return f"alarm_{name}"


def output_key(name: str) -> str:
    """Return the key of what an output does: 1 or 0, and bad while it could not be brought to what it should do."""
    return f"output_{name}"


def changes_key(name: str) -> str:
    """Return the key of how often an output was switched over."""
    return f"changes_{name}"


def announced(rules: Sequence[AlarmRule], outputs: Sequence[Output]) -> list[DeviceBirth]:
    """Return the device that alarms are announced as; none where there are no alarms and no outputs."""
    if not rules and not outputs:
        return []
    channels = [
        ChannelBirth(alarm_key(each.name), "count", "count", f"{each.title or each.name}: {_PHASES}", 1, 0, 4)
        for each in rules
    ]
    for output in outputs:
        title = output.title or output.name
        channels.append(ChannelBirth(output_key(output.name), "count", "count", f"{title}: 1 on, 0 off", 1, 0, 1))
        channels.append(ChannelBirth(changes_key(output.name), "count", "count", f"{title}: times switched over", 1, 0))
    group = GroupBirth("main", PERIOD_S, RetentionClass.MEASUREMENTS, channels)
    return [DeviceBirth(ALARMS_DEVICE, ALARMS_DEVICE, "Local alarms", [group])]


def phase_reading(phase: Phase, *, is_unknown: bool) -> Reading:
    """Return an alarm's phase; one that only persists, because nothing is known, is uncertain."""
    return Reading(float(phase), int(Quality.UNCERTAIN) if is_unknown else 0)


def sample(time_ms: int, readings: Sequence[tuple[str, Reading]]) -> Sample:
    """Return the sample of an instant."""
    return Sample(
        device=ALARMS_DEVICE,
        time_ms=time_ms,
        names=tuple(key for key, _ in readings),
        units=tuple("count" if reading.value is not None else None for _, reading in readings),
        values=[reading.value for _, reading in readings],
        quality=[reading.quality for _, reading in readings],
    )
