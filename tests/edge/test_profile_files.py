"""Options of a profile, and what the drivers refuse in profiles of theirs: with file, line and the right word."""

from pathlib import Path

import pytest

from siloscope_edge import installation, profile_files
from siloscope_edge.errors import Misconfigured
from siloscope_process.documents import Fault

MODBUS = """\
profile: probe
title: A probe
protocol: modbus
options:
  firmware:
    title: Scale
    default: new
    choices:
      new: {}
      old: {t1: {scale: 0.1}}
channels:
  - {key: t1, table: holding, address: 0, type: int16, quantity: temperature, unit: Cel}
"""
LINES = """\
profile: probe
title: A talker
protocol: ascii
listening: true
frame: {checksum: nmea}
messages:
  - {name: air, match: {0: "T"}}
  - {name: soil, match: {0: "S"}}
channels:
  - {key: air, message: air, field: 1, quantity: temperature, unit: Cel}
"""
DAVIS = """\
profile: probe
title: A console
protocol: davis
channels:
  - {key: air, packet: loop, field: outside_temperature, quantity: temperature, unit: Cel}
"""
SDI12 = """\
profile: probe
title: A sensor
protocol: sdi12
channels:
  - {key: air, command: MC, value: 0, quantity: temperature, unit: Cel}
"""
CONFIG = """\
organisation: demo
site: yard
node: pi
mqtt: {host: 127.0.0.1}
data_directory: data
profile_directories: [.]
buses:
  - name: line
    modbus_tcp: {host: 127.0.0.1}
    devices:
      - {name: a, profile: probe, unit_id: 1}
      - {name: b, profile: probe, unit_id: 2, options: {firmware: old}}
"""


def refusal(directory: Path, text: str) -> Fault:
    file = directory / "probe.yaml"
    file.write_text(text)
    with pytest.raises(Misconfigured) as refused:
        profile_files.read(file)
    return refused.value.fault


@pytest.mark.parametrize(
    ("good", "right", "wrong", "line", "place", "expected"),
    [
        (MODBUS, "default: new", "default: nwe", 7, "options.firmware.default", "did you mean 'new'?"),
        (MODBUS, "old: {t1:", "old: {t2:", 10, "options.firmware", "one of all, profile, t1"),
        (MODBUS, "title: Scale", "titel: Scale", 6, "options.firmware.titel", "did you mean 'title'?"),
        (LINES, "checksum: nmea", "checksum: nema", 5, "frame.checksum", "did you mean 'nmea'?"),
        (LINES, "message: air", "message: aire", 10, "channels[0].message", "did you mean 'air'?"),
        (LINES, "message: air, ", "", 10, "channels[0].message", "one of air, soil"),
        (LINES, '"T"', '"T["', 7, "messages[0].match", "a regular expression"),
        (LINES, "name: soil", "name: air", 8, "messages[1].name", "each message once"),
        (LINES, "listening: true\n", "", 6, "messages[0].query", "a query, or `listening: true`"),
        (LINES, "field: 1,", "field: 1, unit_field: 2,", 10, "channels[0].units", "the words of `unit_field`"),
        (DAVIS, "packet: loop,", "packet: lop,", 5, "channels[0].packet", "did you mean 'loop'?"),
        (
            DAVIS,
            "outside_temperature",
            "outside_temprature",
            5,
            "channels[0].field",
            "did you mean 'outside_temperature'?",
        ),
        (DAVIS, "outside_temperature", "month_rane", 5, "channels[0].field", "did you mean 'month_rain'?"),
        (SDI12, "command: MC", "command: Q", 5, "channels[0].command", "[MC]"),
        (SDI12, "value: 0", "value: 100", 5, "channels[0].value", "98"),
        (SDI12, "value: 0", "valeu: 0", 5, "channels[0].valeu", "did you mean 'value'?"),
        (SDI12, "protocol: sdi12", "protocol: sdi-12", 3, "protocol", "did you mean 'sdi12'?"),
        (SDI12, "protocol: sdi12\n", "", 1, "protocol", "one of ascii, davis, modbus, sdi12, wxt"),
    ],
)
def test_a_wrong_profile_is_refused(
    tmp_path: Path, good: str, right: str, wrong: str, line: int, place: str, expected: str
) -> None:
    assert right in good
    refused = refusal(tmp_path, good.replace(right, wrong))
    assert refused.line == line
    assert refused.place.startswith(place)
    assert expected in refused.expected


@pytest.mark.parametrize("good", [MODBUS, LINES, DAVIS, SDI12])
def test_the_right_ones_are_read(tmp_path: Path, good: str) -> None:
    (tmp_path / "probe.yaml").write_text(good)
    assert profile_files.read(tmp_path / "probe.yaml").profile == "probe"


def test_devices_of_one_profile_have_their_own_choices(tmp_path: Path) -> None:
    (tmp_path / "probe.yaml").write_text(MODBUS)
    (tmp_path / "edge.yaml").write_text(CONFIG)
    found = installation.read(tmp_path / "edge.yaml").instruments["line"]
    assert [instrument.profile.channels[0].scale for instrument in found] == [1.0, 0.1]


@pytest.mark.parametrize(
    ("right", "wrong", "place", "expected"),
    [
        ("firmware: old", "firmware: odl", "buses[0].devices[1].options.firmware", "did you mean 'old'?"),
        ("firmware: old", "firmwear: old", "buses[0].devices[1].options.firmwear", "did you mean 'firmware'?"),
    ],
)
def test_a_choice_that_a_profile_does_not_have_is_refused(
    tmp_path: Path, right: str, wrong: str, place: str, expected: str
) -> None:
    (tmp_path / "probe.yaml").write_text(MODBUS)
    (tmp_path / "edge.yaml").write_text(CONFIG.replace(right, wrong))
    with pytest.raises(Misconfigured) as refused:
        installation.read(tmp_path / "edge.yaml")
    assert (refused.value.fault.line, refused.value.fault.place) == (12, place)
    assert expected in refused.value.fault.expected


def test_an_option_where_there_is_none_is_refused(tmp_path: Path) -> None:
    head, _, channels = MODBUS.partition("options:")
    (tmp_path / "probe.yaml").write_text(head + channels[channels.index("channels:") :])
    (tmp_path / "edge.yaml").write_text(CONFIG)
    with pytest.raises(Misconfigured, match="it has no options"):
        installation.read(tmp_path / "edge.yaml")
