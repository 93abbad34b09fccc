"""What alarms would do, in words: for the dry run, which itself switches nothing."""

from collections.abc import Iterator, Sequence

from siloscope_edge.alarms import calls
from siloscope_edge.alarms.outputs import CallOutput, DeviceOutput, Output
from siloscope_edge.alarms.rules import AlarmRule


def described(rules: Sequence[AlarmRule], outputs: Sequence[Output]) -> Iterator[str]:
    """Yield the lines that say what alarms and outputs mean."""
    for output in outputs:
        yield f"output {output.name}: {_switched(output)}, at most every {output.minimum_interval_s:g} s"
    for rule in rules:
        side = "above" if rule.above is not None else "below"
        opens = f"{side} {rule.level:g} for {rule.for_s:g} s"
        clears = f"clears at {rule.clears_at:g} for {rule.clear_for_s:g} s"
        unknown = "opens it" if rule.on_unknown == "activate" else "changes nothing"
        latched = ", stays until it is reset" if rule.latch else ""
        does = f"switches {', '.join(rule.switches)}" if rule.switches else "is reported only"
        what = f"{rule.device} {' or '.join(rule.channels)} {opens}, {clears}, no reading {unknown}{latched}"
        yield f"alarm {rule.name}: {what}: {does}"


def _switched(output: Output) -> str:
    if isinstance(output, DeviceOutput):
        on, off = output.words
        back = "and reads it back" if output.read_back else "and believes it"
        return f"would write {on} or {off} of {output.device}, {back}"
    assert isinstance(output, CallOutput), "an output is of a device or a URL"
    off = calls.shown(output.switch_off) if output.switch_off is not None else "nothing"
    return f"would call {calls.shown(output.switch_on)}, and {off} for off"
