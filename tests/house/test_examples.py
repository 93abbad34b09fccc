"""The YAML files that the pages show are accepted by the programs that they are for."""

import re
from pathlib import Path
from zoneinfo import available_timezones

import pytest

from siloscope_edge import installation
from siloscope_store import layout
from tests.house.repository import ROOT

RUNNING = (ROOT / "docs" / "running.md").read_text()
PROFILES = (ROOT / "docs" / "profiles.md").read_text()


def shown(name: str) -> str:
    found = re.search(rf"^```yaml\n# {re.escape(name)}\n(.*?)^```", RUNNING, re.MULTILINE | re.DOTALL)
    assert found, f"docs/running.md shows no {name}"
    return found[1]


def test_the_layout_is_one() -> None:
    read = layout.read(shown("layout.yaml"), "layout.yaml", available_timezones())
    assert [site.slug for organisation in read.organisations for site in organisation.sites] == ["north-farm"]


def test_the_edge_configuration_is_one(tmp_path: Path) -> None:
    file = tmp_path / "edge.yaml"
    file.write_text(shown("edge.yaml"))
    read = installation.read(file)
    assert set(read.instruments) == {"yard-485", "mast"}


@pytest.mark.parametrize("profile", sorted(path.stem for path in ROOT.glob("edge/src/siloscope_edge/shipped/*.yaml")))
def test_every_shipped_profile_is_named(profile: str) -> None:
    assert f"### `{profile}`" in PROFILES
