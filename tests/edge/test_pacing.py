"""Faster while something is changing, and calm again after a while."""

from collections.abc import Sequence

from siloscope_contract.packs import Sample
from siloscope_edge.pacing import Pacing
from siloscope_edge.rules import ChannelRules, DeviceRules

RULES = DeviceRules(60, [ChannelRules(lively_change=1.0)], fast_period_s=5, fast_for_s=120)


def sample(at_s: float, value: float | None) -> Sample:
    return Sample("head", round(at_s * 1000), ("t1",), ("Cel",), [value], [0 if value is not None else 201])


def played(rules: DeviceRules, temperature_c: Sequence[tuple[float, float | None]]) -> list[float]:
    pacing = Pacing(rules)
    return [pacing.period_s(sample(*each)) for each in temperature_c]


def test_a_fan_that_starts_is_followed_closely_until_it_is_calm_again() -> None:
    told = played(RULES, [(0, 20.0), (60, 20.4), (120, 17.0), (125, 16.9), (200, 16.9), (239, 16.8), (240, 16.8)])
    assert told == [60, 60, 5, 5, 5, 5, 60]


def test_reading_faster_does_not_make_a_change_look_smaller() -> None:
    steady = [(float(at), 20 - at / 50) for at in range(60, 600, 5)]  # 1.2 degrees a minute
    assert played(RULES, [(0, 20.0), *steady])[1:] == [5] * len(steady)


def test_a_slow_change_and_a_failed_reading_call_for_nothing() -> None:
    slow = [(60.0 * turn, 20 + 0.5 * turn) for turn in range(20)]
    assert played(RULES, slow) == [60] * 20
    assert played(RULES, [(0, 20.0), (60, None), (120, 20.1)]) == [60] * 3


def test_without_a_fast_pace_the_period_stays() -> None:
    assert played(DeviceRules(60, RULES.channels), [(0, 20.0), (60, 40.0)]) == [60, 60]
