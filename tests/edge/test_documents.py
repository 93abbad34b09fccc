"""A wrong file is refused in one line that names file, line, what was found and the nearest right word."""

from pathlib import Path

import pytest

from siloscope_edge import installation, profile_files
from siloscope_edge.errors import Misconfigured
from siloscope_process.documents import Fault

PROFILE = """\
profile: probe
title: A probe
protocol: modbus
limits: {timeout_s: 0.5}
channels:
  - key: t1
    table: holding
    address: 0
    type: int16
    scale: 0.1
    quantity: temperature
    unit: Cel
    valid: [-55, 125]
"""
CONFIG = """\
organisation: demo
site: north-farm
node: yard-pi
mqtt: {host: 127.0.0.1, port: 1883}
data_directory: data
buses:
  - name: heads
    modbus_tcp: {host: 127.0.0.1, port: 15021}
    devices:
      - name: head-1
        profile: r4dcb08
        unit_id: 1
        period_s: 10
  - name: mast
    wxt: {port: tty/mast, baud: 19200}
    devices:
      - {name: mast-wxt, profile: wxt520, address: "0"}
"""


def refusal_of_profile(directory: Path, text: str) -> Fault:
    file = directory / "probe.yaml"
    file.write_text(text)
    with pytest.raises(Misconfigured) as refused:
        profile_files.read(file)
    assert str(refused.value) == str(refused.value.fault)
    return refused.value.fault


def refusal_of_config(directory: Path, text: str) -> Fault:
    file = directory / "edge.yaml"
    file.write_text(text)
    with pytest.raises(Misconfigured) as refused:
        installation.read(file)
    assert str(refused.value) == str(refused.value.fault)
    return refused.value.fault


@pytest.mark.parametrize(
    ("right", "wrong", "line", "place", "expected"),
    [
        ("timeout_s", "timout_s", 4, "limits.timout_s", "did you mean 'timeout_s'?"),
        ("    scale", "    skale", 10, "channels[0].skale", "did you mean 'scale'?"),
        ("holding", "holdings", 7, "channels[0].table", "did you mean 'holding'?"),
        ("int16", "inr16", 9, "channels[0].type", "did you mean 'int16'?"),
        ("protocol: modbus", "protocol: modbuss", 3, "protocol", "did you mean 'modbus'?"),
        ("address: 0", "address: 70000", 8, "channels[0].address", "65535"),
        ("address: 0", "address: zero", 8, "channels[0].address", "int"),
        ("quantity: temperature", "quantity: temperatur", 11, "channels[0].quantity", "did you mean 'temperature'?"),
        ("unit: Cel", "unit: C", 12, "channels[0].unit", "'Cel', the unit of temperature"),
        ("valid: [-55, 125]", "valid: [125, -55]", 13, "channels[0].valid", "low before high"),
        ("key: t1", "key: T1", 6, "channels[0].key", "a-z"),
        ("profile: probe", "profile: prob", 1, "profile", "'probe', the file's name"),
        ("scale: 0.1", "deadband: 0.1", 10, "channels[0].deadband", "'heartbeat_s' in the profile"),
        ("scale: 0.1", "lively_change: 0.1", 10, "channels[0].lively_change", "'fast' in the profile"),
        ("scale: 0.1", "scale: 0", 10, "channels[0].scale", "anything but 0"),
        ("scale: 0.1", "loop: {at_4_ma: 1, at_20_ma: 1}", 10, "channels[0].loop", "two ends that differ"),
        ("scale: 0.1", "bit: 3", 10, "channels[0].bit", "no 'bit' for a int16 of holding"),
        ("type: int16", "type: bit", 6, "channels[0].bit", "'bit' for a bit in a register"),
        ("type: int16", "type: string", 6, "channels[0].words", "'words' for a string in a register"),
        (
            "type: int16",
            "type: bitfield\n    bits: [7, 4]",
            10,
            "channels[0].bits",
            "the lowest bit before the highest",
        ),
        ("table: holding", "table: coil", 9, "channels[0].type", "'bit', all that a coil can hold"),
        ("scale: 0.1", "negative_from: 10000", 10, "channels[0].negative_from", "an unsigned type"),
        ("scale: 0.1", "byte_order: CDAB", 10, "channels[0].byte_order", "ABCD or BADC for one register"),
        ("scale: 0.1", "texts: {OPEN: 1}", 10, "channels[0].texts", "texts of a string only"),
        ("title: A probe\n", "", 1, "title", "a value for 'title'"),
        ("scale: 0.1", "sentinels: [{raw: 0x18000}]", 10, "channels[0].sentinels[0]", "at most 0xffff"),
        ("scale: 0.1", "sentinels: [{raw: 1, reason: mising}]", 10, "channels[0].sentinels[0].reason", "one of"),
        (
            "type: int16",
            "type: float32\n    byte_order: ABDC",
            10,
            "channels[0].byte_order",
            "one of ABCD, BADC, CDAB, DCBA",
        ),
    ],
)
def test_a_wrong_profile_is_refused(
    tmp_path: Path, right: str, wrong: str, line: int, place: str, expected: str
) -> None:
    assert right in PROFILE
    refused = refusal_of_profile(tmp_path, PROFILE.replace(right, wrong))
    assert refused.line == line
    assert refused.place == place
    assert expected in refused.expected
    assert "\n" not in str(refused)
    assert str(refused).startswith(f"{tmp_path / 'probe.yaml'}:{line}: {place}: found ")


