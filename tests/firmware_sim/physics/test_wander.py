"""Noise as a function of time."""

import itertools

from siloscope_firmware_sim.physics.wander import hashed, wander


def test_the_same_seed_name_and_time_give_the_same_value() -> None:
    assert wander(1, "mains", 1234.5, 60) == wander(1, "mains", 1234.5, 60)


def test_seeds_and_names_differ() -> None:
    assert len({wander(seed, name, 1000.0, 60) for seed in (1, 2) for name in ("a", "b")}) == 4


def test_it_is_smooth_and_stays_within_one() -> None:
    values = [wander(3, "x", step / 10, 10) for step in range(10_000)]

    assert all(-1 <= value <= 1 for value in values)
    assert max(abs(b - a) for a, b in itertools.pairwise(values)) < 0.05


def test_draws_are_even() -> None:
    draws = [hashed(5, "even", index) for index in range(4000)]

    assert 0.48 < sum(draws) / len(draws) < 0.52
    assert sum(draw < 0.1 for draw in draws) in range(320, 480)
