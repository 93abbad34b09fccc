"""Sparse when calm, never silent: what is reported of a line of readings, ten seconds apart."""

from collections.abc import Sequence

from siloscope_contract.packs import Sample
from siloscope_edge.reporting import Reporting
from siloscope_edge.rules import ChannelRules, DeviceRules

PERIOD_S = 10
CALM = DeviceRules(PERIOD_S, [ChannelRules(deadband=0.5), ChannelRules()], heartbeat_s=60)


def sample(turn: int, value: float | None, other: float = 1.0) -> Sample:
    quality = [0 if value is not None else 201, 0]
    return Sample("head", turn * PERIOD_S * 1000, ("t1", "t2"), ("Cel", "Cel"), [value, other], quality)


def reported(readings: Sequence[float | None], rules: DeviceRules = CALM) -> list[int]:
    """Return which of the readings were reported, in order."""
    reporting = Reporting(rules)
    found = [each for turn, value in enumerate(readings) for each in reporting.reported(sample(turn, value), PERIOD_S)]
    return [each.time_ms // 1000 // PERIOD_S for each in found]


def test_without_a_heartbeat_everything_is_reported() -> None:
    assert reported([20] * 4, DeviceRules(PERIOD_S, CALM.channels)) == [0, 1, 2, 3]


def test_what_does_not_change_is_told_by_the_heartbeat_at_the_latest() -> None:
    assert reported([20] * 20) == [0, 6, 12, 18]


def test_a_heartbeat_is_never_late_though_no_turn_falls_on_it() -> None:
    assert reported([20] * 20, DeviceRules(PERIOD_S, CALM.channels, heartbeat_s=35)) == [0, 3, 6, 9, 12, 15, 18]


def test_a_change_beyond_the_deadband_is_told_at_once_and_so_is_the_last_moment_before_it() -> None:
    assert reported([20, 20.2, 20.4, 20.6, 20.6]) == [0, 2, 3]


def test_a_slow_drift_is_measured_from_what_was_told() -> None:
    drifting = [20 + 0.1 * turn for turn in range(13)]
    found = reported(drifting, DeviceRules(PERIOD_S, CALM.channels, heartbeat_s=3600))
    assert found == [0, 5, 6, 11, 12]  # two changes of more than half a degree, each with the moment before it


def test_a_failure_and_its_end_are_told_at_once() -> None:
    assert reported([20, 20, None, None, 20]) == [0, 1, 2, 3, 4]


def test_a_channel_without_a_deadband_tells_every_change() -> None:
    reporting = Reporting(CALM)
    assert len(reporting.reported(sample(0, 20.0), PERIOD_S)) == 1
    assert len(reporting.reported(sample(1, 20.0, 1.001), PERIOD_S)) == 1


def test_while_something_is_changing_everything_is_reported() -> None:
    reporting = Reporting(CALM)
    assert [len(reporting.reported(sample(turn, 20.0), PERIOD_S, changing=True)) for turn in range(3)] == [1, 1, 1]


def test_at_the_end_what_was_held_back_says_until_when_all_was_well() -> None:
    reporting = Reporting(CALM)
    for turn in range(4):
        reporting.reported(sample(turn, 20.0), PERIOD_S)
    (last,) = reporting.last()
    assert last.time_ms == 30_000
    assert reporting.last() == []
