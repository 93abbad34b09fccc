"""docs/local-alarms.md names every setting with its default, every phase and every channel; its example is one."""

import re
from pathlib import Path

import msgspec
import pytest
import yaml

from siloscope_edge import installation
from siloscope_edge.alarms import channels
from siloscope_edge.alarms.machine import Phase
from siloscope_edge.alarms.outputs import Call, CallOutput, DeviceOutput
from siloscope_edge.alarms.rules import AlarmRule
from tests.house.repository import ROOT
from tests.house.test_examples import shown

PAGE = (ROOT / "docs" / "local-alarms.md").read_text()
TEXTS = {"for_s": "0", "clear_for_s": "0", "latch": "false", "on_unknown": "`hold`", "minimum_interval_s": "10"}
TEXTS |= {"read_back": "true", "timeout_s": "5", "allow_public": "false"}


def rows(heading: str) -> dict[str, str]:
    """Return the names in a table's first column, each with its second."""
    table = PAGE.partition(f"| {heading} |")[2].partition("\n\n")[0]
    cells = [line.split("|") for line in table.splitlines() if line.startswith("| `")]
    return {name: row[2].strip() for row in cells for name in re.findall(r"`(\w+)`", row[1])}


@pytest.mark.parametrize(
    ("heading", "structs"), [("under `alarms:`", [AlarmRule]), ("under `outputs:`", [DeviceOutput, CallOutput])]
)
def test_every_setting_is_in_its_table_with_its_default(heading: str, structs: list[type[msgspec.Struct]]) -> None:
    fields = {field.name: field for struct in structs for field in msgspec.structs.fields(struct)}
    listed = rows(heading)
    assert listed.keys() == fields.keys()
    for name, text in TEXTS.items():
        if name in fields:
            assert listed[name] == text
            assert msgspec.to_builtins(fields[name].default) == yaml.safe_load(text.strip("`"))


def test_every_word_of_a_call_is_named() -> None:
    assert all(f"`{field.name}`" in PAGE for field in msgspec.structs.fields(Call))


def test_every_phase_and_every_kind_of_channel_is_named() -> None:
    for phase in Phase:
        assert re.search(rf"^\| {phase.value} \| {phase.name.lower()}", PAGE, re.MULTILINE)
    for key in (channels.alarm_key, channels.output_key, channels.changes_key):
        assert f"| `{key('<name>')}` |" in PAGE


def test_the_example_is_one(tmp_path: Path) -> None:
    example = re.search(r"```yaml\n# what is added to edge.yaml\n(.*?)```", PAGE, re.DOTALL)
    assert example
    document = yaml.safe_load(shown("edge.yaml"))
    relays = {"name": "relays", "profile": "relay-8ch", "unit_id": 9}
    document["buses"][0]["devices"].append(relays)
    file = tmp_path / "edge.yaml"
    file.write_text(yaml.safe_dump(document) + example[1])
    read = installation.read(file)
    assert [each.name for each in read.outputs] == ["siren", "speaker"]
    assert read.config.alarms[0].name == "bin1-hot"
