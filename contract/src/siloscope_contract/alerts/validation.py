"""What a rule says and cannot mean: judged the same for a file, the API and the command line. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from typing import Any, NamedTuple

from msgspec import Struct, to_builtins

from siloscope_contract.alerts.builtin import RESERVED
from siloscope_contract.alerts.conditions import (
    All,
    AnyOf,
    BadShare,
    Condition,
    Count,
    Deviation,
    Forecast,
    Leaf,
    Not,
    Platform,
    Rate,
    Spread,
    Threshold,
    Unusual,
)
from siloscope_contract.alerts.rules import Rule
from siloscope_contract.alerts.selectors import Selector
from siloscope_contract.alerts.spans import seconds
from siloscope_contract.errors import one_of
from siloscope_contract.quantities import QUANTITIES, Quantity

Path = tuple[str | int, ...]
_DEEPEST = 8
_MOST = 2**53
"""What JSON says exactly; databases and columns take no number that is much larger."""
_UNFIT = re.compile("[\\x00\\ud800-\\udfff]")
_LONGEST_TEMPLATE = 8_192
_LONGEST_WINDOW_S = 92 * 86_400
_READS = {
    "dew_point": (-100.0, 100.0),
    "dew_point_depression": (0.0, 150.0),
    "vapour_pressure_deficit": (0.0, 100.0),
    "delta_t": (0.0, 60.0),
    "equilibrium_moisture": (0.0, 1.0),
}
"""What a derived reading can be at most, in its unit: Cel, K, kPa, K and a share."""


class Problem(NamedTuple):
    """One thing that cannot be meant.

    Attributes:
        path: Where it stands within the rule: ``("condition", "clear")``.
        found: As it may be shown.
        expected: What would have been right, with the nearest right word.
    """

    path: Path
    found: str
    expected: str


def faults(rule: Rule, known: Mapping[str, Rule]) -> Sequence[Problem]:
    """Return everything that cannot be meant, in the order of the document.

    Args:
        rule: As it was read.
        known: Every rule of the organisation by slug, with the ones that are about to be applied.
    """
    if unfit := unfit_values(rule):
        return unfit
    return [
        *_of_name(rule),
        *_of_selector(rule.select, ("select",)),
        *_of_condition(rule.condition, rule.select, ("condition",), known, depth=1),
        *_of_hours(rule),
        *_of_message(rule),
        *_of_inhibition(rule, known),
        *_of_flapping(rule),
    ]


def unfit_values(document: Struct) -> Sequence[Problem]:
    """Return the values that no document can hold: numbers that are none, and signs that no database takes."""
    return list(_unfit(to_builtins(document), ()))


def _unfit(found: Any, path: Path) -> Iterator[Problem]:
    if isinstance(found, dict):
        for name, value in found.items():
            yield from _unfit(name, path)
            yield from _unfit(value, (*path, name))
    elif isinstance(found, list | tuple):
        for index, value in enumerate(found):
            yield from _unfit(value, (*path, index))
    elif isinstance(found, float) and not isfinite(found):
        yield Problem(path, f"{found}", "a number")
    elif isinstance(found, int) and abs(found) > _MOST:
        yield Problem(path, "a larger number", f"at most {_MOST}")
    elif isinstance(found, str) and _UNFIT.search(found):
        yield Problem(path, ascii(found)[:80], "a text without NUL and halves of signs")


def named_by(rule: Rule) -> set[str]:
    """Return the slugs of the other rules that a rule needs: what inhibits it, and whose alerts it counts."""
    return {*rule.inhibited_by, *_counted(rule.condition)} - {rule.rule}


def _counted(condition: Condition) -> Iterator[str]:
    if isinstance(condition, Count) and condition.rule is not None:
        yield condition.rule
    elif isinstance(condition, All | AnyOf):
        for each in condition.conditions:
            yield from _counted(each)
    elif isinstance(condition, Not):
        yield from _counted(condition.condition)


def _of_name(rule: Rule) -> Iterator[Problem]:
    if rule.rule in RESERVED:
        yield Problem(("rule",), repr(rule.rule), "another name: this one is of the alerts about what is silent")


def _of_selector(selector: Selector, path: Path) -> Iterator[Problem]:
    for index, name in enumerate(selector.quantities):
        if "*" not in name and name not in QUANTITIES:
            yield Problem((*path, "quantities", index), repr(name), one_of(list(QUANTITIES), name))


def _of_condition(
    condition: Condition, around: Selector, path: Path, known: Mapping[str, Rule], *, depth: int
) -> Iterator[Problem]:
    if depth > _DEEPEST:
        yield Problem(path, "deeper conditions", f"conditions nested at most {_DEEPEST} deep")
        return
    if isinstance(condition, All | AnyOf):
        for index, each in enumerate(condition.conditions):
            yield from _of_condition(each, around, (*path, "conditions", index), known, depth=depth + 1)
        return
    if isinstance(condition, Not):
        yield from _of_condition(condition.condition, around, (*path, "condition"), known, depth=depth + 1)
        return
    if isinstance(condition, Leaf):
        yield from _of_selector(condition.where, (*path, "where"))
    yield from _of_windows(condition, path)
    yield from _of_leaf(condition, path, known)
    yield from _of_levels(condition, around, path)


def _of_windows(condition: Condition, path: Path) -> Iterator[Problem]:
    for name in ("within", "trend_over", "over"):
        span = getattr(condition, name, None)
        if isinstance(span, str) and not 0 < seconds(span) <= _LONGEST_WINDOW_S:
            yield Problem((*path, name), repr(span), "a window above 0s and of at most 13w")
    if isinstance(condition, Unusual) and seconds(condition.but) >= seconds(condition.over):
        yield Problem((*path, "but"), repr(condition.but), f"less than over, which is {condition.over}")


def _of_leaf(condition: Condition, path: Path, known: Mapping[str, Rule]) -> Iterator[Problem]:
    if isinstance(condition, Threshold):
        yield from _of_threshold(condition, path)
    elif isinstance(condition, Rate):
        yield from _exactly_one(condition, ("rises", "falls"), path)
        level = condition.rises if condition.rises is not None else condition.falls
        yield from _side(condition.clear, level, path, above=True)
    elif isinstance(condition, Forecast):
        yield from _exactly_one(condition, ("above", "below"), path)
        level = condition.above if condition.above is not None else condition.below
        yield from _side(condition.clear, level, path, above=condition.above is not None)
    elif isinstance(condition, Spread | Deviation | BadShare | Platform):
        yield from _side(condition.clear, condition.above, path, above=True)
    elif isinstance(condition, Count):
        yield from _of_count(condition, path, known)


def _of_threshold(condition: Threshold, path: Path) -> Iterator[Problem]:
    yield from _exactly_one(condition, ("above", "below", "inside", "outside"), path)
    for name in ("inside", "outside"):
        band = getattr(condition, name)
        if band is not None and band[0] >= band[1]:
            yield Problem((*path, name), f"{band[0]:g} before {band[1]:g}", "the lower number first")
    clear = condition.clear
    if clear is None:
        return
    band = condition.inside or condition.outside
    if (band is not None) != isinstance(clear, tuple):
        expected = "one number" if band is None else "a band of two numbers"
        yield Problem((*path, "clear"), _shown(clear), f"{expected}, as the condition has")
    elif isinstance(clear, tuple):
        yield from _bands(condition, clear, path)
    elif condition.above is not None or condition.below is not None:
        level = condition.above if condition.above is not None else condition.below
        yield from _side(clear, level, path, above=condition.above is not None)


def _bands(condition: Threshold, clear: tuple[float, float], path: Path) -> Iterator[Problem]:
    if clear[0] >= clear[1]:
        yield Problem((*path, "clear"), _shown(clear), "the lower number first")
    elif condition.inside and not (clear[0] <= condition.inside[0] and condition.inside[1] <= clear[1]):
        yield Problem((*path, "clear"), _shown(clear), f"a band around {_shown(condition.inside)}: left to clear")
    elif condition.outside and not (condition.outside[0] <= clear[0] and clear[1] <= condition.outside[1]):
        yield Problem((*path, "clear"), _shown(clear), f"a band within {_shown(condition.outside)}: reached to clear")


def _of_count(condition: Count, path: Path, known: Mapping[str, Rule]) -> Iterator[Problem]:
    yield from _exactly_one(condition, ("at_least", "share"), path)
    if condition.rule is not None and condition.state not in ("pending", "firing"):
        yield Problem(
            (*path, "rule"), repr(condition.rule), f"no rule: {condition.state!r} is of a channel, not a rule"
        )
    elif condition.rule is not None and condition.rule not in known:
        yield Problem((*path, "rule"), repr(condition.rule), f"a rule; {one_of(list(known), condition.rule)}")


def _of_levels(condition: Condition, around: Selector, path: Path) -> Iterator[Problem]:
    """Levels that no reading can ever reach, as those in another unit often are; units are the stored ones."""
    if not isinstance(condition, Threshold | Forecast):
        return
    quantity = _quantity(condition.where.quantities or around.quantities)
    if condition.reads != "value":
        low, high = _READS[condition.reads]
        what: str = condition.reads
    elif quantity is not None:
        low, high = quantity.low, quantity.high
        what = f"{quantity.name} in {quantity.unit or 'its unit'}"
    else:
        return
    for name in ("above", "below", "inside", "outside"):
        found = getattr(condition, name, None)
        for level in found if isinstance(found, tuple) else () if found is None else (found,):
            if not low <= level <= high:
                yield Problem((*path, name), f"{level:g}", f"{what}, which is from {low:g} to {high:g}")


def _quantity(names: Sequence[str]) -> Quantity | None:
    return QUANTITIES.get(names[0]) if len(names) == 1 else None


def _of_hours(rule: Rule) -> Iterator[Problem]:
    for index, hours in enumerate(rule.schedule):
        if not hours.days:
            yield Problem(("schedule", index, "days"), "no day", "at least one day, or no such line at all")


def _of_message(rule: Rule) -> Iterator[Problem]:
    if rule.message and "en" not in rule.message:
        yield Problem(("message",), ", ".join(sorted(rule.message)), "en among them: what other languages fall back to")
    for language, template in rule.message.items():
        if len(template) > _LONGEST_TEMPLATE:
            expected = f"at most {_LONGEST_TEMPLATE} characters"
            yield Problem(("message", language), f"{len(template)} characters", expected)


def _of_inhibition(rule: Rule, known: Mapping[str, Rule]) -> Iterator[Problem]:
    for index, slug in enumerate(rule.inhibited_by):
        path = ("inhibited_by", index)
        if slug == rule.rule:
            yield Problem(path, repr(slug), "another rule than this one")
        elif slug not in known:
            yield Problem(path, repr(slug), f"a rule; {one_of(list(known), slug)}")
        elif circle := _circle(rule, slug, known):
            yield Problem(path, " → ".join(circle), "no circle: of rules that keep each other quiet nobody hears")


def _circle(rule: Rule, first: str, known: Mapping[str, Rule]) -> list[str]:
    """Return the way from a rule back to itself, over who inhibits whom; nothing where there is none."""
    ways, seen = [[rule.rule, first]], {first}
    while ways:
        way = ways.pop()
        after = known.get(way[-1])
        for slug in after.inhibited_by if after is not None else ():
            if slug == rule.rule:
                return [*way, slug]
            if slug not in seen:
                seen.add(slug)
                ways.append([*way, slug])
    return []


def _of_flapping(rule: Rule) -> Iterator[Problem]:
    if seconds(rule.flapping.within) == 0:
        yield Problem(("flapping", "within"), repr(rule.flapping.within), "a window above 0s")


def _exactly_one(condition: Condition, names: Sequence[str], path: Path) -> Iterator[Problem]:
    given = [name for name in names if getattr(condition, name) is not None]
    if len(given) != 1:
        yield Problem(path, " and ".join(given) or "none of them", f"exactly one of {', '.join(names)}")


def _side(clear: float | None, level: float | None, path: Path, *, above: bool) -> Iterator[Problem]:
    if clear is None or level is None:
        return
    if (above and clear > level) or (not above and clear < level):
        wanted = f"at most {level:g}" if above else f"at least {level:g}"
        yield Problem((*path, "clear"), f"{clear:g}", f"{wanted}: the good side of the level")


def _shown(found: float | tuple[float, float]) -> str:
    return f"[{found[0]:g}, {found[1]:g}]" if isinstance(found, tuple) else f"{found:g}"
