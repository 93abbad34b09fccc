"""A cold room: hysteresis, defrost, doors, and no jump after a restart."""

import itertools

import pytest

from siloscope_firmware_sim.physics.cold_room import WEEK_S, ColdRoom, ColdRoomPlan
from siloscope_firmware_sim.physics.doors import DoorBook

ANCHOR_S = 1_735_689_600 + 8 * 3600
DAY_S = 86_400
QUIET = DoorBook(1, "quiet", offset_s=0, openings_a_day=0)


def room(doors: DoorBook | None = None) -> ColdRoom:
    return ColdRoom(ColdRoomPlan(), doors or DoorBook(7, "north", offset_s=-5 * 3600), anchor_s=ANCHOR_S)


def day(of: ColdRoom, number: int) -> list[tuple[float, bool, bool, float]]:
    states = [of.at(ANCHOR_S + number * DAY_S + step * 10) for step in range(8640)]
    return [(state.air_c, state.cooling, state.door_open, state.co2_ppm) for state in states]


def test_a_restart_at_any_time_finds_the_same_state() -> None:
    running = room()
    for hours in (1, 5, 29, 30, 160):
        time_s = ANCHOR_S + hours * 3600 + 7
        assert running.at(time_s) == room().at(time_s)


def test_the_week_s_end_joins_the_next_week_without_a_jump() -> None:
    before, after = room().at(ANCHOR_S + WEEK_S - 10), room().at(ANCHOR_S + WEEK_S)

    assert before.air_c == pytest.approx(after.air_c, abs=0.001)
    assert before.goods_c == pytest.approx(after.goods_c, abs=0.001)
    assert before.co2_ppm == pytest.approx(after.co2_ppm, abs=0.1)


def test_a_clock_that_goes_back_is_followed() -> None:
    one = room()
    late, early = ANCHOR_S + 50_000, ANCHOR_S + 20_000
    one.at(late)

    assert one.at(early) == room().at(early)


def test_the_compressor_keeps_the_room_round_its_setpoint() -> None:
    quiet = day(room(QUIET), 3)
    temperatures = [air_c for air_c, _, _, _ in quiet]
    starts = sum(now and not before for (_, before, _, _), (_, now, _, _) in itertools.pairwise(quiet))

    assert min(temperatures) > 1.5
    assert sum(2.0 <= each <= 4.1 for each in temperatures) / len(temperatures) > 0.85
    assert 20 < starts < 200


def test_a_defrost_warms_the_room_four_times_a_day() -> None:
    warm = [air_c > 4.5 for air_c, _, _, _ in day(room(QUIET), 3)]

    assert sum(now and not before for before, now in itertools.pairwise(warm)) == 4


def test_an_open_door_warms_the_room_and_lets_the_co2_out() -> None:
    busy, quiet = day(room(), 3), day(room(QUIET), 3)

    assert any(door for _, _, door, _ in busy)
    assert max(air_c for air_c, _, _, _ in busy) > max(air_c for air_c, _, _, _ in quiet)
    assert min(co2 for _, _, _, co2 in busy) < min(co2 for _, _, _, co2 in quiet)


def test_doors_are_the_same_for_the_same_seed_and_shut_at_night() -> None:
    def openings(seed: int) -> list[bool]:
        book = DoorBook(seed, "north", offset_s=0)
        return [book.open_at(20_000 * DAY_S + minute * 60) for minute in range(1440)]

    assert openings(1) == openings(1)
    assert openings(1) != openings(2)
    assert not any(openings(1)[: 5 * 60] + openings(1)[20 * 60 + 10 :])
