"""The page of every field is what the code says; each subcommand explains itself."""

import re
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from siloscope_alerting.command.main import SUBCOMMANDS
from siloscope_alerting.command.reference import page
from siloscope_alerting.command.rule_files import RuleDocument
from siloscope_contract.alerts.conditions import Condition
from siloscope_contract.alerts.rules import Rule
from siloscope_process.command_line import main
from tests.house.repository import ROOT


def test_the_page_is_what_the_code_says() -> None:
    assert (ROOT / "docs" / "alerts" / "rules-reference.md").read_text() == page(), "run: make docs"


def test_the_rule_that_is_explained_can_be_meant(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "alerts" / "rules.md").read_text()
    (example,) = re.findall(r"```yaml\n(rules:.*?)```", text, re.DOTALL)
    file = tmp_path / "rules.yaml"
    file.write_text(example)
    sensor = msgspec.convert({"rule": "sensor-fails", "name": "x", "condition": {"kind": "no_data"}}, Rule)
    assert list(RuleDocument.read(file).faults({"sensor-fails": sensor})) == []


def test_every_kind_and_field_is_on_the_page() -> None:
    text = page()
    for kind in get_args(Condition):
        assert f"### `kind: {kind.__struct_config__.tag}`" in text
        assert all(f"| `{field.name}` |" in text for field in msgspec.structs.fields(kind))
    assert all(f"| `{field.name}` |" in text for field in msgspec.structs.fields(Rule))


def test_no_cell_is_torn() -> None:
    rows = [line for line in page().splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {3, 5}


@pytest.mark.parametrize("name", [each.name for each in SUBCOMMANDS])
def test_every_subcommand_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["alerts", name, "--help"], {})
    assert name in capsys.readouterr().out


def test_no_two_subcommands_have_one_name() -> None:
    assert len({each.name for each in SUBCOMMANDS}) == len(SUBCOMMANDS)
