"""A full spool becomes coarser before it forgets: what is thinned out has new numbers, the old ones are declared."""

from itertools import pairwise
from pathlib import Path

import pytest

from siloscope_contract.gaps import GapKind
from siloscope_contract.packs import Form, Pack, Sample
from siloscope_edge.config import SpoolLimits
from siloscope_edge.packing import unpacked
from siloscope_edge.spans import Spans
from siloscope_edge.spool import Spool
from siloscope_edge.thinning import Thinning

NOW_MS = 1_704_067_200_000
HOUR_S = 3600
HOURS = 5
STEPS = Thinning((60_000, 600_000), frozenset({"agent"}))


def sample(at_s: float, device: str = "head", value: float | None = 1.0) -> Sample:
    quality = 0 if value is not None else 201
    return Sample(device, NOW_MS + round(at_s * 1000), ("t1",), ("Cel",), [value], [quality])


def seconds(samples: list[Sample]) -> list[float]:
    return [(each.time_ms - NOW_MS) / 1000 for each in samples]


def test_one_sample_of_each_device_and_interval_stays() -> None:
    found = STEPS.of([sample(at, device) for at in range(0, 180, 10) for device in ("a", "b")], 0)
    assert found is not None
    assert found.step_ms == 60_000
    assert seconds(found.kept) == [0, 0, 60, 60, 120, 120]


def test_a_sample_that_has_a_value_stays_before_one_that_has_none() -> None:
    found = STEPS.of([sample(0, value=None), sample(10), sample(20), sample(60, value=None), sample(70, value=None)], 0)
    assert found is not None
    assert seconds(found.kept) == [10, 60]


@pytest.mark.parametrize(("period_s", "step_ms", "then_ms"), [(10, 0, 60_000), (60, 0, 600_000), (10, 60_000, 600_000)])
def test_the_next_step_is_the_first_that_makes_room(period_s: int, step_ms: int, then_ms: int) -> None:
    found = STEPS.of([sample(at) for at in range(0, HOUR_S, period_s)], step_ms)
    assert found is not None
    assert found.step_ms == then_ms


def test_where_no_step_makes_room_nothing_is_thinned_out() -> None:
    assert STEPS.of([sample(at) for at in range(0, 10 * HOUR_S, 600)], 0) is None
    assert STEPS.of([sample(at) for at in range(100)], 600_000) is None
    assert STEPS.of([], 0) is None


def test_samples_that_are_not_worth_it_go_and_are_declared() -> None:
    found = STEPS.of([sample(at, device) for at in range(0, 60, 10) for device in ("a", "agent")], 0)
    assert found is not None
    assert [each.device for each in found.kept] == ["a"]
    (gap,) = found.gaps
    assert (gap.kind, gap.device, gap.count, gap.to_ms - gap.from_ms) == (GapKind.EVICTED, "agent", 6, 50_000)


def packs_of(spool: Spool) -> list[Pack]:
    numbers = Spans()
    for span in spool.spans:
        numbers.add_all(spool.numbers(span.epoch, Spans([(span.lowest, span.next)])))
    return [unpacked(payload) for payload in spool.payloads(numbers).values()]


def test_a_full_spool_keeps_the_whole_outage_coarsely_and_the_end_of_it_as_it_was(tmp_path: Path) -> None:
    limits = SpoolLimits(max_bytes=262_144, pack_form=Form.JSON)
    spool = Spool(tmp_path, limits, NOW_MS, evicts=["agent"])
    thinned = evicted = 0
    for at in range(0, HOURS * HOUR_S, 10):
        written = spool.write([sample(at, device) for device in ("head", "agent")], [], NOW_MS + at * 1000)
        thinned, evicted = thinned + written.thinned, evicted + written.evicted
        assert spool.used_bytes() <= limits.max_bytes
    assert thinned > 500
    assert evicted == 0
    packs = packs_of(spool)
    times = sorted(seconds([each for pack in packs for each in pack.samples if each.device == "head"]))
    assert times[0] == 0
    assert max(later - earlier for earlier, later in pairwise(times)) <= 1200
    assert times[-60:] == [HOURS * HOUR_S - 10 * at for at in range(60, 0, -1)]
    there = {pack.seq for pack in packs}
    declared = {
        seq
        for pack in packs
        for gap in pack.gaps
        if gap.first_seq and gap.last_seq
        for seq in range(gap.first_seq, gap.last_seq + 1)
    }
    assert there | declared == set(range(1, spool.assigned[spool.epoch]))
    assert not there & declared
    spool.close(NOW_MS)


def test_what_was_committed_is_not_thinned_out_but_goes(tmp_path: Path) -> None:
    spool = Spool(tmp_path, SpoolLimits(max_bytes=262_144, pack_form=Form.JSON), NOW_MS)
    gone = 0
    for at in range(0, 6 * HOUR_S, 10):
        written = spool.write([sample(at)], [], NOW_MS + at * 1000)
        state = spool._current
        state.accounted.add(1, state.next)
        gone += sum(end - first for first, end in written.gone)
        assert (written.thinned, written.evicted) == (0, 0)
    assert gone > 500
    spool.close(NOW_MS)
