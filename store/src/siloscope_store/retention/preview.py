"""What would go of one organisation: the plan of a run, asked by somebody who waits for the answer.

The plan counts every row that it takes away, of everybody. This asks for one organisation, takes the numbers of raw
samples from the roll-ups, and judges a site once, not once a span: a year of a big farm is told within seconds. Tests
hold the two against each other.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import LiteralString

import msgspec

from siloscope_store import flavour
from siloscope_store.archive.catalogue import TABLES, ArchiveSite
from siloscope_store.connections import Connected
from siloscope_store.retention import record, setting
from siloscope_store.retention.plan import NO_DIRECTORY, NOT_ROLLED_UP, RESTORED, ROLLUP_RELATIONS, statement_of
from siloscope_store.retention.policies import RECORD_LEVELS, Policy, require_settable
from siloscope_store.statements import statements

_SQL = statements("retention_preview.sql")
_PLAN = statements("retention.sql")
_RELATIONS = {level: relation for relation, level in ROLLUP_RELATIONS.items()}
_ROLLUPS = (*_RELATIONS, "day")


class Wanted(msgspec.Struct, frozen=True):
    """What is asked for: all of it, a class, or a level; of a level also what would be if it were kept otherwise.

    Attributes:
        wishes: Whether `keep_days` counts; None would be for ever.
    """

    retention_class: str | None = None
    level: str | None = None
    wishes: bool = False
    keep_days: int | None = None


class GoingDay(msgspec.Struct, frozen=True):
    """A local date of which raw samples go."""

    day: date
    archived: bool


class GoingSite(msgspec.Struct, frozen=True):
    """A site as people call it."""

    id: int
    slug: str
    name: str


class Going(msgspec.Struct, frozen=True):
    """What goes of one level at one site, or of a whole organisation.

    Attributes:
        before: The end of the last span that goes whole; of what goes row by row, the age that is too old.
        size_bytes: Of the rows, of samples and roll-ups by the width of a few of them.
        stays: Why some or all of it stays for now.
    """

    retention_class: str
    level: str
    site: GoingSite | None
    before: datetime
    rows: int
    size_bytes: int
    first: date
    last: date
    days: Sequence[GoingDay] = ()
    stays: Sequence[str] = ()


class _Question(msgspec.Struct, frozen=True):
    """One level, and the instant before which nothing of it is kept."""

    org_id: int
    retention_class: str
    level: str
    before: datetime
    days_kept_from: date | None


async def going(connection: Connected, org_id: int, wanted: Wanted, *, at: datetime) -> list[Going]:
    """Return what would go.

    Args:
        connection: In autocommit mode; the sites of the answer are of one moment, its levels need not be.
        org_id: Whose.
        wanted: Of what.
        at: Now.

    Raises:
        RetentionWrong: There is no such level, or it could not be kept so long.
    """
    kept = {(each.retention_class, each.level): each.keep_days for each in await setting.kept(connection, org_id)}
    if wanted.retention_class is not None and wanted.level is not None:
        name = (wanted.retention_class, wanted.level)
        require_settable(kept, *name, wanted.keep_days if wanted.wishes else kept.get(name))
        if wanted.wishes:
            kept[name] = wanted.keep_days
    sites = await _sites(connection, org_id)
    found: list[Going] = []
    for retention_class, level in kept:
        if wanted.retention_class in (None, retention_class) and wanted.level in (None, level):
            question = _question(org_id, retention_class, level, kept, at)
            if question is not None:
                found += await _answer(connection, question, sites)
    return found


def _question(
    org_id: int, retention_class: str, level: str, kept: Mapping[tuple[str, str], int | None], at: datetime
) -> _Question | None:
    def before(name: str) -> datetime | None:
        return Policy(org_id, "", retention_class, name, kept[retention_class, name], by_default=False).gone_before(at)

    gone_before = before(level)
    if gone_before is None:
        return None
    days_before = before("day") if level == "raw" else None
    return _Question(org_id, retention_class, level, gone_before, None if days_before is None else days_before.date())


async def _answer(
    connection: Connected, question: _Question, sites: Mapping[int, tuple[ArchiveSite, GoingSite]]
) -> list[Going]:
    if question.level in RECORD_LEVELS:
        return await _records(connection, question)
    if question.level == "day":
        return await _local_days(connection, question, sites)
    relation = _RELATIONS.get(question.level) or TABLES[question.retention_class].value
    due = [span for span in await flavour.spans_of(connection, relation) if span.ends <= question.before]
    if not due:
        return []
    begins, ends = due[0].begins, due[-1].ends
    if question.level == "raw":
        return await _raw(connection, question, relation, sites, begins, ends)
    asked = {**_of(question), "begins": begins, "ends": ends}
    rows = await connection.execute(statement_of(_SQL["rows_going"], relation, "bucket"), asked)
    return [
        Going(question.retention_class, question.level, sites[site_id][1], ends, count, size, first, last)
        for site_id, first, last, count, size in await rows.fetchall()
    ]


async def _raw(
    connection: Connected,
    question: _Question,
    relation: str,
    sites: Mapping[int, tuple[ArchiveSite, GoingSite]],
    begins: datetime,
    ends: datetime,
) -> list[Going]:
    asked = {**_of(question), "begins": begins, "ends": ends, "counted_from": question.days_kept_from}
    rows = await connection.execute(statement_of(_SQL["days_going"], relation, "time"), asked)
    by_site: dict[int, list[tuple[date, int, int, bool]]] = {}
    for site_id, *rest in await rows.fetchall():
        by_site.setdefault(site_id, []).append((rest[0], rest[1], rest[2], rest[3]))
    run = await record.last_run(connection)
    required = await setting.archive_required(connection, question.org_id)
    no_directory = required and run is not None and not run.archiving
    found: list[Going] = []
    for site_id, days in by_site.items():
        site, shown = sites[site_id]
        stays = await _reasons(connection, site, question.retention_class, begins, ends)
        found.append(
            Going(
                question.retention_class,
                "raw",
                shown,
                ends,
                rows=sum(count for _, count, _, _ in days),
                size_bytes=sum(size for _, _, size, _ in days),
                first=days[0][0],
                last=days[-1][0],
                days=[GoingDay(day, archived) for day, _, _, archived in days],
                stays=[*([NO_DIRECTORY] if no_directory else []), *stays],
            )
        )
    return found


async def _reasons(
    connection: Connected, site: ArchiveSite, retention_class: str, begins: datetime, ends: datetime
) -> list[str]:
    asked = {
        "site_id": site.site_id,
        "retention_class": retention_class,
        "zone": site.time_zone,
        "begins": begins,
        "ends": ends,
    }
    held = await (await connection.execute(_PLAN["held"], asked)).fetchone()
    rolled_up = await (await connection.execute(_PLAN["rolled_up"], asked)).fetchone()
    return [*([NOT_ROLLED_UP] if rolled_up != (True,) else []), *([RESTORED] if held == (True,) else [])]


async def _local_days(
    connection: Connected, question: _Question, sites: Mapping[int, tuple[ArchiveSite, GoingSite]]
) -> list[Going]:
    rows = await connection.execute(_SQL["local_days_going"], {**_of(question), "before": question.before})
    return [
        Going(question.retention_class, "day", sites[site_id][1], question.before, count, size, first, last)
        for site_id, first, last, count, size in await rows.fetchall()
    ]


async def _records(connection: Connected, question: _Question) -> list[Going]:
    query: LiteralString = _PLAN[f"old_{question.level}"]
    asked = {"org_ids": [question.org_id], "befores": [question.before]}
    return [
        Going("records", question.level, None, question.before, count, size, first.date(), last.date())
        for _, _, count, first, last, size in await (await connection.execute(query, asked)).fetchall()
    ]


async def _sites(connection: Connected, org_id: int) -> dict[int, tuple[ArchiveSite, GoingSite]]:
    rows = await (await connection.execute(_SQL["sites"], {"org_id": org_id})).fetchall()
    return {row[0]: (ArchiveSite(*row[:5]), GoingSite(row[0], row[3], row[5])) for row in rows}


def _of(question: _Question) -> dict[str, object]:
    return {"org_id": question.org_id, "retention_class": question.retention_class}
