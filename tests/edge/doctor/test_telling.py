"""A report fits a terminal, and says of each device what a technician asks first."""

import pytest

from siloscope_edge.doctor.clues import Clue
from siloscope_edge.doctor.findings import Ended, Findings
from siloscope_edge.doctor.ranking import rank
from siloscope_edge.doctor.survey import Questions, survey
from siloscope_edge.doctor.telling import WIDTH, lines_of
from tests.edge.doctor.simulated_bus import Answer, QuickClock, Registers, SimulatedBus

THERMOMETER = Registers({4: {1: 305, 2: 652}})
HEAD = Registers({3: {**dict.fromkeys(range(20), 0), 3: 0x8000, 32: 1}, 1: {0: 1, 1: 0, 2: 1}}, most=8)


async def surveyed(units: dict[int, Answer], *clues: Clue) -> Findings:
    clock = QuickClock()
    found = await survey(SimulatedBus(clock, units), Questions(units=(1, 2, 3), clues=clues), clock, within_s=600)
    found.line = {"modbus_rtu": {"port": "/dev/ttyUSB0", "baud": 9600}}
    return found


async def told(units: dict[int, Answer], *clues: Clue) -> str:
    lines = list(lines_of(await surveyed(units, *clues)))
    assert all(len(line) <= WIDTH for line in lines)
    return "\n".join(lines)


async def test_a_thermometer() -> None:
    text = await told({1: THERMOMETER}, Clue("temperature", "30.5"), Clue("", "65.2", 30_003))
    for line in (
        "modbus_rtu: {port: /dev/ttyUSB0, baud: 9600}",
        "  silent: unit 2-3",
        "  rest between requests: none",
        "  input registers: 1-2",
        "    2 or more registers a request",
        "            1  0131     305     305",
        "  temperature 30.5: clear",
        "uint16 gives the same: they differ only below zero",
        "it counts from 1",
        "All was asked: ",
    ):
        assert line in text


async def test_runs_of_the_same_word_bits_limits_and_gaps() -> None:
    text = await told({2: HEAD})
    for line in (
        "  holding registers: 0-19, 32",
        "    8 registers a request",
        "         4-19  0000       0       0",
        "            3  8000   32768  -32768",
        "  coil bits: 0-2",
        "    on: 0, 2",
    ):
        assert line in text


async def test_a_value_of_another_device_is_not_held_against_this_one() -> None:
    text = await told({1: THERMOMETER, 2: HEAD}, Clue("temperature", "30.5"))
    assert "  temperature 30.5: not here" in text
    assert text.count("NOTHING") == 0
    assert "NOTHING fits" in await told({2: HEAD}, Clue("temperature", "30.5"))


@pytest.mark.parametrize(
    ("ended", "words"),
    [
        (Ended.TIME, "The time was over before all was asked (--within gives more)"),
        (Ended.STOPPED, "Stopped; this is what was found until then"),
        (Ended.PORT_LOST, "The port was lost; this is what was found until then"),
    ],
)
def test_an_end_before_the_end_is_said(ended: Ended, words: str) -> None:
    found = Findings(where="x", tried_lines=["9600 8N1", "19200 8E1"], ended=ended)
    lines = list(lines_of(found))
    assert lines[0] == "x: nobody answered"
    assert lines[1] == "  tried 9600 8N1, 19200 8E1"
    assert lines[-1].startswith(words)


async def test_ways_that_tie_are_told_together() -> None:
    found = await surveyed({1: THERMOMETER})
    words = {"holding": {0: [0, 0], 1: [651, 651], 2: [0, 0]}}
    found.devices[0].rankings = [rank(Clue("relative_humidity", "65.1"), words)]
    text = "\n".join(lines_of(found))
    assert "the same numbers also as" in text
    assert "these readings cannot tell" in text.replace("\n", " ").replace("            ", "")
