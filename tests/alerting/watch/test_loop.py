"""Rounds begin so far apart as told, and leave time to others where they take longer."""

import pytest
from prometheus_client import CollectorRegistry

from siloscope_alerting.columns import Outcome
from siloscope_alerting.engine.evaluation import Engine
from siloscope_alerting.watch.loop import EvaluatorLoop
from siloscope_alerting.watch.metrics import WatchMetrics
from siloscope_process.clock import ManualClock
from tests.alerting.watch.evaluation import Evaluation


class Stopped(Exception):
    """Enough rounds."""


class Paces(ManualClock):
    """A clock on which each sleep passes at once, and is noted; the fourth ends the loop."""

    def __init__(self) -> None:
        super().__init__()
        self.slept_s: list[float] = []

    async def sleep(self, seconds: float) -> None:
        """Note it."""
        self.slept_s.append(seconds)
        self.advance(seconds)
        if len(self.slept_s) == 4:
            raise Stopped


class Slow(EvaluatorLoop):
    """Rounds take so long, one after the other."""

    takes_s: list[float]
    paces: Paces

    async def turn(self) -> Outcome:
        """Let time pass."""
        self.paces.advance(self.takes_s.pop(0))
        return Outcome()


async def test_rounds_begin_so_far_apart_as_told(evaluation: Evaluation) -> None:
    await evaluation.begin()
    clock = Paces()
    loop = Slow(evaluation.watch, Engine(), clock, WatchMetrics(CollectorRegistry()), every_s=0.25)
    loop.paces, loop.takes_s = clock, [0.0, 0.1, 0.24, 3.0]
    with pytest.raises(Stopped):
        await loop.run()
    assert clock.slept_s == pytest.approx([0.25, 0.15, 0.05, 0.05])
