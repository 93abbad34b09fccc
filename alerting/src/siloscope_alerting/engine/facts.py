"""What the history and the message say of a change: the reading that matters most, and what it was compared with."""

from typing import Any

import numpy as np

from siloscope_alerting.engine import derived
from siloscope_alerting.engine.tree import Bound, Sight
from siloscope_alerting.engine.view import NEVER
from siloscope_alerting.engine.watched import WatchedRule
from siloscope_contract.alerts import conditions
from siloscope_contract.alerts.conditions import Leaf, Platform

_LEVELS = ("above", "below", "rises", "falls", "inside", "outside", "beyond", "tolerance", "share", "at_least")


def facts_of(watched: WatchedRule, index: int, sight: Sight) -> dict[str, Any]:
    """Return the facts of a subject as they are seen.

    Returns:
        `kind` of condition, `level` and `clear`; of the channel that matters most `channel_id`, `channel`, `title`,
        `quantity`, `spot`, `cable`, `height` (its level in the place), its `value` and `unit`, `at_ms`; and `figure`,
        what was compared with the level where that is not the value itself.
    """
    worst = _worst(watched, index, sight)
    return {} if worst is None else _told(worst[2], worst[3], sight)


def margin_of(watched: WatchedRule, index: int, sight: Sight) -> float:
    """Return how bad it is with a subject, to be compared with the same at other times; more is worse."""
    worst = _worst(watched, index, sight)
    return -np.inf if worst is None else worst[1]


def _worst(watched: WatchedRule, index: int, sight: Sight) -> tuple[bool, float, Bound, int] | None:
    worst: tuple[bool, float, Bound, int] | None = None
    for leaf in watched.tree.leaves:
        for breached, margin, position in _candidates(leaf, index, sight):
            if worst is None or (breached, margin) > worst[:2]:
                worst = (breached, margin, leaf, position)
    return worst


def _candidates(leaf: Bound, index: int, sight: Sight) -> "list[tuple[bool, float, int]]":
    begin, end = np.searchsorted(leaf.of_row, (index, index + 1))
    if isinstance(leaf.condition, conditions.Count):
        return [(False, -np.inf, int(begin))] if end > begin else []
    found = []
    positions, judged = _judged_with_neighbours(leaf, int(begin), int(end), sight)
    for breached, figure, position in zip(judged.breached, judged.figure, positions, strict=True):
        if begin <= position < end:
            margin = -np.inf if np.isnan(figure) else _margin(leaf.condition, float(figure))
            found.append((bool(breached == 1), margin, int(position)))
    return found


def _judged_with_neighbours(leaf: Bound, begin: int, end: int, sight: Sight) -> Any:
    positions = np.arange(begin, end)
    if isinstance(leaf.condition, conditions.Spread | conditions.Deviation):
        block = leaf.table.block[leaf.rows]
        positions = np.flatnonzero(np.isin(block, block[begin:end]))
    return positions, leaf.judged(positions, sight)


def _margin(condition: Leaf | Platform, figure: float) -> float:
    """Return how bad a figure is: more is worse."""
    if getattr(condition, "below", None) is not None or getattr(condition, "falls", None) is not None:
        return -figure
    band = getattr(condition, "outside", None)
    return abs(figure - sum(band) / 2) if band is not None else figure


def _told(leaf: Bound, position: int, sight: Sight) -> dict[str, Any]:
    condition, row = leaf.condition, int(leaf.rows[position])
    channel = leaf.table.channels[row]
    told: dict[str, Any] = {"kind": _kind(condition)}
    for name in _LEVELS:
        level = getattr(condition, name, None)
        if level is not None and not isinstance(level, str):
            told["level"] = level
            break
    if getattr(condition, "clear", None) is not None:
        told["clear"] = getattr(condition, "clear")  # noqa: B009 - not every kind has one
    if isinstance(condition, Platform):
        told["metric"] = condition.metric
    else:
        told |= {"channel_id": channel.channel_id, "channel": channel.key, "title": channel.title}
        told |= {"quantity": channel.quantity, "unit": channel.unit}
        told |= {"spot": channel.spot, "cable": channel.cable, "height": channel.level}
        if condition.reads != "value":
            told |= {"quantity": condition.reads, "unit": derived.UNITS[condition.reads]}
    at = np.array([position])
    value = float(leaf.values(at, sight.view, stale=True)[0])
    if not isinstance(condition, Platform | conditions.Count):
        told["value"] = None if np.isnan(value) else value
        told["at_ms"] = None if sight.view.time_ms[row] == NEVER else int(sight.view.time_ms[row])
    if not isinstance(condition, conditions.Count):
        positions, judged = _judged_with_neighbours(leaf, position, position + 1, sight)
        figure = float(judged.figure[np.flatnonzero(positions == position)[0]])
        if np.isfinite(figure) and not isinstance(condition, conditions.Threshold):
            told["figure"] = figure
            told.setdefault("value", figure)
    return {name: each for name, each in told.items() if each is not None}


def _kind(condition: Leaf | Platform) -> str:
    return str(condition.__struct_config__.tag)
