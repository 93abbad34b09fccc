"""What alarms and outputs may say, and that whatever cannot be meant is refused with its line and the nearest word."""

from pathlib import Path

import pytest

from siloscope_contract.births import decode_birth, encode
from siloscope_edge import announcing, checking, installation
from siloscope_edge.alarms.outputs import CallOutput
from siloscope_edge.drivers.modbus.output import ModbusOutput
from siloscope_edge.errors import Misconfigured
from tests.edge.test_documents import CONFIG

ALARMS = """\
outputs:
  - {name: siren, device: head-1, coil: 3, minimum_interval_s: 5}
  - name: lamp
    device: head-1
    register: 7
    on_value: 256
    function: multiple
    read_back: false
  - name: speaker
    switch_on: {url: "http://192.168.1.20/say?what=hot"}
    switch_off: {url: "http://192.168.1.20/hush", method: POST, json: {quiet: true}}
alarms:
  - name: hot
    title: Bin 1 is hot
    device: head-1
    channels: [t1, t2]
    above: 35
    clear: 32
    for_s: 60
    clear_for_s: 300
    switches: [siren, speaker]
  - {name: frost, device: mast-wxt, channels: [temperature], below: 0, on_unknown: activate, latch: true}
"""


def read(directory: Path, text: str = CONFIG + ALARMS) -> installation.Installation:
    file = directory / "edge.yaml"
    file.write_text(text)
    return installation.read(file)


def test_outputs_are_read_as_their_drivers_understand_them(tmp_path: Path) -> None:
    siren, lamp, speaker = read(tmp_path).outputs
    assert isinstance(siren, ModbusOutput)
    assert isinstance(lamp, ModbusOutput)
    assert isinstance(speaker, CallOutput)
    assert (siren.coil, siren.checked_every_s, siren.minimum_interval_s) == (3, 60, 5)
    assert (lamp.register, lamp.on_value, lamp.checked_every_s) == (7, 256, None)
    assert speaker.switch_off is not None
    assert speaker.switch_off.json == {"quiet": True}


def test_the_dry_run_says_what_would_be_written(tmp_path: Path) -> None:
    told = [line for line in checking.described(read(tmp_path)) if line.startswith(("output", "alarm"))]
    assert told == [
        "output siren: would write coil 3 1 (FC05) or coil 3 0 (FC05) of head-1, and reads it back, at most every 5 s",
        "output lamp: would write register 7 256 (FC16) or register 7 0 (FC16) of head-1, and believes it, "
        "at most every 10 s",
        "output speaker: would call GET http://192.168.1.20/say?…, and POST http://192.168.1.20/hush for off, "
        "at most every 10 s",
        "alarm hot: head-1 t1 or t2 above 35 for 60 s, clears at 32 for 300 s, no reading changes nothing: "
        "switches siren, speaker",
        "alarm frost: mast-wxt temperature below 0 for 0 s, clears at 0 for 0 s, no reading opens it, "
        "stays until it is reset: is reported only",
    ]


def test_alarms_and_outputs_are_announced_as_a_device(tmp_path: Path) -> None:
    (page,) = announcing.births(announcing.devices(read(tmp_path)), "s", [], {}, None)
    device = decode_birth(encode(page)).devices[-1]
    assert (device.name, device.groups[0].interval_s) == ("alarms", 60)
    assert [each.key for each in device.groups[0].channels] == [
        "alarm_hot",
        "alarm_frost",
        "output_siren",
        "changes_siren",
        "output_lamp",
        "changes_lamp",
        "output_speaker",
        "changes_speaker",
    ]
    assert device.groups[0].channels[0].title == "Bin 1 is hot: 0 calm, 1 pending, 2 open, 3 clearing, 4 latched"


@pytest.mark.parametrize(
    ("before", "after", "line", "words"),
    [
        ("device: head-1, coil", "device: haed-1, coil", 19, "outputs[0].device: found 'haed-1', expected one of"),
        ("device: head-1, coil", "device: [head-1], coil", 19, "outputs[0].device: found"),
        ("device: head-1, coil", "device: mast-wxt, coil", 19, "a device that can be switched; wxt cannot"),
        ("coil: 3", "coil: 3, register: 4", 19, "outputs[0]: found 'both', expected either a coil or a register"),
        ("coil: 3", "coli: 3", 19, "did you mean 'coil'"),
        ("coil: 3", "coil: 3, on_value: 2", 19, "none: a coil is 1 or 0"),
        ("coil: 3", "coil: 70000", 19, "outputs[0].coil"),
        ("minimum_interval_s: 5", "minimum_interval_s: 0", 19, "outputs[0].minimum_interval_s"),
        ("on_value: 256", "on_value: 0", 20, "another value than on_value"),
        ("name: lamp", "name: siren", 20, "outputs[1].name: found 'siren', expected each name once"),
        ("register: 7\n    on_value: 256", "coil: 3", 20, "a point of its own; output 'siren' has this one"),
        ("192.168.1.20/say", "8.8.8.8/say", 27, "a host on this machine or a private network"),
        ("192.168.1.20/say", "me:secret@192.168.1.20/say", 27, "a URL without a user and a password in it"),
        ("http://192.168.1.20/say", "ftp://192.168.1.20/say", 27, "a URL of http or https"),
        ("method: POST, ", "", 28, "method POST where there is a json body"),
        ("switch_on", "switch_no", 26, "a device, or a URL to call under switch_on"),
        ("device: head-1\n    channels", "device: head\n    channels", 32, "alarms[0].device: found 'head'"),
        ("[t1, t2]", "[t1, t9]", 33, "alarms[0].channels[1]: found 't9'"),
        ("above: 35", "above: 35\n    below: 3", 30, "either above or below"),
        ("above: 35", "above: 350", 34, "a level that t1 can pass: -55 to 84.9 Cel"),
        ("above: 35", "above: .nan", 34, "expected a number"),
        ("clear: 32", "clear: 36", 35, "a level at or below 35"),
        ("[siren, speaker]", "[siren, speker]", 38, "did you mean 'speaker'"),
        ("name: hot", "name: speaker", 30, "each name once among alarms and outputs"),
        ("name: hot", "name: Hot Bin", 30, "alarms[0].name: found 'Hot Bin'"),
        ("on_unknown: activate", "unknown_for_s: 5", 39, "on_unknown: activate with it"),
        ("on_unknown: activate", "on_unknown: ring", 39, "one of activate, hold"),
        ("name: head-1", "name: alarms", None, "the alarms have this one"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path: Path, before: str, after: str, line: int | None, words: str) -> None:
    text = CONFIG + ALARMS
    assert before in text
    text = text.replace(before, after, 1)
    if after == "name: alarms":
        text = text.replace("device: head-1", "device: alarms")
    with pytest.raises(Misconfigured) as refused:
        read(tmp_path, text)
    assert words in str(refused.value)
    assert "secret" not in str(refused.value)
    assert line is None or f"edge.yaml:{line}: " in str(refused.value)
