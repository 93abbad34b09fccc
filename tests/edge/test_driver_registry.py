"""Drivers of other distributions are found by their entry point; a broken one harms nobody who does not use it."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from siloscope_edge import driver_registry, installation, profile_files
from siloscope_edge.errors import DriverUnusable, Misconfigured
from siloscope_process.clock import SystemClock
from tests.edge.drivers.fake_line import FakeServer, Tally
from tests.house.repository import ROOT

PAGE = (ROOT / "docs" / "drivers.md").read_text()
PROFILE = """\
profile: tower
title: A beacon
protocol: beacon
channels:
  - {key: light, letter: L, quantity: temperature, unit: Cel, scale: 0.1, resolution: 0.1}
"""
CONFIG = """\
organisation: demo
site: north-farm
node: yard-pi
mqtt: {host: 127.0.0.1}
data_directory: data
profile_directories: [mine]
buses:
  - name: tower
    beacon_tcp: {host: 127.0.0.1, port: 4001}
    devices: [{name: tower, profile: tower}]
"""


def installed(directory: Path, name: str, module: str, code: str) -> None:
    """Put a distribution there, as an installer does: its module, and what its metadata says."""
    (directory / f"{module}.py").write_text(code)
    metadata = directory / f"{module}-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module.replace('_', '-')}\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[{driver_registry.GROUP}]\n{name} = {module}:DRIVER\n")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory of installed distributions."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    (tmp_path / "site").mkdir()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "tower.yaml").write_text(PROFILE)
    (tmp_path / "edge.yaml").write_text(CONFIG)
    driver_registry.names.cache_clear()
    driver_registry.driver.cache_clear()
    yield tmp_path / "site"
    for module in set(sys.modules) - before:
        del sys.modules[module]
    driver_registry.names.cache_clear()
    driver_registry.driver.cache_clear()


def shown() -> str:
    """The driver that the page shows."""
    found = re.search(r"^```python\n# silo_beacon.py\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert found
    return found[1]


async def test_the_driver_of_the_page_is_found_and_reads(site: Path, tmp_path: Path) -> None:
    installed(site, "beacon", "silo_beacon", shown())
    server = FakeServer(lambda data: b"215\n" if data == b"L" else b"")
    await server.start()
    (tmp_path / "edge.yaml").write_text(CONFIG.replace("4001", str(server.port)))
    found = installation.read(tmp_path / "edge.yaml")
    (instrument,) = found.instruments["tower"]
    line = found.config.buses[0].line
    bus = found.drivers["tower"].bus(line, [instrument], SystemClock(), Tally())
    await bus.open()
    assert [reading.value for reading in await bus.read(instrument)] == [21.5]
    bus.close()
    await server.stop()


def test_the_entry_point_of_the_page_is_the_one_that_is_looked_for() -> None:
    assert f'[project.entry-points."{driver_registry.GROUP}"]' in PAGE


def test_a_typo_in_a_foreign_profile_is_told_as_in_ones_own(site: Path, tmp_path: Path) -> None:
    installed(site, "beacon", "silo_beacon", shown())
    (tmp_path / "mine" / "tower.yaml").write_text(PROFILE.replace("letter", "lettre"))
    with pytest.raises(Misconfigured, match=r"tower\.yaml:5: channels\[0\]\.lettre: .*did you mean 'letter'\?"):
        profile_files.read(tmp_path / "mine" / "tower.yaml")


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("raise RuntimeError('no such chip')", "RuntimeError: no such chip"),
        ("DRIVER = 7", "found a int, expected a Driver of the name 'beacon'"),
        ("from siloscope_edge.drivers.wxt import DRIVER", "found the driver 'wxt'"),
        ("", "AttributeError"),
    ],
)
def test_a_broken_driver_is_named_where_it_is_used(site: Path, tmp_path: Path, code: str, why: str) -> None:
    installed(site, "beacon", "silo_beacon", code)
    with pytest.raises(DriverUnusable, match=why):
        driver_registry.driver("beacon")
    with pytest.raises(
        Misconfigured, match=rf"edge\.yaml:9: buses\[0\]\.beacon_tcp: .*a driver that can be loaded.*{why}"
    ):
        installation.read(tmp_path / "edge.yaml")
    with pytest.raises(Misconfigured, match="a driver that can be loaded"):
        profile_files.read(tmp_path / "mine" / "tower.yaml")
    assert "modbus" in {each.name for each in driver_registry.usable()}


def test_a_foreign_driver_cannot_take_the_place_of_ours(site: Path) -> None:
    installed(site, "modbus", "silo_modbus", "DRIVER = None")
    assert driver_registry.driver("modbus").lines.keys() >= {"modbus_tcp"}


def test_a_line_of_no_driver_is_answered_with_the_nearest(site: Path, tmp_path: Path) -> None:
    (tmp_path / "edge.yaml").write_text(CONFIG.replace("beacon_tcp", "modbus_tpc"))
    with pytest.raises(Misconfigured, match="did you mean 'modbus_tcp'"):
        installation.read(tmp_path / "edge.yaml")


@pytest.mark.parametrize("name", driver_registry.names())
def test_every_line_of_a_driver_begins_with_its_name(name: str) -> None:
    driver = driver_registry.driver(name)
    assert all(kind == name or kind.startswith(f"{name}_") for kind in driver.lines)
    assert all(driver_registry.driver_of_line(kind) is driver for kind in driver.lines)
