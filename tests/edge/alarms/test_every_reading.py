"""Alarms see every reading, also those that report-by-exception holds back; what is published stays as it was."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from siloscope_contract.packs import Sample
from siloscope_edge.instruments import Instrument
from siloscope_edge.polling import Poller
from siloscope_edge.readings import Reading
from tests.edge.alarms.alarmed_yard import ALARMS, Yard

PROFILE = """\
profile: creeping
title: A probe that creeps
protocol: modbus
limits: {timeout_s: 0.5, rest_s: 0}
heartbeat_s: 3600
channels:
  - {key: t1, table: holding, address: 0, type: int16, scale: 0.1, quantity: temperature, unit: Cel, deadband: 50}
"""


class CreepingBus:
    """A bus whose device says what it is told to."""

    is_open = True
    says = 20.0

    async def open(self) -> None:
        """Be open."""

    def close(self) -> None:
        """Stay open."""

    async def read(self, instrument: Instrument) -> Sequence[Reading]:
        return [Reading(self.says, 0) for _ in instrument.profile.channels]


async def test_an_alarm_sees_what_a_deadband_holds_back(tmp_path: Path) -> None:
    (tmp_path / "creeping.yaml").write_text(PROFILE)
    yard = Yard(tmp_path, ALARMS.replace("for_s: 20, clear_for_s: 20, ", ""), profile="creeping")
    (instrument,) = yard.installation.instruments["heads"]
    bus, reported = CreepingBus(), list[Sample]()
    poller = Poller(
        "heads", bus, [instrument], yard.clock, reported.append, lambda _: None, yard.metrics, None, yard.watch
    )
    async with yard.watching():
        reading = asyncio.create_task(poller.run())
        try:
            await yard.clock.run_for(30)
            assert len(reported) == 1
            bus.says = 36.0
            await yard.clock.run_for(11)
            assert yard.switch.on
            bus.says = 30.0
            await yard.clock.run_for(11)
            assert not yard.switch.on
            assert len(reported) == 1
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
    assert [sample.values for sample in reported] == [[20.0], [30.0]]  # and the last one held back, at the end
