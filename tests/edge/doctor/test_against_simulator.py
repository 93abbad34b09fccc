"""The doctor meets simulated instruments and is not told what they are; their profiles say what it should find."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from siloscope_edge.doctor.clues import Clue
from siloscope_edge.doctor.examination import examine
from siloscope_edge.doctor.exchange import Outcome, answer_bytes
from siloscope_edge.doctor.findings import Findings, Presence
from siloscope_edge.doctor.framing import rtu_frame, rtu_outcome
from siloscope_edge.doctor.line_exchange import LineExchange
from siloscope_edge.doctor.seeds import shipped_profiles
from siloscope_edge.doctor.settings import in_words, serial_lines
from siloscope_edge.doctor.survey import Questions, survey
from siloscope_edge.drivers.modbus.profile import RegisterChannel
from siloscope_firmware_sim.instruments.field_probes import soil_7in1
from siloscope_firmware_sim.instruments.r4dcb08 import R4dcb08
from siloscope_firmware_sim.instruments.sdm120 import Mains, Sdm120
from siloscope_firmware_sim.instruments.vaisala_probes import gmp252, hmp
from siloscope_firmware_sim.instruments.weather_stations import compact, wsc11
from siloscope_firmware_sim.instruments.xy_md02 import Air, XyMd02
from siloscope_firmware_sim.lines.pseudo_terminal import PseudoTerminal
from siloscope_firmware_sim.lines.rtu import RtuLine
from siloscope_firmware_sim.modbus.bus import SerialBus, Slave
from siloscope_process.clock import SystemClock
from tests.edge.doctor.simulated_bus import QuickClock, SimulatedBus
from tests.edge.drivers.test_against_simulator import DAMP, SOIL, WEATHER, Uncounted


class SimulatedLine(SimulatedBus):
    """The simulator's wire in simulated time."""

    def __init__(self, clock: QuickClock, slaves: list[Slave]) -> None:
        super().__init__(clock, {}, baud=9600)
        self._wire = SerialBus(slaves, baud=9600)

    async def ask(self, unit_id: int, pdu: bytes, patience_s: float, *, linger_s: float = 0.0) -> Outcome:
        request = rtu_frame(unit_id, pdu)
        self.asked.append((unit_id, pdu))
        answer = self._wire.exchange(request)
        within_s = patience_s + self.wire_s(len(request) + answer_bytes(pdu))
        took_s = answer.after_s if answer is not None else within_s
        self._clock.advance(took_s + linger_s)
        return rtu_outcome(request, answer.frame if answer is not None else b"", took_s)


async def surveyed(slaves: list[Slave], *clues: Clue, **more: object) -> Findings:
    clock = QuickClock()
    questions = Questions(clues=clues, **more)  # type: ignore[arg-type]  # test data
    return await survey(SimulatedLine(clock, slaves), questions, clock, within_s=600)


def channel_of(profile: str, key: str) -> RegisterChannel:
    found = next(each for each in shipped_profiles() if each.profile == profile)
    return next(each for each in found.channels if each.key == key)


@pytest.mark.parametrize(
    ("slave", "profile", "shown"),
    [
        (lambda: XyMd02(1, lambda: Air(30.5, 65.2)), "xy-md02", {"temperature": "30.5", "humidity": "65.2"}),
        (lambda: R4dcb08(3, lambda: [21.9, None, -10.1]), "r4dcb08", {"t1": "21.9", "t3": "-10.1"}),
        (lambda: gmp252(lambda: 812.4, lambda: 21.37), "vaisala-gmp250", {"co2": "812", "temperature": "21.4"}),
        (lambda: hmp(lambda: DAMP), "vaisala-hmp", {"humidity": "61.4", "temperature": "21.4", "dew_point": "13.6"}),
        (
            lambda: Sdm120(7, lambda: Mains(240.3, 10.5, 2170.0, 60.02, 123.45)),
            "sdm120",
            {"voltage": "240.3", "current": "10.50", "power": "2170", "frequency": "60.02"},
        ),
        (lambda: soil_7in1(1, lambda: SOIL), "soil-7in1", {"temperature": "-10.1", "moisture": "0.658"}),
        (
            lambda: compact(1, lambda: WEATHER),
            "compact-weather",
            {
                "wind_speed": "3.27",
                "humidity": "83.2",
                "temperature": "-4.4",
                "pressure": "1013",
                "illuminance": "70500",
            },
        ),
        (
            lambda: wsc11(3, lambda: WEATHER),
            "wsc11",
            {"wind_speed": "3.3", "humidity": "83.2", "temperature": "-4.4", "pressure": "1013.00"},
        ),
    ],
)
async def test_an_unknown_instrument_is_found_and_read_as_its_profile_does(
    slave: Callable[[], Slave], profile: str, shown: dict[str, str]
) -> None:
    channels = [channel_of(profile, key) for key in shown]
    clues = [Clue(each.quantity, value) for each, value in zip(channels, shown.values(), strict=True)]
    found = await surveyed([slave()], *clues)
    (device,) = found.devices
    assert (device.presence, device.broken) == (Presence.DEVICE, 0)
    assert profile in device.fitting
    for channel, ranking in zip(channels, device.rankings, strict=True):
        assert ranking.verdict in ("clear", "likely"), ranking.clue
        same = [each for each in ranking.groups[0] if (each.table, each.address) == (channel.table, channel.address)]
        told = {(each.type, each.byte_order) for each in same}
        assert (channel.type, channel.byte_order) in told, ranking.clue
        assert any(each.scale == pytest.approx(channel.scale) for each in same)


async def test_a_bus_of_many_is_surveyed_within_the_usual_time() -> None:
    slaves: list[Slave] = [R4dcb08(unit, lambda: [21.9, None, -10.1]) for unit in range(1, 14)]
    clock = QuickClock()
    found = await survey(SimulatedLine(clock, slaves), Questions(), clock, within_s=300)
    assert [each.unit_id for each in found.devices] == list(range(1, 14))
    assert all(each.tables for each in found.devices)
    assert found.took_s < 300


async def test_over_a_real_pseudo_terminal_at_another_speed_than_the_usual_one(tmp_path: Path) -> None:
    bus = SerialBus([XyMd02(2, lambda: Air(30.5, 65.2))], baud=19200, turnaround_s=0.002)
    line = RtuLine(PseudoTerminal(tmp_path / "tty", baud=19200), bus, baud=19200, traffic=Uncounted())
    await line.open()
    clock, questions = SystemClock(), Questions(units=(1, 2), search=False, patience_s=0.05)
    lines = serial_lines(str(tmp_path / "tty"), formats=["8N1"])
    async with asyncio.timeout(30):
        found = await examine(lines, questions, clock, lambda each: LineExchange(each, clock), within_s=20)
    await line.close()
    assert [(each.unit_id, each.presence) for each in found.devices] == [(2, Presence.DEVICE)]
    assert found.line["modbus_rtu"]["baud"] == 19200
    assert found.tried_lines == [in_words(each) for each in lines[: len(found.tried_lines)]]
