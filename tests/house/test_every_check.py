"""The run of all checks is honest: what fails, or is missing where nothing may be, fails the run."""

import sys

import pytest

from tests.components import REQUIRE_ALL, component_missing
from tests.every_check import Check, Outcome, run_check, table


def check(code: str, name: str = "a check", missing: str | None = None) -> Check:
    return Check(name, [sys.executable, "-c", code], missing=missing)


@pytest.mark.parametrize(
    ("found", "verdict", "failed"),
    [
        (check("pass"), "ok", False),
        (check("raise SystemExit(3)"), "FAILED with code 3", True),
        (check("raise SystemExit(5)", "pytest"), "FAILED: no test ran", True),
    ],
)
def test_a_check_ends_as_its_command_does(found: Check, verdict: str, *, failed: bool) -> None:
    outcome = run_check(found, {})
    assert (outcome.verdict, outcome.failed) == (verdict, failed)


def test_a_missing_tool_is_left_out_by_name_and_fails_where_everything_is_required() -> None:
    lacking = check("pass", missing="npm is missing")
    assert run_check(lacking, {}).verdict == "left out: npm is missing"
    assert run_check(lacking, {REQUIRE_ALL: "1"}).failed


def test_a_missing_component_skips_and_fails_where_everything_is_required() -> None:
    with pytest.raises(pytest.skip.Exception, match="Chromium is missing: not installed"):
        component_missing({}, "Chromium", "not installed")
    with pytest.raises(pytest.fail.Exception, match=f"required by {REQUIRE_ALL} and is missing"):
        component_missing({REQUIRE_ALL: "1"}, "Chromium", "not installed")


def test_the_table_says_what_ran_and_how_long_it_took() -> None:
    lines = list(table([Outcome("mypy --strict", "ok", 12.34), Outcome("pytest", "FAILED with code 1", 60.0)]))
    assert [line.split() for line in lines] == [
        ["mypy", "--strict", "12.3", "s", "ok"],
        ["pytest", "60.0", "s", "FAILED", "with", "code", "1"],
        ["together", "72.3", "s"],
    ]
