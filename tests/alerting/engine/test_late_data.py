"""What late data does to a hold, and what it tells of the past."""

import numpy as np

from tests.alerting.engine.stand import Stand, at_ms, channel, hot


def test_late_readings_open_nothing() -> None:
    stand = Stand([channel(1)], [hot()])
    stand.round((1, 1, 40), late=True)
    assert stand.told == []


def test_an_outage_within_a_hold_that_the_backlog_fills_did_not_break_it() -> None:
    stand = Stand([channel(1)], [hot(hold="30m")])
    stand.play(1, [31] * 20)
    stand.play(1, [31] * 4, begin=26)
    stand.round(*((1, minute, 31.0) for minute in range(21, 26)), late=True, at=29)
    assert stand.reasons()[-1] == "late_history"
    stand.play(1, [31, 31, 31], begin=30)
    assert stand.state(1) == "F"


def test_an_outage_that_nothing_fills_breaks_it() -> None:
    stand = Stand([channel(1)], [hot(hold="30m")])
    stand.play(1, [31] * 20)
    stand.play(1, [31] * 10, begin=26)
    assert stand.state(1) == "p"


def test_at_the_end_of_a_hold_stored_history_is_asked_for_its_gap_once() -> None:
    stand = Stand([channel(1)], [hot(hold="30m")])
    stand.play(1, [31] * 20)
    stand.play(1, [31] * 7, begin=26)
    wanted = dict(stand.engine.wanted_history())
    assert wanted == {0: 31 * 60_000}
    assert stand.engine.wanted_history() == {}
    minutes = np.arange(1, 33)
    stand.engine.recall({0: (np.array([at_ms(float(each)) for each in minutes]), np.full(len(minutes), 31.0))})
    stand.play(1, [31, 31], begin=33)
    assert stand.state(1) == "F"


def test_what_late_data_shows_is_told_as_the_past() -> None:
    stand = Stand([channel(1)], [hot(hold="2m")])
    stand.round((1, 60, 24))
    stand.round(*((1, minute, 31.0 if 10 <= minute < 20 else 25.0) for minute in range(1, 30)), late=True, at=61)
    (found,) = stand.retrospects
    assert (found.from_ms, found.to_ms) == (at_ms(10), at_ms(19))
    assert (found.worst, found.now, found.unit) == (31.0, 24.0, "Cel")
    assert stand.told == []


def test_an_excursion_that_goes_on_in_the_next_batch_is_told_again_longer() -> None:
    stand = Stand([channel(1)], [hot()])
    stand.round((1, 60, 24))
    for begin in (1, 11):
        stand.round(*((1, minute, 31.0 + minute) for minute in range(begin, begin + 10)), late=True, at=61)
    assert [(each.from_ms, each.to_ms, each.worst) for each in stand.retrospects] == [
        (at_ms(1), at_ms(10), 41.0),
        (at_ms(1), at_ms(20), 51.0),
    ]


def test_the_past_of_an_episode_that_is_told_is_not_told_again() -> None:
    stand = Stand([channel(1)], [hot()])
    stand.play(1, [31])
    stand.round((1, 60, 24))
    stand.round(*((1, minute, 31.0) for minute in range(2, 30)), late=True, at=61)
    assert stand.retrospects == []


def test_an_excursion_before_what_fires_now_is_told_all_the_same() -> None:
    stand = Stand([channel(1)], [hot()])
    stand.play(1, [31], begin=60)
    stand.round(*((1, minute, 31.0 if 10 <= minute < 20 else 25.0) for minute in range(1, 30)), late=True, at=61)
    assert [(each.from_ms, each.to_ms) for each in stand.retrospects] == [(at_ms(10), at_ms(19))]
    stand.round(*((1, minute, 31.0) for minute in range(50, 62)), late=True, at=63)
    assert len(stand.retrospects) == 1


def test_an_excursion_shorter_than_the_hold_is_none() -> None:
    stand = Stand([channel(1)], [hot(hold="5m")])
    stand.round((1, 60, 24))
    stand.round((1, 9, 20), (1, 10, 31), (1, 12, 31), (1, 13, 20), late=True, at=61)
    assert stand.retrospects == []
