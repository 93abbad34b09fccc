"""An hour of simulated time with everything going wrong: no reading lost, doubled, at a wrong time, or made up."""

from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path

import pytest
from msgspec.structs import replace

from siloscope_contract.packs import Sample
from siloscope_edge.clock_settings import ClockSettings
from siloscope_edge.guarding import GuardedBus
from siloscope_edge.instruments import Instrument
from siloscope_edge.keeper import Keeper
from siloscope_edge.machine_clocks import TrustedClock
from siloscope_edge.readings import Reading
from siloscope_firmware_sim.faults.schedule import Kind
from siloscope_process.clock import Clock
from tests.edge.soak import virtual_time
from tests.edge.soak.soak import Report, Soak

HOUR_S = 3600.0
SHORT_S = 360.0


def soaked(directory: Path, seed: int, seconds: float) -> Report:
    async def soak() -> Report:
        return await Soak(directory, seed, seconds).run()

    return virtual_time.run(soak)


def test_an_hour_with_all_faults_costs_no_reading(tmp_path: Path) -> None:
    report = soaked(tmp_path, 1, HOUR_S)
    assert report.findings == []
    assert {fault.kind for fault in report.faults} == set(Kind)
    assert report.boots > 1
    assert report.ledger.good > 30_000
    assert 0 < report.provisional < report.ledger.good


Mutation = Callable[[pytest.MonkeyPatch], None]


def kept_otherwise(patch: pytest.MonkeyPatch, change: Callable[[Sample], list[Sample]]) -> None:
    """Keep something else than what was read."""
    take = Keeper.take

    def changed(self: Keeper, sample: Sample) -> None:
        for each in change(sample):
            take(self, each)

    patch.setattr(Keeper, "take", changed)


def a_second_late(patch: pytest.MonkeyPatch) -> None:
    """Stamp readings a second late."""
    kept_otherwise(patch, lambda sample: [replace(sample, time_ms=sample.time_ms + 1000)])


def a_zero_for_silence(patch: pytest.MonkeyPatch) -> None:
    """Give 0 where nothing was said."""

    def zeroed(sample: Sample) -> list[Sample]:
        values = [0.0 if value is None else value for value in sample.values]
        return [replace(sample, values=values, quality=[0] * len(values))]

    kept_otherwise(patch, zeroed)


def the_last_value_for_silence(patch: pytest.MonkeyPatch) -> None:
    """Give what was said last where nothing is."""
    read = GuardedBus.read
    last: dict[str, Sequence[Reading]] = {}

    async def stale(self: GuardedBus, instrument: Instrument) -> Sequence[Reading]:
        try:
            last[instrument.name] = await read(self, instrument)
        except Exception:
            if instrument.name not in last:
                raise
        return last[instrument.name]

    patch.setattr(GuardedBus, "read", stale)


def one_in_fifty_dropped(patch: pytest.MonkeyPatch) -> None:
    """Keep not all that is read."""
    number = count(1)
    kept_otherwise(patch, lambda sample: [sample] if next(number) % 50 else [])


def one_in_fifty_twice(patch: pytest.MonkeyPatch) -> None:
    """Keep some of it twice."""
    number = count(1)
    kept_otherwise(patch, lambda sample: [sample] if next(number) % 50 else [sample, sample])


def the_wall_clock_believed(patch: pytest.MonkeyPatch) -> None:
    """Date readings by whatever the wall clock shows."""
    asked = Soak.time_source

    def believed(self: Soak, settings: ClockSettings, clock: Clock) -> TrustedClock:
        source = TrustedClock(clock)
        source.boot = asked(self, settings, clock).boot
        return source

    patch.setattr(Soak, "time_source", believed)


@pytest.mark.parametrize(
    ("mutation", "what"),
    [
        (a_second_late, "mistimed"),
        (a_zero_for_silence, "fabricated"),
        (the_last_value_for_silence, "fabricated"),
        (one_in_fifty_dropped, "lost"),
        (one_in_fifty_twice, "doubled"),
        (the_wall_clock_believed, "lost"),
    ],
)
def test_an_agent_that_is_not_honest_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mutation: Mutation, what: str
) -> None:
    mutation(monkeypatch)
    report = soaked(tmp_path, 2, SHORT_S)
    assert what in {finding.what for finding in report.findings}


def test_the_same_short_soak_without_a_mutation_finds_nothing(tmp_path: Path) -> None:
    assert soaked(tmp_path, 2, SHORT_S).findings == []
