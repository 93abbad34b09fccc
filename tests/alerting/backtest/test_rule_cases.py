"""Rules on series: a folder a case, named for what happened; `siloscope alerts test` runs the same folders."""

from pathlib import Path
from shutil import copytree

import pytest

from siloscope_alerting.backtest.cases import EXPECTED, RULE, accept, folders_of, run_case
from siloscope_alerting.errors import RuleRefused

CASES = Path(__file__).parent.parent / "rule_cases"
FOLDERS = folders_of([CASES])
DOOR = CASES / "a-door-stands-open"


def test_a_place_without_a_case_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RuleRefused, match=r"found no rule test, expected a folder with rule\.yaml"):
        folders_of([CASES, tmp_path])


def test_all_cases_are_met() -> None:
    assert len(FOLDERS) == len([each for each in CASES.iterdir() if each.is_dir()]) >= 12


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
async def test_what_happened_causes_these_transitions(folder: Path) -> None:
    result = await run_case(folder)
    assert not result.differences, "\n".join(result.differences)


async def test_another_outcome_than_expected_is_shown(tmp_path: Path) -> None:
    folder = copytree(DOOR, tmp_path / "case")
    expected = folder / EXPECTED
    expected.write_text(expected.read_text("utf-8").replace("firing (held)", "ok (not_held)"), "utf-8")
    differences = (await run_case(folder)).differences
    assert "-2026-01-05T03:15:00Z chilled-too-warm room: ok (not_held)" in differences
    assert "+2026-01-05T03:15:00Z chilled-too-warm room: firing (held)" in differences


async def test_what_was_accepted_is_expected_and_until_stays(tmp_path: Path) -> None:
    folder = copytree(DOOR, tmp_path / "case")
    (folder / EXPECTED).write_text("until: '2026-01-05T12:00:00Z'\n", "utf-8")
    before = await run_case(folder)
    assert before.differences
    accept(before)
    assert not (await run_case(folder)).differences
    assert "until: '2026-01-05T12:00:00Z'" in (folder / EXPECTED).read_text("utf-8")


async def test_silence_after_the_last_row_counts_up_to_the_end_of_the_test(tmp_path: Path) -> None:
    folder = copytree(DOOR, tmp_path / "case")
    (folder / RULE).write_text("shipped: cold-rooms\nonly: [cold-room-sensor-silent]\n", "utf-8")
    assert (await run_case(folder)).report.transitions == []
    (folder / EXPECTED).write_text("until: '2026-01-05T12:00:00Z'\n", "utf-8")
    found = (await run_case(folder)).report
    assert [firing.rule for firing in found.firings] == ["cold-room-sensor-silent"]
    assert found.firings[0].ended is None


@pytest.mark.parametrize(
    ("file", "text", "refusal"),
    [
        (RULE, "shipped: cold-room\n", "found 'cold-room', expected a known one; did you mean 'cold-rooms'"),
        (RULE, "shipped: cold-rooms\nonly: [chilled-warm]\n", "did you mean 'chilled-too-warm'"),
        (RULE, "rules: []\n", "found no rule, expected rules, or the name of a shipped set"),
        (
            RULE,
            "rules: [{rule: hot, name: Hot, condition: {kind: threshold, above: 30, clear: 31}}]\n",
            r"hot: condition\.clear: found 31, expected at most 30",
        ),
        (EXPECTED, "until: tomorrow\n", "until: found 'tomorrow', expected a time"),
    ],
)
async def test_a_case_that_cannot_be_meant_is_refused(tmp_path: Path, file: str, text: str, refusal: str) -> None:
    folder = copytree(DOOR, tmp_path / "case")
    (folder / file).write_text(text, "utf-8")
    with pytest.raises(RuleRefused, match=refusal):
        await run_case(folder)
