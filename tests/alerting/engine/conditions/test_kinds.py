"""Each kind of condition, by what it makes an alert do."""

from typing import Any, get_args

import numpy as np
import pytest

from siloscope_alerting.engine.conditions.kinds import JUDGES
from siloscope_contract.alerts import conditions
from siloscope_contract.alerts.conditions import Condition
from siloscope_contract.alerts.words import SubjectKind
from tests.alerting.engine.stand import BIN, NODE, SITE, Stand, at_ms, channel, rule

PLACE, NODE_KIND = SubjectKind.PLACE, SubjectKind.NODE


def played(condition: dict[str, Any], values: list[float | None], **also: Any) -> str:
    return Stand([channel(1)], [rule("x", condition, **also)]).play(1, values)


@pytest.mark.parametrize(
    ("levels", "values", "states"),
    [
        ({"above": 30.0}, [30.0, 30.1, 30.0], "oFo"),
        ({"above": 30.0, "clear": 28.0}, [31.0, 28.1, 28.0], "FFo"),
        ({"below": 0.0}, [0.0, -0.1, 0.0], "oFo"),
        ({"below": 0.0, "clear": 1.0}, [-1.0, 0.9, 1.0], "FFo"),
        ({"inside": [2.0, 8.0]}, [1.9, 2.0, 8.0, 8.1], "oFFo"),
        ({"inside": [2.0, 8.0], "clear": [1.0, 9.0]}, [5.0, 8.5, 9.1], "FFo"),
        ({"outside": [2.0, 8.0]}, [2.0, 1.9, 8.1, 8.0], "oFFo"),
        ({"outside": [2.0, 8.0], "clear": [3.0, 7.0]}, [9.0, 7.5, 7.0], "FFo"),
    ],
)
def test_threshold(levels: dict[str, Any], values: list[float | None], states: str) -> None:
    assert played({"kind": "threshold", **levels}, values) == states


@pytest.mark.parametrize(
    ("change", "values", "states"),
    [
        ({"rises": 3.0}, [20, 21, 22, 23, 23.1], "ooooF"),
        ({"rises": 3.0}, [20, 24], "oF"),
        ({"falls": 3.0}, [20, 19, 16.9], "ooF"),
        ({"rises": 3.0, "clear": 1.0}, [20, 24, 24, 24, 24, 24, 24, 24, 24], "oFFFFFooo"),
    ],
)
def test_rate(change: dict[str, float], values: list[float | None], states: str) -> None:
    assert played({"kind": "rate", "within": "5m", **change}, values) == states


def test_a_rise_that_is_not_in_the_window_yet_is_not_known_to_be_none() -> None:
    """A new channel may be one that rose before: without the whole window nothing clears."""
    stand = Stand([channel(1)], [rule("x", {"kind": "rate", "rises": 3.0, "within": "1h"})])
    stand.play(1, [20, 24, 20, 20])
    assert stand.state(1) == "F"


def test_spread_is_of_a_place_and_quantity() -> None:
    channels = [channel(1), channel(2), channel(3, quantity="relative_humidity", unit="%RH")]
    stand = Stand(channels, [rule("x", {"kind": "spread", "above": 5.6})])
    stand.round((1, 1, 20.0), (2, 1, 25.0), (3, 1, 70.0))
    assert stand.state(BIN, kind=PLACE) == "o"
    stand.round((2, 2, 26.0))
    assert stand.state(BIN, kind=PLACE) == "F"
    assert stand.outcome.transitions[-1].change.facts["figure"] == 6.0


def test_the_spread_of_one_channel_is_unknown() -> None:
    stand = Stand([channel(1), channel(2)], [rule("x", {"kind": "spread", "above": 5.0})])
    stand.round((1, 1, 20.0), (2, 1, 30.0))
    stand.round((1, 2, 20.0), (2, 2, None))
    assert stand.state(BIN, kind=PLACE) == "u"


