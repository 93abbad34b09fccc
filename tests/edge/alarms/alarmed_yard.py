"""A yard with an alarm and a siren: the watch is real; a test moves its clock, its readings and its relay."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from prometheus_client import CollectorRegistry

from siloscope_contract.gaps import Gap
from siloscope_contract.packs import Sample
from siloscope_contract.quality import Quality
from siloscope_edge import installation
from siloscope_edge.alarms.outputs import Output
from siloscope_edge.alarms.watch import AlarmWatch
from siloscope_edge.errors import ActionFailed
from siloscope_edge.installation import Installation
from siloscope_edge.metrics import Metrics
from siloscope_process.clock import ManualClock
from tests.edge.test_documents import CONFIG

ALARMS = """\
outputs:
  - {name: siren, device: head-1, coil: 3}
alarms:
  - {name: hot, device: head-1, channels: [t1], above: 35, clear: 32, for_s: 20, clear_for_s: 20, switches: [siren]}
"""
PERIOD_S = 10.0


class FakeSwitch:
    """A relay that obeys, is silent, or has a mind of its own."""

    costs_s = 0.1

    def __init__(self, clock: ManualClock, *, tells: bool = True) -> None:
        self.tells = tells
        self.on = False
        self.silent = False
        self.stuck = False
        self.written: list[tuple[float, bool]] = []
        self._clock = clock

    async def set(self, *, on: bool) -> None:
        self.written.append((self._clock.monotonic_s(), on))
        if self.silent:
            raise ActionFailed(Quality.COMM_FAILURE, "no answer within 1 s")
        self.on = self.on if self.stuck else on

    async def is_on(self) -> bool | None:
        if self.silent:
            raise ActionFailed(Quality.COMM_FAILURE, "no answer within 1 s")
        return self.on


class Yard:
    """A watch with one relay; its clock and its samples."""

    def __init__(self, directory: Path, alarms: str = ALARMS, profile: str = "r4dcb08") -> None:
        self.directory = directory
        self.config = "profile_directories: [.]\n" + CONFIG.replace("profile: r4dcb08", f"profile: {profile}")
        self.clock = ManualClock()
        self.switch = FakeSwitch(self.clock)
        self.samples: list[Sample] = []
        self.gaps: list[Gap] = []
        self.registry = CollectorRegistry()
        self.metrics = Metrics(self.registry)
        self.installation = self.read(alarms)
        self.watch = self.made()

    def read(self, alarms: str) -> Installation:
        file = self.directory / "edge.yaml"
        file.write_text(self.config + alarms)
        return installation.read(file)

    def made(self) -> AlarmWatch:
        def switch(_output: Output, _why: Callable[[], Sequence[str]]) -> FakeSwitch:
            return self.switch

        return AlarmWatch(
            self.installation,
            self.directory,
            switch,
            self.clock,
            self.metrics,
            self.samples.append,
            self.gaps.append,
            self.clock.now_ms,
        )

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[AlarmWatch]:
        task = asyncio.create_task(self.watch.run())
        await self.clock.settle()
        try:
            yield self.watch
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def reads(self, *values: float | None) -> None:
        """Have the device say these, one a period."""
        for value in values:
            quality = 0 if value is not None else int(Quality.COMM_FAILURE)
            names = tuple(f"t{at}" for at in range(1, 9))
            said = Sample("head-1", self.clock.now_ms(), names, ("Cel",) * 8, [value] * 8, [quality] * 8)
            self.watch.saw(said, 0.05)
            await self.clock.run_for(PERIOD_S)

    async def changes_to(self, installed: Installation) -> None:
        """Give the watch other alarms, and a second to switch off what leaves."""
        changing = asyncio.ensure_future(self.watch.change_to(installed))
        await self.clock.run_for(1)
        await changing

    def told(self, key: str) -> list[tuple[float | None, int]]:
        """Return what was published of a channel, without repetitions."""
        found: list[tuple[float | None, int]] = []
        for sample in self.samples:
            if key in sample.names:
                at = sample.names.index(key)
                if not found or found[-1] != (sample.values[at], sample.quality[at]):
                    found.append((sample.values[at], sample.quality[at]))
        return found

    def metric(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(f"siloscope_edge_{name}", labels)
