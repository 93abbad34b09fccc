"""The shipped rule sets: each can be meant, says where its levels are from, and stands in the docs."""

import re

import pytest

from siloscope_alerting.errors import RuleRefused
from siloscope_alerting.rulesets.shipped import names, shipped
from siloscope_contract.alerts.rules import Rule
from siloscope_contract.alerts.validation import faults

RULES = [(name, rule) for name in names() for rule in shipped(name)]
EACH = pytest.mark.parametrize(("name", "rule"), RULES, ids=[rule.rule for _, rule in RULES])
ROUTINE = {"sensors", "aeration", "comfort", "disease", "spraying"}


def test_an_unknown_set_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(RuleRefused, match="found 'grain-bin', expected a known one; did you mean 'grain-bins'"):
        shipped("grain-bin")


def test_grain_cold_rooms_masts_rooms_and_the_platform_have_a_set() -> None:
    assert names() == ["cold-rooms", "grain-bins", "indoor-temperature", "platform", "weather-masts"]


@EACH
def test_a_shipped_rule_can_be_meant(name: str, rule: Rule) -> None:
    known = {each.rule: each for each in shipped(name)}
    assert list(faults(rule, known)) == []


@EACH
def test_a_shipped_rule_says_where_its_levels_are_from(name: str, rule: Rule) -> None:
    assert re.search(r"practice|Practice|\d", rule.source), "neither a source with figures nor the word practice"
    assert len(rule.source) >= 20
    assert rule.labels["set"] == name


@EACH
def test_critical_is_not_what_is_routine(name: str, rule: Rule) -> None:
    if rule.severity == "critical":
        assert rule.labels["about"] not in ROUTINE


def test_no_two_rules_of_all_sets_have_one_name() -> None:
    slugs = [rule.rule for _, rule in RULES]
    assert len(slugs) == len(set(slugs))