def neighbours(**levels: int) -> Stand:
    channels = [channel(number, level=1) for number in range(1, 6)] + [channel(6, level=2)]
    return Stand(channels, [rule("x", {"kind": "deviation", "above": 4.0, "side": "warmer"})])


def test_deviation_is_from_the_median_of_the_others_of_the_level() -> None:
    stand = neighbours()
    stand.round(*((number, 1, 20.0) for number in range(1, 6)), (6, 1, 35.0))
    stand.round((3, 2, 25.0))
    assert [stand.state(number) for number in range(1, 7)] == ["o", "o", "F", "o", "o", "o"]


def test_one_wild_neighbour_moves_no_median() -> None:
    stand = neighbours()
    stand.round((1, 1, 20), (2, 1, 20), (3, 1, 25), (4, 1, -40), (5, 1, 20))
    assert [stand.state(number) for number in range(1, 6)] == ["o", "o", "F", "o", "o"]


def test_a_channel_with_fewer_than_three_live_neighbours_cannot_deviate() -> None:
    stand = neighbours()
    stand.round((1, 1, 20), (2, 1, 20), (3, 1, 25))
    assert stand.told == []


def test_a_neighbour_that_cools_makes_a_channel_deviate() -> None:
    stand = neighbours()
    stand.round(*((number, 1, 25.0) for number in range(1, 6)))
    stand.round(*((number, 2, 20.0) for number in (1, 2, 4, 5)))
    assert stand.state(3) == "F"


def test_no_data_of_a_channel_is_told_by_its_own_interval() -> None:
    channels = [channel(1), channel(2, interval_s=600.0, allowance_s=1200.0), channel(3, interval_s=None)]
    stand = Stand(channels, [rule("x", {"kind": "no_data"})])
    stand.round((1, 0, 20.0), (2, 0, 20.0), (3, 0, 20.0))
    stand.round(at=2.9)
    assert stand.told == []
    stand.round(at=3.1)
    assert (stand.state(1), stand.state(2)) == ("F", "o")
    stand.round(at=30.1)
    assert (stand.state(2), stand.state(3)) == ("F", "o")
    assert stand.reasons()[:2] == ["silent", "held"]
    stand.round((1, 31, 20.0))
    assert stand.state(1) == "o"


def test_a_channel_that_delivers_hourly_is_not_absent_for_that_long() -> None:
    stand = Stand([channel(1, allowance_s=3600.0)], [rule("x", {"kind": "no_data"})])
    stand.round((1, 0, 20.0))
    stand.round(at=60)
    assert stand.told == []
    stand.round(at=61.1)
    assert stand.state(1) == "F"


def test_a_channel_that_was_never_heard_of_is_not_absent() -> None:
    stand = Stand([channel(1)], [rule("x", {"kind": "no_data"})])
    stand.round(at=1000)
    assert stand.told == []


def test_a_silent_node_has_one_alert_and_its_channels_none() -> None:
    rules = [rule("x", {"kind": "no_data"}), rule("node", {"kind": "no_data", "of": "node"})]
    stand = Stand([channel(1), channel(2)], rules)
    stand.round((1, 0, 20.0), (2, 0, 20.0))
    stand.round(at=60, silent_nodes={NODE: at_ms(0)})
    assert [each[:2] for each in stand.told] == [("node", NODE), ("node", NODE)]
    assert stand.outcome.transitions[-1].change.facts["figure"] == 3600.0


def test_the_nodes_of_a_silent_site_have_none_either() -> None:
    rules = [rule("node", {"kind": "no_data", "of": "node"}), rule("site", {"kind": "no_data", "of": "site"})]
    stand = Stand([channel(1)], rules)
    stand.round(at=60, silent_nodes={NODE: at_ms(0)}, silent_sites={SITE: at_ms(0)})
    assert {each[:2] for each in stand.told} == {("site", SITE)}


