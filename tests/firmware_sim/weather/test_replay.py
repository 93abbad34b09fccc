"""The replay of the shipped observations."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from siloscope_firmware_sim.weather.observations import HOUR_S, shipped
from siloscope_firmware_sim.weather.replay import Replay

EPOCH = datetime(2025, 1, 1, tzinfo=UTC)
REPLAY = Replay(shipped("lga_2013_11"), int(EPOCH.timestamp()))


def at(day: int, hour: float) -> float:
    """Return the time at which this hour of November 2013 is replayed for the first time."""
    return (EPOCH + timedelta(days=day - 1, hours=hour)).timestamp()


def test_the_month_is_whole_and_its_known_gaps_are_the_station_s() -> None:
    times = [each.time_s for each in shipped("lga_2013_11")]
    gaps = [round((b - a) / HOUR_S) for a, b in itertools.pairwise(times) if b - a != HOUR_S]

    assert (len(times), gaps) == (712, [3, 6, 2])


def test_a_known_row_comes_back_in_the_project_s_units() -> None:
    seen = REPLAY.observed(at(1, 0))  # 62.06 °F, 74.75 %, 180°, 13.8093 mph, gust 19.5632 mph, 1012.2 hPa

    assert seen.temperature_c == pytest.approx(16.7)
    assert seen.humidity_pct == pytest.approx(74.75)
    assert seen.pressure_hpa == pytest.approx(1012.2)
    assert seen.direction_deg is not None
    assert seen.speed_m_s is not None
    assert seen.direction_deg[1] == pytest.approx(180)
    assert seen.speed_m_s[1:] == pytest.approx((6.1733, 8.7455), abs=1e-4)


def test_between_two_hours_values_are_interpolated() -> None:
    assert REPLAY.observed(at(1, 0.5)).temperature_c == pytest.approx((16.7 + 17.2) / 2)


def test_an_hour_stays_its_hour_of_the_day_in_every_round() -> None:
    for round_number in (1, 7, 20):
        moved = at(13, 5) + round_number * REPLAY.period_s
        assert REPLAY.source_time_s(moved) == datetime(2013, 11, 13, 5, tzinfo=UTC).timestamp()
        assert REPLAY.observed(moved) == REPLAY.observed(at(13, 5))


def test_a_single_missing_value_is_bridged_but_a_long_gap_is_not() -> None:
    assert REPLAY.observed(at(1, 5)).pressure_hpa == pytest.approx((1008.4 + 1006.2) / 2)
    assert REPLAY.observed(at(4, 15)).temperature_c is not None  # one hour is missing
    blind = REPLAY.observed(at(3, 2))  # the station was silent from the 2nd, 23:00 to the 3rd, 05:00
    assert (blind.temperature_c, blind.humidity_pct, blind.pressure_hpa) == (None, None, None)
    assert (blind.direction_deg, blind.speed_m_s, blind.rain_rate_mm_h) == (None, None, None)


def test_the_world_goes_on_where_the_station_was_blind() -> None:
    assert REPLAY.ambient(at(3, 2)).temperature_c == pytest.approx((15.6 + 12.8) / 2, abs=0.1)


def test_wind_turns_through_the_north_and_not_the_long_way_round() -> None:
    seen = [REPLAY.observed(at(3, 12 + step / 10)).direction_deg for step in range(21)]  # 350°, 360°, 10°
    means = [each[1] for each in seen if each is not None]

    assert len(means) == 21
    assert all(mean >= 349.9 or mean <= 10.1 for mean in means)


def test_in_a_calm_the_vane_stays_where_it_was() -> None:
    calm = REPLAY.observed(at(2, 7))  # 07:00 calm, 06:00 from 350°

    assert calm.speed_m_s == (0.0, 0.0, 0.0)
    assert calm.direction_deg == (350.0, 350.0, 350.0)


def test_rain_accumulates_to_what_fell_and_never_goes_back_within_a_round() -> None:
    amounts = [REPLAY.observed(at(1, minutes / 60)).rain_mm for minutes in range(0, 30 * 24 * 60, 20)]

    assert amounts == sorted(amounts)
    assert amounts[-1] == pytest.approx(2.80 * 25.4)
    assert REPLAY.observed(at(27, 5.5)).rain_rate_mm_h == pytest.approx(0.37 * 25.4)
    assert REPLAY.observed(at(27, 6)).rain_mm - REPLAY.observed(at(27, 5)).rain_mm == pytest.approx(0.37 * 25.4)


def test_the_coldest_hour_is_the_frost_of_the_24th() -> None:
    assert REPLAY.observed(at(24, 11)).temperature_c == pytest.approx(-4.4)
