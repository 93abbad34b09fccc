"""What an organisation keeps, and for how long: set by retention class and level, with defaults for what nobody set."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from math import ceil
from typing import Any

from psycopg import Connection

from siloscope_store.errors import NameUnknown, RetentionWrong
from siloscope_store.statements import statements

_SQL = statements("retention.sql")
SAMPLE_LEVELS = ("raw", "m5", "hour", "day")
RECORD_LEVELS = ("conflicts", "gaps", "undated", "alerts", "messages")
LEVELS = {"measurements": SAMPLE_LEVELS, "vitals": SAMPLE_LEVELS, "records": RECORD_LEVELS}
FOR_EVER = "forever"
LONGEST_DAYS = 36_525
_DAYS = {"d": 1.0, "w": 7.0, "y": 365.25}
_DURATION = re.compile(r"([0-9]{1,6})\s*([dwy])")
_EXPECTED = f"expected a whole number of days, weeks or years such as 90d, 26w or 2y, or {FOR_EVER}"


@dataclass(frozen=True)
class Policy:
    """How long one level of one retention class is kept; `keep_days` None = for ever."""

    org_id: int
    organisation: str
    retention_class: str
    level: str
    keep_days: int | None
    by_default: bool

    def gone_before(self, now: datetime) -> datetime | None:
        """Return the instant before which nothing is kept."""
        return None if self.keep_days is None else now - timedelta(days=self.keep_days)


def read_duration(text: str) -> int | None:
    """Return the days that a duration means; None = for ever.

    Raises:
        RetentionWrong: It cannot be read.

    >>> read_duration("2y"), read_duration("forever")
    (731, None)
    """
    if text.strip().lower() == FOR_EVER:
        return None
    found = _DURATION.fullmatch(text.strip().lower())
    if found is None:
        raise RetentionWrong(f"{text!r} is no duration; {_EXPECTED}")
    days = ceil(int(found[1]) * _DAYS[found[2]])
    if not 1 <= days <= LONGEST_DAYS:
        raise RetentionWrong(f"{text!r} is {days} days; expected 1 to {LONGEST_DAYS} days, or {FOR_EVER}")
    return days


def written_duration(keep_days: int | None) -> str:
    """Return days as people write them.

    >>> written_duration(731), written_duration(92), written_duration(None)
    ('2y', '92d', 'forever')
    """
    if keep_days is None:
        return FOR_EVER
    years = round(keep_days / _DAYS["y"])
    return f"{years}y" if years and ceil(years * _DAYS["y"]) == keep_days else f"{keep_days}d"


def policies(connection: Connection[Any], organisation: str | None = None) -> list[Policy]:
    """Return what holds, for one organisation or for all.

    Raises:
        NameUnknown: No such organisation.
    """
    found = connection.execute(_SQL["policies"], {"org": organisation}).fetchall()
    if organisation is not None and not found:
        raise NameUnknown("organisation", organisation)
    return [Policy(*row) for row in found]


def set_policy(
    connection: Connection[Any],
    organisation: str,
    retention_class: str,
    level: str,
    keep_days: int | None,
    *,
    author: str | None = None,
) -> None:
    """Set how long an organisation keeps a level; nothing is dropped before the next run of retention.

    Raises:
        NameUnknown: No such organisation.
        RetentionWrong: No such class or level, or a coarser level would be kept for less time than a finer one.
    """
    with connection.transaction():
        connection.execute(_SQL["hold"], {"org": organisation, "org_id": None})
        found = policies(connection, organisation)
        kept = {(each.retention_class, each.level): each.keep_days for each in found}
        require_settable(kept, retention_class, level, keep_days)
        parameters = {
            "org_id": found[0].org_id,
            "retention_class": retention_class,
            "level": level,
            "keep_days": keep_days,
            "author": author,
        }
        connection.execute(_SQL["set_policy"], parameters)


def require_settable(
    kept: Mapping[tuple[str, str], int | None], retention_class: str, level: str, keep_days: int | None
) -> None:
    """Check that a level may be kept so long beside the others of its class.

    Args:
        kept: The days that hold, by class and level.
        retention_class: Of the level.
        level: The one to be set.
        keep_days: How long; None = for ever.

    Raises:
        RetentionWrong: No such class or level, or a coarser level would be kept for less time than a finer one.
    """
    _require_known(retention_class, level)
    if retention_class != "records":
        _require_order({name: kept[retention_class, name] for name in SAMPLE_LEVELS} | {level: keep_days})


def archive_required(connection: Connection[Any]) -> dict[int, bool]:
    """Return, for each organisation, whether its raw samples may go only into a verified file."""
    return dict(connection.execute(_SQL["archive_required"]).fetchall())


def require_archive(connection: Connection[Any], organisation: str, *, required: bool) -> None:
    """Say whether raw samples of an organisation may go only into a verified file.

    Raises:
        NameUnknown: No such organisation.
    """
    changed = connection.execute(_SQL["require_archive"], {"org": organisation, "required": required})
    if changed.rowcount == 0:
        raise NameUnknown("organisation", organisation)


def _require_known(retention_class: str, level: str) -> None:
    if retention_class not in LEVELS:
        raise RetentionWrong(f"no retention class is named {retention_class!r}; there are {', '.join(LEVELS)}")
    if level not in LEVELS[retention_class]:
        there = ", ".join(LEVELS[retention_class])
        raise RetentionWrong(f"{retention_class} have no level {level!r}; there are {there}")


def _require_order(wished: Mapping[str, int | None]) -> None:
    """A roll-up outlives what it is made of: a late sample could otherwise bring back what was dropped."""
    for finer, coarser in pairwise(SAMPLE_LEVELS):
        if _longer(wished[finer], wished[coarser]):
            raise RetentionWrong(
                f"{coarser} would be kept for {written_duration(wished[coarser])} and {finer} for "
                f"{written_duration(wished[finer])}; expected each coarser level to be kept at least as long"
            )


def _longer(one: int | None, other: int | None) -> bool:
    return other is not None and (one is None or one > other)