def test_nothing_is_absent_while_the_platform_is_down() -> None:
    stand = Stand([channel(1)], [rule("x", {"kind": "no_data"})])
    stand.round((1, 0, 20.0))
    stand.round(at=60, platform_down=True)
    assert stand.told == []
    stand.round(at=61)
    stand.round(at=62, platform_down=True)
    assert (stand.state(1), stand.reasons()[-1]) == ("u", "platform_down")


def test_after_an_outage_of_ours_a_channel_is_absent_when_it_stays_away() -> None:
    stand = Stand([channel(1), channel(2)], [rule("x", {"kind": "no_data"})])
    stand.round((1, 0, 20.0), (2, 0, 20.0))
    stand.round(at=60, platform_down=True)
    stand.round(at=61, up_since_ms=at_ms(60.5))
    assert stand.told == []
    stand.round((1, 62, 20.0), at=63.6, up_since_ms=at_ms(60.5))
    assert (stand.state(1), stand.state(2)) == ("o", "F")


def test_an_outage_of_ours_resolves_no_silence() -> None:
    stand = Stand([channel(1)], [rule("x", {"kind": "no_data"})])
    stand.round((1, 0, 20.0))
    stand.round(at=60)
    stand.round(at=61, up_since_ms=at_ms(60.5))
    assert stand.state(1) == "u"
    stand.round(at=70, up_since_ms=at_ms(60.5))
    assert (stand.state(1), stand.reasons().count("held")) == ("F", 1)


def test_stuck_is_a_whole_window_within_a_tolerance() -> None:
    condition = {"kind": "stuck", "within": "5m", "tolerance": 0.1}
    assert played(condition, [20, 20.1, 20, 20, 20.1, 20, 20.2, 20.3]) == "oooFFFoo"


def test_what_is_stuck_and_falls_silent_is_unknown() -> None:
    stand = Stand([channel(1)], [rule("x", {"kind": "stuck", "within": "5m"})])
    stand.play(1, [20] * 8)
    stand.round(at=60)
    assert stand.state(1) == "u"


def test_the_share_of_bad_readings() -> None:
    condition = {"kind": "bad_share", "above": 0.5, "within": "4m", "clear": 0.25}
    assert played(condition, [20, None, None, 20, None, 20, 20, 20, 20, 20]) == "ooFFFFFooo"


def test_a_forecast_reaches_a_level_within_its_horizon() -> None:
    condition = {"kind": "forecast", "above": 30.0, "within": "1h", "trend_over": "30m"}
    rising: list[float | None] = [20 + 0.1 * minute for minute in range(60)]
    states = played(condition, rising)
    assert states[:40] == "o" * 40, "0.1 a minute takes it from 24 to 30 within an hour, and not before"
    assert states[42:] == "F" * 18


def test_wild_points_move_no_trend() -> None:
    condition = {"kind": "forecast", "above": 30.0, "within": "1h", "trend_over": "30m"}
    values: list[float | None] = [20.0] * 60
    for minute in (10, 20, 30, 31, 32, 55):
        values[minute] = 29.0
    assert "F" not in played(condition, values)


def test_unusual_is_outside_what_a_channel_itself_was() -> None:
    condition = {"kind": "unusual", "beyond": 0.25, "over": "2h", "but": "10m", "least": 2.0}
    usual: list[float | None] = [20.0 + (minute % 5) for minute in range(90)]
    states = played(condition, [*usual, 26.0, 22.0])
    assert (states[:90], states[90:]) == ("o" * 90, "Fo")


def test_counting_the_silent_and_the_bad() -> None:
    silent = rule("silent", {"kind": "count", "state": "silent", "share": 0.5}, per="site")
    bad = rule("bad", {"kind": "count", "state": "bad", "at_least": 2})
    stand = Stand([channel(1), channel(2)], [silent, bad])
    stand.round((1, 1, None), (2, 1, None))
    assert stand.state(BIN, rule_id=2, kind=PLACE) == "F"
    stand.round((1, 2, 20.0), (2, 2, 20.0))
    assert stand.state(BIN, rule_id=2, kind=PLACE) == "o"
    stand.round((1, 60, 20.0))
    assert stand.state(SITE, kind=SubjectKind.SITE) == "F"