def test_a_right_profile_is_read_and_its_defaults_are_spread(tmp_path: Path) -> None:
    file = tmp_path / "probe.yaml"
    file.write_text(PROFILE.replace("channels:", "defaults: {resolution: 0.1}\nchannels:"))
    (channel,) = profile_files.read(file).channels
    assert channel.resolution == 0.1
    assert channel.valid == (-55, 125)


@pytest.mark.parametrize(
    ("right", "wrong", "line", "place", "expected"),
    [
        ("organisation", "organization", 1, "organization", "did you mean 'organisation'?"),
        ("profile: r4dcb08", "profile: r4dcb80", 11, "buses[0].devices[0].profile", "did you mean 'r4dcb08'?"),
        ("profile: r4dcb08", "profile: wxt520", 11, "buses[0].devices[0].profile", "a profile of protocol modbus"),
        ("unit_id: 1", "unit_id: 300", 12, "buses[0].devices[0].unit_id", "255"),
        ("        unit_id: 1\n", "", 10, "buses[0].devices[0].unit_id", "unit_id"),
        ("name: mast-wxt", "name: head-1", 17, "buses[1].devices[0].name", "each device name once"),
        ("name: mast-wxt", "name: agent", 17, "buses[1].devices[0].name", "each device name once"),
        ("site: north-farm", "site: North Farm", 2, "site", "a-z"),
        ("port: 15021", "prot: 15021", 8, "buses[0].modbus_tcp.prot", "did you mean 'port'?"),
        ("    modbus_tcp: {host: 127.0.0.1, port: 15021}\n", "", 7, "buses[0]", "exactly one of"),
        ("data_directory: data\n", "", 1, "data_directory", "a value for 'data_directory'"),
        (
            "data_directory: data",
            "data_directory: data\nprofile_directories: [none]",
            6,
            "profile_directories[0]",
            "directory",
        ),
        (
            "data_directory: data",
            "data_directory: data\nclock: {source: file}",
            6,
            "clock.file",
            "where clock.source is",
        ),
        ("data_directory: data", "data_directory: data\nclock: {source: krnl}", 6, "clock.source", "'kernel'"),
        ("data_directory: data", "data_directory: data\nclock: {wait: 3}", 6, "clock.wait", "'wait_s'"),
        ("port: 1883", "port: 1883, tls: {key_file: a}", 4, "mqtt.tls", "or none of them"),
    ],
)
def test_a_wrong_configuration_is_refused(
    tmp_path: Path, right: str, wrong: str, line: int, place: str, expected: str
) -> None:
    assert right in CONFIG
    refused = refusal_of_config(tmp_path, CONFIG.replace(right, wrong))
    assert (refused.line, refused.place) == (line, place)
    assert expected in refused.expected


def test_two_buses_may_not_share_a_port(tmp_path: Path) -> None:
    again = CONFIG.replace("wxt: {port: tty/mast, baud: 19200}", "modbus_tcp: {host: 127.0.0.1, port: 15021}").replace(
        'profile: wxt520, address: "0"', "profile: r4dcb08, unit_id: 2"
    )
    assert "'heads' has this one" in refusal_of_config(tmp_path, again).expected


def test_relative_paths_start_at_the_configuration(tmp_path: Path) -> None:
    file = tmp_path / "edge.yaml"
    file.write_text(CONFIG.replace("port: 1883", "port: 1883, password_file: secret"))
    found = installation.read(file)
    assert found.config.data_directory == str(tmp_path / "data")
    assert found.config.mqtt.password_file == str(tmp_path / "secret")
    assert found.config.buses[1].line.port == str(tmp_path / "tty/mast")
    (tmp_path / "secret").write_text("hush\n")
    assert installation.password(found.config.mqtt) == "hush"


def test_a_profile_of_ones_own_replaces_a_shipped_one(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    shipped = (profile_files.shipped_directory() / "r4dcb08.yaml").read_text()
    (tmp_path / "mine" / "r4dcb08.yaml").write_text(shipped.replace("period_s: 60", "period_s: 7"))
    file = tmp_path / "edge.yaml"
    file.write_text(CONFIG.replace("        period_s: 10\n", "") + "profile_directories: [mine]\n")
    assert installation.read(file).instruments["heads"][0].period_s == 7


def test_nothing_and_no_file_are_refused_too(tmp_path: Path) -> None:
    assert "object" in refusal_of_config(tmp_path, "").expected
    with pytest.raises(Misconfigured, match="a readable YAML file"):
        installation.read(tmp_path / "absent.yaml")
