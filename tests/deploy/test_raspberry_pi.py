"""The install page for a Raspberry Pi names files that exist and a configuration that is accepted."""

import re
from pathlib import Path

import pytest
import yaml

from siloscope_edge import installation
from siloscope_edge.wires import SerialLine
from tests.house.repository import ROOT

TEXT = (ROOT / "docs" / "raspberry-pi.md").read_text()
UNIT = (ROOT / "deploy" / "systemd" / "siloscope-edge.service").read_text()


def test_its_configuration_is_one(tmp_path: Path) -> None:
    shown = re.search(r"```yaml\n# /etc/siloscope/edge.yaml\n(.*?)```", TEXT, re.DOTALL)
    assert shown
    file = tmp_path / "edge.yaml"
    file.write_text(shown[1])
    config = installation.read(file).config
    assert config.mqtt.tls is not None
    assert config.mqtt.tls.ca_file == str(tmp_path / "farm-ca.crt")


def test_its_line_with_rts_is_one() -> None:
    shown = re.search(r"```yaml\n# a HAT.*?\n(.*?)```", TEXT, re.DOTALL)
    assert shown
    assert SerialLine(**yaml.safe_load(shown[1])["modbus_rtu"]).rs485 == "rts_high"


@pytest.mark.parametrize("path", sorted(set(re.findall(r"deploy/[a-z-]+/[\w.-]+", TEXT))))
def test_every_file_that_it_names_exists(path: str) -> None:
    assert (ROOT / path).is_file()


@pytest.mark.parametrize(
    "path", ["/opt/siloscope/bin/siloscope", "/etc/siloscope/edge.yaml", "User=siloscope", "dialout"]
)
def test_it_installs_what_the_unit_starts(path: str) -> None:
    assert path in UNIT
    assert path.removeprefix("User=") in TEXT


def test_the_timer_of_usb_adapters_is_shortened_for_the_driver_that_has_one() -> None:
    rule = (ROOT / "deploy/raspberry-pi/60-siloscope-serial.rules").read_text().splitlines()[-1]
    assert rule.split(", ") == [
        'ACTION=="add"',
        'SUBSYSTEM=="usb-serial"',
        'DRIVER=="ftdi_sio"',
        'ATTR{latency_timer}="1"',
    ]


def test_every_link_into_the_docs_leads_somewhere() -> None:
    for page, _, heading in re.findall(r"\]\(([a-z-]+\.md)(#([a-z-]+))?\)", TEXT):
        text = (ROOT / "docs" / page).read_text()
        headings = [re.sub(r"[^a-z -]", "", line[2:].lower()).strip() for line in text.splitlines() if line[:2] == "##"]
        assert not heading or heading in [each.replace(" ", "-") for each in headings]
