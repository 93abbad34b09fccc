"""What would go, and why what is old stays: the plan that a dry run shows is the one that a run carries out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, LiteralString

from psycopg import Connection
from psycopg.sql import SQL, Composed, Identifier

from siloscope_store import flavour
from siloscope_store.archive import catalogue
from siloscope_store.archive.catalogue import ArchiveSite, DayKey
from siloscope_store.flavour import Span
from siloscope_store.retention.policies import RECORD_LEVELS, Policy, archive_required, policies
from siloscope_store.statements import statements

_SQL = statements("retention.sql")
SAMPLE_RELATIONS = {table.value: retention_class for retention_class, table in catalogue.TABLES.items()}
ROLLUP_RELATIONS = {"rollup_m5": "m5", "rollup_hour": "hour"}

NO_DIRECTORY = "no_archive_directory"
NOT_ROLLED_UP = "not_rolled_up"
RESTORED = "restored"
SAMPLES_STAY = "samples_stay"


@dataclass(frozen=True)
class Share:
    """What one site has in a span, and whether it may go.

    Attributes:
        archive: Local dates that get a file first.
        stays: Why it stays for now; None = it goes.
    """

    site: ArchiveSite
    retention_class: str
    rows: int
    size_bytes: int
    first: datetime
    last: datetime
    archive: Sequence[date] = ()
    stays: str | None = None


@dataclass(frozen=True)
class SpanLoss:
    """A chunk or partition that is older than somebody keeps it.

    Attributes:
        whole: Nobody keeps anything of it: it is dropped. Otherwise the rows of the shares that go are deleted.
    """

    span: Span
    level: str
    shares: Sequence[Share]
    whole: bool

    @property
    def going(self) -> list[Share]:
        """The shares that go."""
        return [share for share in self.shares if share.stays is None]


@dataclass(frozen=True)
class RowLoss:
    """Rows of a plain table that are older than an organisation keeps them."""

    org_id: int
    organisation: str
    retention_class: str
    level: str
    before: datetime
    rows: int
    first: datetime | date
    last: datetime | date
    size_bytes: int


@dataclass(frozen=True)
class Plan:
    """Everything that would go at one instant."""

    at: datetime
    spans: Sequence[SpanLoss]
    rows: Sequence[RowLoss]

    @property
    def nothing_goes(self) -> bool:
        """Whether a run would change nothing."""
        return not self.rows and not any(loss.going or loss.whole for loss in self.spans)


def plan(connection: Connection[Any], *, at: datetime, archiving: bool) -> Plan:
    """Return what would go now.

    Args:
        connection: Anybody's who owns the schema.
        at: Now.
        archiving: Whether there is an archive directory.
    """
    kept = policies(connection)
    required = archive_required(connection)
    spans: list[SpanLoss] = []
    for relation, retention_class in SAMPLE_RELATIONS.items():
        wanted = [each for each in kept if (each.retention_class, each.level) == (retention_class, "raw")]
        for loss in _span_losses(connection, relation, "time", wanted, "raw", at):
            shares = [_judged(connection, loss.span, share, required, archiving) for share in loss.shares]
            whole = loss.whole and all(share.stays is None for share in shares)
            spans.append(SpanLoss(loss.span, "raw", shares, whole))
    for relation, level in ROLLUP_RELATIONS.items():
        wanted = [each for each in kept if each.level == level]
        losses = _span_losses(connection, relation, "bucket", wanted, level, at)
        spans += [_behind_samples(connection, loss) for loss in losses] if level == "hour" else losses
    return Plan(at, spans, [*_old_days(connection, kept, at), *_old_records(connection, kept, at)])


def statement(name: str, relation: str, time: str) -> Composed:
    """Return a statement over a table of samples or roll-ups."""
    return statement_of(_SQL[name], relation, time)


def statement_of(text: LiteralString, relation: str, time: str) -> Composed:
    """Return the text of a statement over a table of samples or roll-ups, filled in."""
    return SQL(text).format(relation=Identifier(relation), time=Identifier(time))


def _span_losses(
    connection: Connection[Any], relation: str, time: str, wanted: Sequence[Policy], level: str, at: datetime
) -> Iterable[SpanLoss]:
    for span in flavour.spans(connection, relation):
        due = [each for each in wanted if (before := each.gone_before(at)) is not None and span.ends <= before]
        if not due:
            continue
        asked = {
            "org_ids": [each.org_id for each in due],
            "classes": [each.retention_class for each in due],
            "begins": span.begins,
            "ends": span.ends,
        }
        found = connection.execute(statement("shares", relation, time), asked).fetchall()
        shares = [Share(ArchiveSite(row[2], row[0], row[1], row[3], row[4]), *row[5:]) for row in found]
        others = connection.execute(statement("others", relation, time), asked).fetchone()
        whole = others == (False,)
        if shares or whole:
            yield SpanLoss(span, level, shares, whole)


def _judged(connection: Connection[Any], span: Span, share: Share, required: dict[int, bool], archiving: bool) -> Share:
    """Return the share with the reason why it stays, or with the days that get a file first."""
    site, retention_class = share.site, share.retention_class
    asked = {
        "site_id": site.site_id,
        "retention_class": retention_class,
        "zone": site.time_zone,
        "begins": span.begins,
        "ends": span.ends,
    }
    stays, days = None, []
    if required[site.org_id]:
        keys = catalogue.days_with_samples(connection, site, retention_class, span.begins, span.ends)
        days = [key.day for key in keys if not catalogue.is_archived(connection, key)]
    if connection.execute(_SQL["held"], asked).fetchone() == (True,):
        stays = RESTORED
    elif required[site.org_id] and not archiving:
        stays = NO_DIRECTORY
    elif connection.execute(_SQL["rolled_up"], asked).fetchone() != (True,):
        stays = NOT_ROLLED_UP
    values = (site, retention_class, share.rows, share.size_bytes, share.first, share.last)
    return Share(*values, archive=days, stays=stays)


def _behind_samples(connection: Connection[Any], loss: SpanLoss) -> SpanLoss:
    """Return hours' loss without the hours of samples that are still there.

    Days are made of hours: where a late sample or another time zone asks for a day once more, all hours of it must be
    there that samples are of.
    """
    shares = [
        replace(each, stays=SAMPLES_STAY) if _has_samples(connection, loss, each) else each for each in loss.shares
    ]
    return replace(loss, shares=shares, whole=loss.whole and all(share.stays is None for share in shares))


def _has_samples(connection: Connection[Any], loss: SpanLoss, share: Share) -> bool:
    relation = catalogue.TABLES[share.retention_class].value
    asked = {
        "site_id": share.site.site_id,
        "retention_class": share.retention_class,
        "begins": loss.span.begins,
        "ends": loss.span.ends,
    }
    return connection.execute(statement("any_samples", relation, "time"), asked).fetchone() == (True,)


def day_keys(share: Share) -> list[DayKey]:
    """Return the days of a share that get a file first."""
    return [DayKey(share.site, share.retention_class, day) for day in share.archive]


def _old_days(connection: Connection[Any], kept: Sequence[Policy], at: datetime) -> list[RowLoss]:
    due = {
        (each.org_id, each.retention_class): before
        for each in kept
        if each.level == "day" and (before := each.gone_before(at))
    }
    asked = {
        "org_ids": [org_id for org_id, _ in due],
        "classes": [retention_class for _, retention_class in due],
        "befores": list(due.values()),
    }
    found = connection.execute(_SQL["old_days"], asked).fetchall()
    return [
        RowLoss(org_id, org, retention_class, "day", due[org_id, retention_class], *rest)
        for org_id, org, retention_class, *rest in found
    ]


def _old_records(connection: Connection[Any], kept: Sequence[Policy], at: datetime) -> list[RowLoss]:
    queries: dict[str, LiteralString] = {level: _SQL[f"old_{level}"] for level in RECORD_LEVELS}
    losses: list[RowLoss] = []
    for level, query in queries.items():
        due = {each.org_id: before for each in kept if each.level == level and (before := each.gone_before(at))}
        found = connection.execute(query, {"org_ids": list(due), "befores": list(due.values())}).fetchall()
        losses += [RowLoss(org_id, org, "records", level, due[org_id], *rest) for org_id, org, *rest in found]
    return losses
