"""The page names every option of the command, and what it shows is what the doctor says."""

import argparse
import re

from siloscope_edge.doctor.arguments import configure
from siloscope_edge.doctor.clues import Clue
from siloscope_edge.doctor.findings import Presence
from siloscope_edge.doctor.settings import as_configured, serial_lines
from siloscope_edge.doctor.telling import lines_of
from siloscope_firmware_sim.instruments.xy_md02 import Air, XyMd02
from tests.edge.doctor.test_against_simulator import surveyed
from tests.house.repository import ROOT

PAGE = (ROOT / "docs" / "doctor.md").read_text()


def test_every_option_stands_there() -> None:
    parser = argparse.ArgumentParser()
    configure(parser)
    options = {name for action in parser._actions for name in action.option_strings if name.startswith("--")}
    named = set(re.findall(r"`(--[a-z0-9-]+)", PAGE))
    assert options - {"--help"} == named


def test_every_kind_of_presence_stands_there() -> None:
    for each in Presence:
        assert f"| {each.replace('_', ' ')} |" in PAGE


async def test_the_report_that_it_shows_is_what_the_doctor_says() -> None:
    found = await surveyed([XyMd02(1, lambda: Air(30.5, 65.2))], Clue("temperature", "30.5", 1))
    found.line = as_configured(serial_lines("/dev/ttyUSB0")[0])
    assert "\n".join(lines_of(found)) in PAGE
