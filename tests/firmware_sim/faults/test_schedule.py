"""Faults come from a seed, every kind of them, and never two of a kind on one victim at once."""

from itertools import combinations

import pytest

from siloscope_firmware_sim.faults.schedule import Fault, Faults, Kind, schedule

VICTIMS = {kind: ["a", "b"] for kind in Kind}


def test_the_same_seed_gives_the_same_faults_and_another_others() -> None:
    assert schedule(1, 3600, VICTIMS) == schedule(1, 3600, VICTIMS) != schedule(2, 3600, VICTIMS)


@pytest.mark.parametrize("seed", range(10))
def test_every_kind_comes_and_all_end_in_time(seed: int) -> None:
    faults = schedule(seed, 3600, VICTIMS)
    assert {fault.kind for fault in faults} == set(Kind)
    assert all(0 <= fault.at_s < fault.until_s <= 3600 for fault in faults)
    assert [fault.at_s for fault in faults] == sorted(fault.at_s for fault in faults)


def test_two_of_a_kind_never_overlap_on_one_victim() -> None:
    faults = schedule(3, 3600, {Kind.DEAD: ["a", "b"]}, per_hour=500)
    for one, other in combinations(faults, 2):
        assert one.victim != other.victim or one.until_s <= other.at_s or other.until_s <= one.at_s


def test_who_has_no_victim_does_not_come() -> None:
    assert {fault.kind for fault in schedule(1, 3600, {Kind.NOISE: ["line"], Kind.DEAD: []})} == {Kind.NOISE}


def test_a_fault_holds_from_its_beginning_until_its_end() -> None:
    faults = Faults([Fault(Kind.DEAD, "a", 10, 5, 0.5)])
    assert [faults.on(Kind.DEAD, "a", at_s) is not None for at_s in (9.9, 10, 14.9, 15)] == [False, True, True, False]
    assert faults.on(Kind.DEAD, "b", 12) is None
    assert faults.on(Kind.SLOW, "a", 12) is None