def test_counting_the_silent_is_unknown_while_the_platform_is_down_and_until_it_is_up_for_long_enough() -> None:
    stand = Stand([channel(1)], [rule("silent", {"kind": "count", "state": "silent"}, per="site")])
    stand.round((1, 1, 20.0))
    stand.round(at=60, platform_down=True)
    stand.round(at=61, up_since_ms=at_ms(60.5))
    assert stand.told == []
    stand.round(at=70, up_since_ms=at_ms(60.5))
    assert stand.state(SITE, kind=SubjectKind.SITE) == "F"


@pytest.mark.parametrize("state", ["firing", "pending"])
def test_counting_alerts_of_which_nothing_is_known_resolves_nothing(state: str) -> None:
    hot = rule("hot", {"kind": "threshold", "above": 30.0}, hold="10m" if state == "pending" else "0s")
    many = rule("many", {"kind": "count", "state": state, "rule": "hot", "at_least": 2}, per="site")
    stand = Stand([channel(1), channel(2)], [hot, many])
    stand.round((1, 1, 31.0), (2, 1, 31.0))
    assert stand.state(SITE, rule_id=2, kind=SubjectKind.SITE) == "F"
    stand.round(at=60, silent_nodes={NODE: at_ms(2)})
    assert stand.state(SITE, rule_id=2, kind=SubjectKind.SITE) == "u"


def test_figures_of_the_platform_by_node_or_as_a_whole() -> None:
    rules = [
        rule("spool", {"kind": "platform", "metric": "spool_share", "above": 0.7, "clear": 0.5}),
        rule("lag", {"kind": "platform", "metric": "database_lag_s", "above": 30.0}),
        rule("clock", {"kind": "platform", "metric": "clock_offset_s", "above": 5.0}),
    ]
    stand = Stand([channel(1), channel(2, node_id=NODE + 1)], rules)
    metrics = {("spool_share", NODE): 0.8, ("database_lag_s", None): 31.0, ("clock_offset_s", NODE + 1): -6.0}
    stand.round(at=1, metrics=metrics)
    assert stand.state(NODE, kind=NODE_KIND) == "F"
    assert stand.state(NODE + 1, kind=NODE_KIND) == "o"
    assert stand.state(0, rule_id=2, kind=SubjectKind.PLATFORM) == "F"
    assert stand.state(NODE + 1, rule_id=3, kind=NODE_KIND) == "F"
    stand.round(at=2, metrics={("spool_share", NODE): 0.6})
    assert stand.state(NODE, kind=NODE_KIND) == "F"
    stand.round(at=3, metrics={("spool_share", NODE): 0.4})
    assert stand.state(NODE, kind=NODE_KIND) == "o"


TEMPERATURE_AND_HUMIDITY = [
    channel(1, spot="air"),
    channel(2, spot="air", quantity="relative_humidity", unit="%RH"),
]


def warm_and_damp(kind: str) -> dict[str, Any]:
    warm = {"kind": "threshold", "above": 25.0, "where": {"quantities": ["temperature"]}}
    damp = {"kind": "threshold", "above": 80.0, "where": {"quantities": ["relative_humidity"]}}
    return {"kind": kind, "conditions": [warm, damp]}


@pytest.mark.parametrize(
    ("kind", "said", "state"),
    [
        ("all", [(1, 1, 26.0), (2, 1, 85.0)], "F"),
        ("all", [(1, 1, 26.0), (2, 1, 75.0)], "o"),
        ("all", [(1, 1, 26.0)], "o"),
        ("any", [(1, 1, 26.0), (2, 1, 75.0)], "F"),
        ("any", [(1, 1, 26.0)], "F"),
        ("any", [(1, 1, 24.0)], "o"),
    ],
)
def test_and_and_or_of_a_place(kind: str, said: list[tuple[int, float, float | None]], state: str) -> None:
    stand = Stand(TEMPERATURE_AND_HUMIDITY, [rule("x", warm_and_damp(kind))])
    stand.round(*said)
    assert stand.state(BIN, kind=PLACE) == state


