"""How full the spool is with what is not committed, how old that is, and how far the clock is off."""

from collections.abc import AsyncIterator
from math import isnan
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from siloscope_contract.births import EpochSpan
from siloscope_contract.packs import Epoch, Sample
from siloscope_edge.clock_guard import ClockGuard
from siloscope_edge.clock_settings import ClockSettings
from siloscope_edge.config import SpoolLimits
from siloscope_edge.gauging import Gauging, owed_share
from siloscope_edge.keeper import Keeper
from siloscope_edge.machine import Machine
from siloscope_edge.metrics import Metrics
from siloscope_edge.spool import Spool
from siloscope_process.clock import ManualClock
from siloscope_process.operations import Health
from tests.edge.fake_kernel import FakeKernel

EPOCHS = [Epoch("0" * 32), Epoch("1" * 32)]


@pytest.mark.parametrize(
    ("used", "owed", "spans", "share"),
    [
        (1000, 0, [], 0),  # an empty spool
        (700, 0, [(1, 101)], 0),  # full of what is committed: that makes room whenever it is wanted
        (700, 100, [(1, 101)], 0.7),
        (900, 100, [(51, 151), (1, 101)], 0.45),
        (2000, 100, [(1, 101)], 1),
    ],
)
def test_the_share_is_of_what_is_owed(used: int, owed: int, spans: list[tuple[int, int]], share: float) -> None:
    spooled = [EpochSpan(epoch, *span) for epoch, span in zip(EPOCHS, spans, strict=False)]
    assert owed_share(used, owed, spooled, 1000) == share


class Stand:
    """A spool and a kernel whose clocks a test moves."""

    def __init__(self, directory: Path) -> None:
        self.clock = ManualClock()
        self.kernel = FakeKernel(self.clock.now_ms())
        self.guard = ClockGuard(self.kernel, ClockSettings())
        spool = Spool(directory, SpoolLimits(), self.clock.now_ms())
        self.registry = CollectorRegistry()
        self.metrics = Metrics(self.registry)
        self.keeper = Keeper(spool, SpoolLimits(), self.clock, self.metrics, Health(["spool"]), self.guard)
        self.gauging = Gauging(self.keeper, 1_000_000, self.guard, Machine(directory), self.clock, self.metrics)


@pytest.fixture
async def stand(tmp_path: Path) -> AsyncIterator[Stand]:
    made = Stand(tmp_path)
    yield made
    await made.keeper.close()


def sample(time_ms: int) -> Sample:
    return Sample("head-1", time_ms, ("t1",), ("Cel",), [21.9], [0])


async def test_what_waits_is_told_with_its_age(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("siloscope_edge.gauging.kernel_offset_s", lambda: 0.0)
    stand.kernel.synchronise()
    stand.guard.stamp()
    stand.kernel.pass_time(1000)
    empty = await stand.gauging.look()
    assert (empty.spool_share, empty.oldest_s, empty.clock_offset_s) == (0, 0, 0)
    stand.keeper.take(sample(stand.kernel.boot_ms()))
    await stand.keeper.flush()
    stand.kernel.pass_time(90)
    found = await stand.gauging.look()
    assert found.oldest_s == 90
    assert found.spool_share == found.spool_bytes / 1_000_000
    stand.gauging.tell(found)
    assert stand.registry.get_sample_value("siloscope_edge_spool_oldest_seconds") == 90
    assert stand.registry.get_sample_value("siloscope_edge_spool_share") == found.spool_share


async def test_the_clock_is_off_by_what_the_kernel_corrects_or_by_how_far_somebody_moved_it(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("siloscope_edge.gauging.kernel_offset_s", lambda: 0.025)
    found = await stand.gauging.look()
    assert found.clock_offset_s is None
    stand.gauging.tell(found)
    told = stand.registry.get_sample_value("siloscope_edge_clock_offset_seconds")
    assert told is not None
    assert isnan(told)
    stand.kernel.synchronise()
    stand.guard.stamp()
    assert (await stand.gauging.look()).clock_offset_s == 0.025
    stand.kernel.step(-7200)
    stand.guard.stamp()
    assert (await stand.gauging.look()).clock_offset_s == -7200
