"""Writes docs/alerts/rule-sets.md from the rule sets that are shipped: `make docs`."""

from collections.abc import Iterator
from pathlib import Path

from siloscope_alerting.rulesets.shipped import names, shipped
from siloscope_contract.alerts.conditions import (
    All,
    AnyOf,
    BadShare,
    Condition,
    Count,
    Deviation,
    Forecast,
    NoData,
    Not,
    Platform,
    Rate,
    Spread,
    Stuck,
    Threshold,
    Unusual,
)
from siloscope_contract.alerts.rules import Rule
from siloscope_contract.alerts.selectors import Selector
from tests.house.repository import ROOT

PAGE = ROOT / "docs" / "alerts" / "rule-sets.md"
_HEAD = Path(__file__).with_name("rule_sets_head.md")


def page() -> str:
    """Return docs/alerts/rule-sets.md as it should be."""
    return "\n".join([_HEAD.read_text("utf-8"), *(_section(name) for name in names())])


def _section(name: str) -> str:
    lines = [f"## `{name}`", "", "| rule | fires when | severity | source |", "|---|---|---|---|"]
    return "\n".join([*lines, *(_row(rule) for rule in shipped(name)), ""])


def _row(rule: Rule) -> str:
    off = "" if rule.enabled else " (disabled)"
    lasts = "" if rule.hold == "0s" else f", for {rule.hold}"
    cells = (f"`{rule.rule}`{off}<br>{rule.name}", f"{_what(rule.select)}{words(rule.condition)}{lasts}", rule.severity)
    return f"| {' | '.join((*cells, rule.source.strip()))} |"


def _what(select: Selector) -> str:
    told = [*select.quantities, *(f"{key}: {value}" for key, value in select.tags.items()), *select.channels]
    return f"{', '.join(told)}: " if told else ""


def words(condition: Condition) -> str:
    """Return a condition as people say it."""
    return " ".join(_parts(condition))


def _parts(condition: Condition) -> Iterator[str]:
    where = getattr(condition, "where", Selector())
    if where != Selector():
        yield _what(where).removesuffix(": ")
    if getattr(condition, "reads", "value") != "value":
        yield str(getattr(condition, "reads", "")).replace("_", " ")
    yield _kind(condition)


def _kind(condition: Condition) -> str:
    match condition:
        case All() | AnyOf():
            return (" and " if isinstance(condition, All) else " or ").join(
                f"({words(c)})" for c in condition.conditions
            )
        case Not():
            return f"not ({words(condition.condition)})"
        case Threshold():
            return _levels(condition)
        case Rate():
            verb, by = ("rises", condition.rises) if condition.rises is not None else ("falls", condition.falls)
            return f"{verb} by more than {by:g} within {condition.within}"
        case Spread():
            return f"highest less lowest above {condition.above:g}"
        case Deviation():
            return f"more than {condition.above:g} {condition.side} than the median of its neighbours"
        case NoData():
            return f"no data of the {condition.of} for {condition.intervals:g} intervals, at least {condition.at_least}"
        case Stuck():
            within = f", within {condition.tolerance:g}" if condition.tolerance else ""
            return f"ever the same for {condition.within}{within}"
        case BadShare():
            return f"above {condition.above:.0%} of the readings of {condition.within} are bad"
        case Forecast():
            side, level = ("above", condition.above) if condition.above is not None else ("below", condition.below)
            return f"its trend over {condition.trend_over} is {side} {level:g} within {condition.within}"
        case Unusual():
            return f"{condition.beyond:.0%} beyond its own range of {condition.over}"
        case Platform():
            return f"{condition.metric.replace('_', ' ')} above {condition.above:g}"
        case Count():
            return f"so many channels are {condition.state}"


def _levels(condition: Threshold) -> str:
    for name in ("above", "below"):
        level = getattr(condition, name)
        if level is not None:
            return f"{name} {level:g}" + ("" if condition.clear is None else f" (clears at {condition.clear:g})")
    name, band = ("inside", condition.inside) if condition.inside is not None else ("outside", condition.outside)
    return f"{name} {band[0]:g} to {band[1]:g}" if band is not None else ""


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