def test_what_is_not_all_clears_where_one_part_clears() -> None:
    stand = Stand(TEMPERATURE_AND_HUMIDITY, [rule("x", warm_and_damp("all"))])
    stand.round((1, 1, 26.0), (2, 1, 85.0))
    stand.round((2, 2, 70.0))
    assert stand.state(BIN, kind=PLACE) == "o"


def test_not() -> None:
    condition = {"kind": "not", "condition": {"kind": "threshold", "above": 5.0}}
    assert played(condition, [6, 5, 6]) == "oFo"


def test_of_two_quantities_one_that_is_mute_makes_the_whole_unknown() -> None:
    stand = Stand(TEMPERATURE_AND_HUMIDITY, [rule("x", warm_and_damp("all"))])
    stand.round((1, 1, 26.0), (2, 1, 85.0))
    stand.round((1, 2, 26.0), (2, 2, None))
    assert (stand.state(BIN, kind=PLACE), stand.reasons()[-1]) == ("u", "bad_data")


@pytest.mark.parametrize("spot", ["air", "elsewhere"])
def test_what_is_derived_goes_by_temperature_with_the_humidity_of_its_spot_else_of_its_place(spot: str) -> None:
    channels = [TEMPERATURE_AND_HUMIDITY[0], channel(2, spot=spot, quantity="relative_humidity", unit="%RH")]
    condition = {"kind": "threshold", "reads": "dew_point_depression", "below": 2.0}
    stand = Stand(channels, [rule("x", condition)])
    stand.round((1, 1, 20.0), (2, 1, 80.0))
    assert stand.state(1) == "o"
    stand.round((2, 2, 95.0))
    assert stand.state(1) == "F"
    facts = stand.outcome.transitions[-1].change.facts
    assert (facts["quantity"], facts["unit"]) == ("dew_point_depression", "Cel")
    assert facts["value"] == pytest.approx(0.82, abs=0.01)


def test_temperature_and_humidity_of_different_times_derive_nothing() -> None:
    stand = Stand(TEMPERATURE_AND_HUMIDITY, [rule("x", {"kind": "threshold", "reads": "dew_point", "above": -50.0})])
    stand.round((1, 1, 20.0))
    stand.round((2, 30, 80.0))
    assert stand.state(1) == "o"


def test_equilibrium_moisture_goes_by_the_crop_of_the_place() -> None:
    channels = [
        channel(1, spot="air", tags={"crop": "wheat"}),
        channel(2, spot="air", quantity="relative_humidity", unit="%RH"),
        channel(3, spot="top", device_id=2, place_id=BIN + 1, tags={"crop": "walnut"}),
        channel(4, spot="top", device_id=2, place_id=BIN + 1, quantity="relative_humidity", unit="%RH"),
    ]
    stand = Stand(channels, [rule("x", {"kind": "threshold", "reads": "equilibrium_moisture", "above": 0.14})])
    stand.round((1, 1, 25.0), (2, 1, 70.0), (3, 1, 25.0), (4, 1, 70.0))
    assert (stand.state(1), stand.state(3)) == ("F", "o")


def test_every_kind_of_condition_is_judged() -> None:
    joins = {conditions.All, conditions.AnyOf, conditions.Not, conditions.Count}
    assert set(JUDGES) | joins == set(get_args(Condition))


def test_a_stored_window_is_known_after_a_start() -> None:
    stand = Stand([channel(1)], [rule("x", {"kind": "rate", "rises": 3.0, "within": "1h"})])
    assert dict(stand.engine.wanted_history()) == {0: 3_600_000}
    times = np.array([at_ms(minute) for minute in range(60)], np.int64)
    stand.engine.recall({0: (times, np.full(60, 20.0))})
    stand.round((1, 60, 23.5))
    assert stand.state(1) == "F"
