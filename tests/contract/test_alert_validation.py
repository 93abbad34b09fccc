"""What a rule cannot mean: place, found, and expected with the nearest right word."""

from typing import Any

import msgspec
import pytest

from siloscope_contract.alerts.rules import Rule
from siloscope_contract.alerts.validation import faults, named_by

HOT: dict[str, Any] = {
    "rule": "hot",
    "name": "Hot",
    "condition": {"kind": "threshold", "above": 30, "clear": 28},
    "select": {"quantities": ["temperature"]},
}


def rule(**changes: Any) -> Rule:
    return msgspec.convert(HOT | changes, Rule)


def refusals(changes: dict[str, Any], *others: Rule) -> list[tuple[str, str, str]]:
    judged = rule(**changes)
    known = {each.rule: each for each in (*others, judged)}
    return [(".".join(map(str, each.path)), each.found, each.expected) for each in faults(judged, known)]


def condition(**said: Any) -> dict[str, Any]:
    return {"condition": said}


def test_a_plain_rule_has_no_fault() -> None:
    assert refusals({}) == []


@pytest.mark.parametrize(
    ("changes", "place", "words"),
    [
        ({"select": {"quantities": ["temprature"]}}, "select.quantities.0", "did you mean 'temperature'?"),
        (condition(kind="threshold"), "condition", "exactly one of above, below, inside, outside"),
        (condition(kind="threshold", above=3, below=1), "condition", "exactly one of"),
        (condition(kind="threshold", above=30, clear=31), "condition.clear", "at most 30: the good side"),
        (condition(kind="threshold", below=2, clear=1), "condition.clear", "at least 2: the good side"),
        (condition(kind="threshold", above=30, clear=[1, 2]), "condition.clear", "one number"),
        (condition(kind="threshold", inside=[4, 2]), "condition.inside", "the lower number first"),
        (condition(kind="threshold", inside=[2, 8], clear=5), "condition.clear", "a band of two numbers"),
        (condition(kind="threshold", outside=[2, 8], clear=[1, 9]), "condition.clear", "a band within [2, 8]"),
        (condition(kind="threshold", inside=[2, 8], clear=[3, 7]), "condition.clear", "a band around [2, 8]"),
        (condition(kind="threshold", above=3_030), "condition.above", "temperature in Cel, which is from -273.15"),
        (condition(kind="threshold", above=-400), "condition.above", "from -273.15 to 1500"),
        (condition(kind="threshold", above=14, reads="equilibrium_moisture"), "condition.above", "from 0 to 1"),
        (condition(kind="rate", rises=2, falls=1, within="1h"), "condition", "exactly one of rises, falls"),
        (condition(kind="rate", rises=2, within="1h", clear=3), "condition.clear", "at most 2"),
        (condition(kind="rate", rises=2, within="0s"), "condition.within", "a window above 0s"),
        (condition(kind="rate", rises=2, within="52w"), "condition.within", "at most 13w"),
        (condition(kind="forecast", within="6h", trend_over="2d"), "condition", "exactly one of above, below"),
        (condition(kind="spread", above=2, clear=3), "condition.clear", "at most 2"),
        (condition(kind="unusual", over="2d", but="2d"), "condition.but", "less than over, which is 2d"),
        (condition(kind="count", state="firing"), "condition", "exactly one of at_least, share"),
        (condition(kind="count", state="firing", rule="ht", at_least=1), "condition.rule", "did you mean 'hot'?"),
        (condition(kind="count", state="silent", rule="hot", at_least=1), "condition.rule", "no rule: 'silent'"),
        ({"schedule": [{"days": []}]}, "schedule.0.days", "at least one day"),
        ({"message": {"uk": "Гаряче"}}, "message", "en among them"),
        ({"message": {"en": "x" * 8_193}}, "message.en", "at most 8192 characters"),
        ({"inhibited_by": ["hot"]}, "inhibited_by.0", "another rule than this one"),
        ({"inhibited_by": ["heat"]}, "inhibited_by.0", "a rule; "),
        ({"flapping": {"within": "0s"}}, "flapping.within", "a window above 0s"),
    ],
)
def test_what_cannot_be_meant_is_named(changes: dict[str, Any], place: str, words: str) -> None:
    (found,) = refusals(changes)
    assert found[0] == place
    assert words in found[2]


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        (condition(kind="threshold", above=float("nan")), "condition.above"),
        (condition(kind="threshold", inside=[0, float("inf")]), "condition.inside.1"),
        ({"flapping": {"firings": 10**30}}, "flapping.firings"),
        ({"name": "Hot\0"}, "name"),
        ({"labels": {"team": "\ud800"}}, "labels.team"),
        ({"labels": {"te\0am": "store"}}, "labels"),
    ],
)
def test_what_no_document_can_hold_is_refused(changes: dict[str, Any], place: str) -> None:
    ((found, _, _),) = refusals(changes)
    assert found == place


def test_a_fault_deep_inside_has_its_whole_place() -> None:
    inner = {"kind": "threshold", "where": {"quantities": ["co3"]}, "above": 1}
    nested = {"kind": "all", "conditions": [{"kind": "no_data"}, {"kind": "not", "condition": inner}]}
    ((place, found, expected),) = refusals({"condition": nested})
    assert place == "condition.conditions.1.condition.where.quantities.0"
    assert (found, expected) == ("'co3'", "a known one; did you mean 'co2'?")


def test_conditions_have_a_floor() -> None:
    nested: dict[str, Any] = HOT["condition"]
    for _ in range(7):
        nested = {"kind": "not", "condition": nested}
    assert refusals({"condition": nested}) == []
    ((_, _, expected),) = refusals({"condition": {"kind": "not", "condition": nested}})
    assert expected == "conditions nested at most 8 deep"


def test_the_own_where_says_the_quantity_of_a_level() -> None:
    """A rule about humidity whose level is in per cent stands, whatever the rule around it selects."""
    where = {"quantities": ["relative_humidity"]}
    assert refusals(condition(kind="threshold", above=80, where=where)) == []
    ((place, _, _),) = refusals(condition(kind="threshold", above=180, where=where))
    assert place == "condition.above"


def test_rules_that_keep_each_other_quiet_are_a_circle() -> None:
    second = rule(rule="second", inhibited_by=["third"])
    third = rule(rule="third", inhibited_by=["hot"])
    ((place, found, _),) = refusals({"inhibited_by": ["second"]}, second, third)
    assert (place, found) == ("inhibited_by.0", "hot → second → third → hot")
    assert refusals({"inhibited_by": ["second"]}, second, rule(rule="third")) == []


def test_a_rule_names_what_inhibits_it_and_what_it_counts() -> None:
    counts = {"kind": "count", "state": "firing", "rule": "heat", "at_least": 2}
    nested = {"kind": "any", "conditions": [{"kind": "not", "condition": counts}, HOT["condition"]]}
    assert named_by(rule(condition=nested, inhibited_by=["silent", "hot"])) == {"heat", "silent"}
