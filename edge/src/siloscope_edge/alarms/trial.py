"""Trying an alarm's outputs out: on, and off again unless an alarm wants them on, with what came of it in words."""

from collections.abc import AsyncGenerator, Mapping, Sequence

from siloscope_edge.alarms.actuator import Actuator
from siloscope_edge.alarms.rules import AlarmRule
from siloscope_process.clock import Clock

_WITHIN_S = 30.0
_LOOK_EVERY_S = 0.05


def outputs_named(name: str, rules: Sequence[AlarmRule], outputs: Sequence[str]) -> list[str]:
    """Return the outputs that an alarm's or an output's name stands for.

    Raises:
        KeyError: It is the name of neither.
    """
    if name in outputs:
        return [name]
    return list({rule.name: rule.switches for rule in rules}[name])


async def tried(actuators: Mapping[str, Actuator], for_s: float, clock: Clock) -> AsyncGenerator[tuple[bool, str]]:
    """Switch outputs on and off again.

    Args:
        actuators: What is tried, by name; each is being run.
        for_s: How long they stay on.
        clock: Tells when.

    Yields:
        For each step whether it went well, and a line for people.
    """
    try:
        for each in actuators.values():
            each.hold(on=True)
        for name, each in actuators.items():
            yield await _settled(name, each, clock)
        await clock.sleep(for_s)
    finally:
        for each in actuators.values():
            each.hold(on=False)
    for name, each in actuators.items():
        if each.wanted:
            yield True, f"{name}: stays on, an alarm wants it"
        else:
            yield await _settled(name, each, clock)


async def _settled(name: str, actuator: Actuator, clock: Clock) -> tuple[bool, str]:
    within_s = _WITHIN_S + actuator.output.minimum_interval_s
    started_s = clock.monotonic_s()
    while not actuator.is_settled:
        if actuator.failure is not None or clock.monotonic_s() - started_s > within_s:
            reason = actuator.failure.reason if actuator.failure is not None else "nothing happened in time"
            return (
                False,
                f"{name}: FAILED to go {'on' if actuator.wanted else 'off'}: {reason} {actuator.detail}".rstrip(),
            )
        await clock.sleep(_LOOK_EVERY_S)
    took_s = clock.monotonic_s() - started_s
    proof = "read back" if actuator.verifies else "taken, not read back"
    return True, f"{name}: {'on' if actuator.wanted else 'off'} after {took_s:.1f} s, {proof}"
