"""Which channels a rule watches, and what its alerts are about."""

import re
from collections.abc import Hashable
from functools import cache

import numpy as np

from siloscope_alerting.columns import Flags, Int32
from siloscope_alerting.engine.table import NOWHERE, Table, pattern_of
from siloscope_contract.alerts.conditions import Count, Leaf, NoData, Platform, Spread, leaves
from siloscope_contract.alerts.rules import Rule
from siloscope_contract.alerts.selectors import Selector
from siloscope_contract.alerts.words import SubjectKind

_FIELDS = {
    "sites": "site",
    "nodes": "node",
    "devices": "device",
    "channels": "key",
    "places": "place",
    "place_kinds": "place_kind",
    "spots": "spot",
    "quantities": "quantity",
}
_OF_THE_WHOLE_PLATFORM = frozenset({"ingest_lag_s", "database_lag_s", "quarantine_per_hour"})
FINER_THAN = {
    SubjectKind.PLACE: ("nodes", "devices", "channels", "spots", "quantities"),
    SubjectKind.NODE: ("devices", "channels", "places", "place_kinds", "spots", "quantities"),
    SubjectKind.SITE: ("nodes", "devices", "channels", "places", "place_kinds", "spots", "quantities"),
}
"""What a subject has none of, so that a matcher that names it does not mean the subject."""


def matched(selector: Selector, table: Table, *, org_id: int) -> Int32:
    """Return the rows that a selector means in an organisation, as `meant`."""
    return np.flatnonzero(meant(selector, table, org_id=org_id)).astype(np.int32)


def meant(selector: Selector, table: Table, *, org_id: int, also_vitals: bool = False) -> Flags:
    """Return which rows a selector means in an organisation.

    A channel without a level is never covered; where a place says no fill level, it is taken to be full.
    """
    found: Flags = table.org_id == org_id
    if not also_vitals:
        found &= table.vitals == selector.vitals
    for field, column in _FIELDS.items():
        names: tuple[str, ...] = getattr(selector, field)
        if names:
            found &= table.codes(column).named(names)
    if selector.tags:
        wanted = frozenset(selector.tags.items())
        found &= table.tag_codes().where(lambda tags: wanted <= tags)  # type: ignore[operator]  # frozen sets
    if selector.covered:
        found &= (table.level != NOWHERE) & (table.level <= table.fill_level)
    return found


def meets(names: tuple[str, ...], value: Hashable) -> bool:
    """Return whether a name is one of these, in which * stands for anything."""
    return isinstance(value, str) and _pattern(names).fullmatch(value) is not None


@cache
def _pattern(names: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(pattern_of(name) for name in names))


def subject_kind(rule: Rule) -> SubjectKind:
    """Return what one alert of a rule is about: what it says, else what its condition is about."""
    if rule.per is not None:
        return rule.per
    parts = list(leaves(rule.condition))
    kinds = {_own_kind(each) for each in parts}
    for kind in (SubjectKind.PLATFORM, SubjectKind.SITE, SubjectKind.NODE, SubjectKind.PLACE):
        if kind in kinds:
            return kind
    wheres = [each.where for each in parts if isinstance(each, Leaf)]
    several = any(where != wheres[0] for where in wheres)
    return SubjectKind.PLACE if several else SubjectKind.CHANNEL


def _own_kind(part: Leaf | Platform) -> SubjectKind:
    if isinstance(part, Platform):
        return SubjectKind.PLATFORM if part.metric in _OF_THE_WHOLE_PLATFORM else SubjectKind.NODE
    if isinstance(part, NoData):
        return SubjectKind(part.of)
    return SubjectKind.PLACE if isinstance(part, Spread | Count) else SubjectKind.CHANNEL


def subject_ids(kind: SubjectKind, table: Table, rows: Int32) -> Int32:
    """Return, for each of these rows, the subject that it belongs to; NOWHERE where it belongs to none."""
    columns = {
        SubjectKind.CHANNEL: table.channel_id,
        SubjectKind.PLACE: table.place_id,
        SubjectKind.NODE: table.node_id,
        SubjectKind.SITE: table.site_id,
        SubjectKind.ORGANISATION: table.org_id,
    }
    if kind is SubjectKind.PLATFORM:
        return np.zeros(len(rows), np.int32)
    return columns[kind][rows]


class Subjects:
    """The subjects of one rule, ascending by id, and the rows of each.

    Attributes:
        ids: The subjects' ids.
        rows: Rows, ordered by subject.
        of_row: For each of `rows` its subject, as an index into `ids`.
        starts: Where in `rows` each subject begins.
        single: Each subject has one row.
    """

    def __init__(self, kind: SubjectKind, table: Table, rows: Int32) -> None:
        self.kind = kind
        found = subject_ids(kind, table, rows)
        rows, found = rows[found != NOWHERE], found[found != NOWHERE]
        order = np.argsort(found, kind="stable")
        self.rows = rows[order]
        found = found[order]
        begins = np.r_[True, found[1:] != found[:-1]] if len(found) else np.empty(0, np.bool_)
        self.starts = np.flatnonzero(begins)
        self.ids = found[self.starts]
        self.of_row = (np.cumsum(begins) - 1).astype(np.int32)
        self.single = len(self.ids) == len(self.rows)

    def __len__(self) -> int:
        return len(self.ids)

    def index(self, subject_id: int) -> int | None:
        """Return the index of a subject; None where the rule does not meet it."""
        at = int(np.searchsorted(self.ids, subject_id))
        return at if at < len(self.ids) and self.ids[at] == subject_id else None

    def rows_of(self, index: int) -> Int32:
        """Return the rows of a subject."""
        end = self.starts[index + 1] if index + 1 < len(self.starts) else len(self.rows)
        return self.rows[self.starts[index] : end]

    def touched(self, rows: Flags) -> Flags | None:
        """Return which subjects have one of these rows; None where none has."""
        hit = rows[self.rows]
        if not hit.any():
            return None
        if self.single:
            return hit
        picked = np.zeros(len(self.ids), np.bool_)
        picked[self.of_row[hit]] = True
        return picked
