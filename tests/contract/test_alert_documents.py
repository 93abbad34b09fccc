"""Rules and routes as documents: what is refused, and what a rule is where it says little."""

from typing import Any

import msgspec
import pytest

from siloscope_contract.alerts.conditions import All, NoData, Not, Threshold
from siloscope_contract.alerts.routes import NotifyFile
from siloscope_contract.alerts.rules import Rule, RuleFile
from siloscope_contract.alerts.spans import seconds
from siloscope_contract.alerts.words import Severity

HOT = {"rule": "hot", "name": "Hot", "condition": {"kind": "threshold", "above": 30, "clear": 28}}


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"rule": "Hot bin"}, "regex"),
        ({"condition": {"kind": "treshold", "above": 30}}, "Invalid value 'treshold'"),
        ({"condition": {"kind": "threshold", "abvoe": 30}}, "unknown field `abvoe`"),
        ({"severity": "urgent"}, "Invalid enum value 'urgent'"),
        ({"hold": "30 minutes"}, "regex"),
        ({"condition": {"kind": "all", "conditions": []}}, "length >= 1"),
        ({"schedule": [{"since": "24:00"}]}, "regex"),
        ({"select": {"quantities": ["Temperature"]}}, "regex"),
    ],
)
def test_a_wrong_rule_is_refused(change: dict[str, Any], refusal: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=refusal):
        msgspec.convert({"rules": [HOT | change]}, RuleFile, strict=True)


def test_a_rule_that_says_little_is_a_warning_about_everything_at_once() -> None:
    found = msgspec.convert(HOT, Rule, strict=True)
    assert found.condition == Threshold(above=30.0, clear=28.0)
    assert (found.severity, found.hold, found.clear_hold, found.per) == (Severity.WARNING, "0s", "0s", None)


def test_conditions_nest_and_come_back_from_json_as_they_were() -> None:
    inner = {"kind": "all", "conditions": [HOT["condition"], {"kind": "not", "condition": {"kind": "no_data"}}]}
    found = msgspec.convert(HOT | {"condition": inner}, Rule, strict=True)
    assert found.condition == All(conditions=(Threshold(above=30.0, clear=28.0), Not(condition=NoData())))
    assert msgspec.json.decode(msgspec.json.encode(found), type=Rule) == found


def test_a_route_needs_somebody_to_tell() -> None:
    with pytest.raises(msgspec.ValidationError, match="length >= 1"):
        msgspec.convert({"routes": [{"route": "all", "steps": [{"channels": []}]}]}, NotifyFile, strict=True)


@pytest.mark.parametrize(("span", "expected"), [("0s", 0), ("90s", 90), ("30m", 1_800), ("2w", 1_209_600)])
def test_a_span_is_so_many_seconds(span: str, expected: int) -> None:
    assert seconds(span) == expected


@pytest.mark.parametrize("span", ["", "30", "m", "-5m", "1.5h", "05m", "30m "])
def test_what_is_no_span_is_refused(span: str) -> None:
    with pytest.raises(ValueError, match="no length of time"):
        seconds(span)


def test_severities_have_an_order() -> None:
    assert [each.rank for each in (Severity.INFO, Severity.WARNING, Severity.CRITICAL)] == [0, 1, 2]
