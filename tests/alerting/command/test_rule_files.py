"""`siloscope alerts check` and `apply`: each fault with file and line, all rules or none."""

from pathlib import Path
from typing import Any

import pytest
from psycopg import Connection

from siloscope_process.command_line import main
from tests.alerting.command.conftest import Alerts
from tests.store.farm import Farm

RULES = """rules:
  - rule: hot
    name: Hot grain
    condition: {kind: threshold, above: 30, clear: 28}
    select: {quantities: [temperature]}
  - rule: silent
    name: Silent
    condition: {kind: no_data}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file of two rules."""
    found = tmp_path / "rules.yaml"
    found.write_text(RULES)
    return found


def check(capsys: pytest.CaptureFixture[str], *files: Path) -> tuple[int, list[str]]:
    code = main(["alerts", "check", *map(str, files)], {})
    said = capsys.readouterr()
    return code, (said.out + said.err).splitlines()


def test_rules_that_can_be_meant_are_counted(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(capsys, file) == (0, [f"{file}: 2 rules"])


def test_every_fault_is_told_with_its_line(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = RULES.replace("clear: 28", "clear: 32").replace("[temperature]", "[temprature]")
    file.write_text(text.replace("rule: silent", "rule: hot"))
    code, lines = check(capsys, file)
    assert code == 78
    places = [line.partition(": found")[0].rpartition("/")[2] for line in lines]
    assert places == [
        "rules.yaml:5: rules[0].select.quantities[0]",
        "rules.yaml:4: rules[0].condition.clear",
        "rules.yaml:6: rules[1].rule",
    ]
    assert "did you mean 'temperature'?" in lines[0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (RULES.replace("kind: no_data", "kind: no_dta"), "rules.yaml:8: rules[1].condition.kind: found 'no_dta'"),
        (RULES.replace("name: Silent", "nmae: Silent"), "did you mean 'name'?"),
        ("", "found nothing"),
        ("rules: [", "expected well-formed YAML"),
    ],
)
def test_what_is_no_rule_is_refused(file: Path, capsys: pytest.CaptureFixture[str], text: str, words: str) -> None:
    file.write_text(text)
    code, lines = check(capsys, file)
    assert code == 78
    assert words in lines[-1]


def test_a_message_that_may_not_be_is_told_with_its_line(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(RULES + "    message:\n      en: '{{ 1'\n      uk: '{% set x = 1 %}'\n")
    code, lines = check(capsys, file)
    assert code == 78
    assert "rules.yaml:10: rules[1].message.en: found line 1: unexpected end of template" in lines[0]
    assert "rules.yaml:11: rules[1].message.uk: found line 1: found assign, expected values, if and for" in lines[1]


def test_a_rule_may_name_one_of_another_file(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    second = file.with_name("second.yaml")
    second.write_text(
        RULES.replace("rule: hot", "rule: warm").replace("silent", "dark") + "    inhibited_by: [silent]\n"
    )
    assert check(capsys, second)[0] == 78
    assert check(capsys, file, second)[0] == 0


@pytest.mark.postgres
def test_only_what_differs_is_applied(alerts: Alerts, farm: Farm, file: Path) -> None:
    assert alerts("apply", file) == (0, "hot: new, version 1\nsilent: new, version 1\n")
    file.write_text(RULES.replace("above: 30", "above: 31"))
    assert alerts("apply", file) == (0, "hot: changed, version 2\nsilent: same, version 1\n")
    code, listed = alerts("rules")
    assert (code, [line.split() for line in listed.splitlines()[1:]]) == (
        *(0,),
        [["hot", "2", "warning", "file", "0"], ["silent", "1", "warning", "file", "0"]],
    )
    _, shown = alerts("rules", "hot", "--versions")
    assert shown.startswith("# version 2, command:siloscope alerts, ")
    assert shown.count("above: 3") == 2


@pytest.mark.postgres
def test_all_rules_are_applied_or_none(alerts: Alerts, owner: Connection[Any], farm: Farm, file: Path) -> None:
    second = file.with_name("second.yaml")
    second.write_text(RULES.replace("rule: hot", "rule: warm").replace("above: 30", "above: 27"))
    code, said = alerts("apply", file, second)
    assert code == 78
    assert "second.yaml:4: rules[0].condition.clear: found 28, expected at most 27" in said
    second.write_text(RULES)
    code, said = alerts("apply", file, second)
    assert (code, "stands in" in said) == (78, True)
    assert owner.execute("SELECT count(*) FROM alert_rule").fetchone() == (0,)


@pytest.mark.postgres
def test_shipped_rules_are_applied_by_name(alerts: Alerts, owner: Connection[Any], farm: Farm) -> None:
    code, said = alerts("apply", "--shipped", "grain-bins")
    assert code == 0, said
    assert owner.execute("SELECT DISTINCT origin FROM alert_rule").fetchall() == [("shipped",)]
    code, said = alerts("apply", "--shipped", "grain-bin")
    assert (code, "did you mean 'grain-bins'?" in said) == (78, True)
    assert alerts("apply")[0] == 78


@pytest.mark.postgres
def test_a_rule_that_others_need_is_not_removed(alerts: Alerts, farm: Farm, file: Path) -> None:
    file.write_text(RULES + "    inhibited_by: [hot]\n")
    alerts("apply", file)
    code, said = alerts("remove", "hot")
    assert (code, said) == (78, "siloscope alerts: rule 'hot' is named by silent: change or remove these first\n")
    assert alerts("remove", "silent")[0] == 0
    assert alerts("remove", "hot")[0] == 0
    assert alerts("remove", "hot") == (78, "siloscope alerts: no rule is named 'hot'\n")
    assert alerts("rules", "cold") == (78, "siloscope alerts: no rule is named 'cold'\n")


@pytest.mark.postgres
def test_of_several_organisations_one_is_named(alerts: Alerts, owner: Connection[Any], farm: Farm, file: Path) -> None:
    foreign = Farm(owner, "theirs")
    code, said = alerts("apply", file)
    assert (code, "name one of ours, theirs" in said) == (78, True)
    assert alerts("apply", file, "--organisation", "theirs")[0] == 0
    assert owner.execute("SELECT DISTINCT org_id FROM alert_rule").fetchall() == [(foreign.org_id,)]
