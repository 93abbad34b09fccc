"""The page names every option of the command, and what it shows is what the doctor says."""

import argparse
import re

from siloscope_edge.doctor.arguments import configure
from siloscope_edge.doctor.findings import Presence
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
