"""Carrying a plan out: late marks first, then files, and only then what is in them goes.

Killed between any two statements it goes on at the next run: a horizon only moves forward, a file is whole or not
there, and every statement that drops something asks once more whether it may.
"""

from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, LiteralString

import psycopg
from psycopg import Connection, Rollback

from siloscope_store import flavour
from siloscope_store.archive import catalogue
from siloscope_store.archive.catalogue import DayKey
from siloscope_store.archive.writing import WrittenDay, archive_day
from siloscope_store.errors import ArchiveBroken
from siloscope_store.retention import late, record
from siloscope_store.retention.plan import (
    SAMPLE_RELATIONS,
    RowLoss,
    Share,
    SpanLoss,
    plan,
    statement,
)
from siloscope_store.retention.policies import archive_required
from siloscope_store.retention.turns import turn
from siloscope_store.statements import statements

_SQL = statements("retention.sql")
_ROWS_A_STATEMENT = 10_000
_BUSY = (psycopg.errors.LockNotAvailable, psycopg.errors.SerializationFailure, psycopg.errors.DeadlockDetected)


@dataclass
class Outcome:
    """What a run did.

    Attributes:
        waits: Spans and rows that were due and are still there, by the reason.
        broken: Files that stand in the way.
    """

    archived: list[WrittenDay] = field(default_factory=list)
    dropped: list[SpanLoss] = field(default_factory=list)
    deleted_rows: int = 0
    waits: list[str] = field(default_factory=list)
    broken: list[ArchiveBroken] = field(default_factory=list)
    ended_early: bool = False


def run(
    connection: Connection[Any],
    *,
    at: datetime,
    directory: Path | None,
    stopped: Callable[[], bool] = lambda: False,
) -> Outcome:
    """Do all that is due.

    Args:
        connection: In autocommit mode, and nobody else's meanwhile.
        at: Now.
        directory: The archive directory, where there is one.
        stopped: Asked between two steps; whether to end early.

    Raises:
        ArchiveBusy: Somebody else is at work.
    """
    outcome = Outcome()
    with turn(connection):
        take_news(connection, at=at)
        try:
            if directory is not None:
                catalogue.require_folder(connection, directory)
        except ArchiveBroken as error:
            outcome.broken.append(error)
            directory = None
        if directory is not None:
            outcome.broken += late.make_whole(connection, directory, at=at)
        record.note_run(connection, at=at, archiving=directory is not None)
        wanted = plan(connection, at=at, archiving=directory is not None)
        for loss in wanted.spans:
            if stopped():
                outcome.ended_early = True
                break
            _carry_out(connection, loss, at, directory, outcome)
        for rows in wanted.rows:
            if stopped():
                outcome.ended_early = True
                break
            outcome.deleted_rows += _delete_rows(connection, rows, at, stopped)
    return outcome


def take_news(connection: Connection[Any], *, at: datetime) -> None:
    """End holds that are over, and note which archived days got samples since; each becomes due for its file."""
    with connection.transaction():
        connection.execute(_SQL["lock_rollups"])
        connection.execute(_SQL["end_holds"], {"now": at})
    connection.execute(_SQL["take_late_marks"])
    for org_id, required in archive_required(connection).items():
        if not required:
            connection.execute(_SQL["forget_due"], {"org_id": org_id})


def _carry_out(
    connection: Connection[Any], loss: SpanLoss, at: datetime, directory: Path | None, outcome: Outcome
) -> None:
    outcome.waits += [
        f"{share.site.organisation}/{share.site.site} {share.retention_class}: {share.stays}"
        for share in loss.shares
        if share.stays is not None
    ]
    going, unfiled = loss.going, set[int]()
    if loss.level == "raw":
        required = archive_required(connection)
        unfiled = {share.site.org_id for share in going if not required[share.site.org_id]}
        going = [share for share in going if _is_ready(connection, loss, share, at, directory, unfiled, outcome)]
    if loss.whole and len(going) == len(loss.shares):
        if _drop(connection, loss, at, unfiled):
            outcome.dropped.append(loss)
        else:
            outcome.waits.append(f"{loss.span.name}: in use, a late sample came, or it is to go into files since now")
        return
    if loss.whole:
        return  # it goes whole at the next run, which is cheaper than row by row
    for share in going:
        outcome.deleted_rows += _delete_share(connection, loss, share, at, unfiled & {share.site.org_id})


def _is_ready(
    connection: Connection[Any],
    loss: SpanLoss,
    share: Share,
    at: datetime,
    directory: Path | None,
    unfiled: set[int],
    outcome: Outcome,
) -> bool:
    """Move the horizon, write the files; whether the share's raw samples may go now."""
    if not _move_horizon(connection, loss, share):
        outcome.waits.append(f"{share.site.organisation}/{share.site.site}: roll-ups are to be made again first")
        return False
    if share.site.org_id in unfiled:
        return True
    if directory is None:
        return False
    keys = catalogue.days_with_samples(connection, share.site, share.retention_class, loss.span.begins, loss.span.ends)
    for key in keys:
        try:
            written = _in_a_file(connection, directory, key, at)
        except ArchiveBroken as error:
            outcome.broken.append(error)
            return False
        if written is not None:
            outcome.archived.append(written)
    days = [key.day for key in keys]
    connection.execute(_SQL["begin_emptying"], {**_of(share), "days": days, "now": at})
    return True


def _in_a_file(connection: Connection[Any], directory: Path, key: DayKey, at: datetime) -> WrittenDay | None:
    """Write a day's file; where it was written before, look at it once more.

    Raises:
        ArchiveBroken: It cannot be written, or is not what it was.
    """
    if catalogue.is_archived(connection, key) and (directory / key.path).exists():
        catalogue.require_whole(connection, directory, key)
        return None
    return archive_day(connection, directory, key, at=at)


def _move_horizon(connection: Connection[Any], loss: SpanLoss, share: Share) -> bool:
    """Say that raw samples before the first midnight after the span may be gone: no roll-up is made of them any more.

    The roll-up job is kept out for that moment. Returns False where a sample came so late that its roll-up is to be
    made again first.
    """
    asked = {**_of(share), "at": loss.span.ends}
    with connection.transaction():
        connection.execute(_SQL["lock_rollups"])
        row = connection.execute(_SQL["first_midnight"], asked).fetchone()
        assert row is not None
        if connection.execute(_SQL["rolled_up"], {**asked, "ends": row[0]}).fetchone() != (True,):
            return False
        for name in ("move_horizon", "freeze"):
            connection.execute(_SQL[name], {**asked, "kept_from": row[0]})
    return True


def _drop(connection: Connection[Any], loss: SpanLoss, at: datetime, unfiled: Set[int]) -> bool:
    """Drop a span whole; False where somebody uses it now, a late sample came, or one of `unfiled` wants files now."""
    bounds = {"begins": loss.span.begins, "ends": loss.span.ends}
    try:
        with connection.transaction():
            connection.execute(_SQL["hurry"])
            if not _may_go_unfiled(connection, unfiled):
                return False
            flavour.lock_span(connection, loss.span)
            if loss.level == "raw":
                asked = {**bounds, "retention_class": SAMPLE_RELATIONS[loss.span.relation]}
                if connection.execute(_SQL["anything_late"], asked).fetchone() != (False,):
                    return False
            flavour.drop_span(connection, loss.span)
            for share in loss.shares:
                _note_share(connection, loss, share, share.rows, at)
    except _BUSY:
        return False
    return True


def _may_go_unfiled(connection: Connection[Any], unfiled: Set[int]) -> bool:
    """Say whether organisations want no files still; until the transaction ends, none of them can say otherwise.

    So nothing goes without a file once somebody was told that the archive is required.
    """
    if not unfiled:
        return True
    connection.execute(_SQL["hurry"])
    connection.execute(_SQL["hold_archive_policies"])
    required = archive_required(connection)
    return not any(required[org_id] for org_id in unfiled)


def _delete_share(connection: Connection[Any], loss: SpanLoss, share: Share, at: datetime, unfiled: Set[int]) -> int:
    """Delete one site's rows of a span, a group and a day at a time: nobody waits for longer than that takes."""
    raw = loss.level == "raw"
    query = statement("delete_rows", loss.span.relation, "time" if raw else "bucket")
    step = timedelta(days=1) if raw else loss.span.ends - loss.span.begins
    deleted = 0
    for (group_id,) in connection.execute(_SQL["groups_of_share"], _of(share)).fetchall():
        begins = loss.span.begins
        while begins < loss.span.ends:
            bounds = {"group_id": group_id, "begins": begins, "ends": min(begins + step, loss.span.ends)}
            try:
                with connection.transaction():
                    connection.execute(_SQL["repeatable"])
                    if not _may_go_unfiled(connection, unfiled):
                        return deleted
                    if raw and connection.execute(_SQL["late_in_group"], bounds).fetchone() != (False,):
                        raise Rollback
                    gone = connection.execute(query, bounds).rowcount
                    if gone:
                        _note_share(connection, loss, share, gone, at)
                    deleted += gone
            except _BUSY:
                pass  # a late sample changed a row of it, or archiving is being switched: the next run looks again
            begins += step
    return deleted


def _delete_rows(connection: Connection[Any], loss: RowLoss, at: datetime, stopped: Callable[[], bool]) -> int:
    queries: dict[str, Sequence[LiteralString]] = {
        "day": [_SQL["delete_days"]],
        "conflicts": [_SQL["delete_conflicts"]],
        "gaps": [_SQL["delete_gaps"]],
        "undated": [_SQL["delete_undated"]],
        "alerts": [_SQL["delete_alerts"], _SQL["delete_incidents"]],
        "messages": [_SQL["delete_messages"]],
    }
    asked = {
        "org_id": loss.org_id,
        "retention_class": loss.retention_class,
        "before": loss.before,
        "most": _ROWS_A_STATEMENT,
    }
    deleted = 0
    for query in queries[loss.level]:
        while not stopped():
            with connection.transaction():
                found = connection.execute(query, asked).rowcount
                if found and query is queries[loss.level][0]:  # the plan counts these, not what goes with them
                    _note_rows(connection, loss, found, at)
            deleted += found
            if found < _ROWS_A_STATEMENT:
                break
    return deleted


def _note_share(connection: Connection[Any], loss: SpanLoss, share: Share, rows: int, at: datetime) -> None:
    record.note_loss(
        connection,
        at=at,
        org_id=share.site.org_id,
        site_id=share.site.site_id,
        retention_class=share.retention_class,
        level=loss.level,
        rows=rows,
        size_bytes=share.size_bytes * rows // share.rows,
        first=share.first,
        last=share.last,
    )


def _note_rows(connection: Connection[Any], loss: RowLoss, rows: int, at: datetime) -> None:
    record.note_loss(
        connection,
        at=at,
        org_id=loss.org_id,
        site_id=None,
        retention_class=loss.retention_class,
        level=loss.level,
        rows=rows,
        size_bytes=loss.size_bytes * rows // loss.rows,
        first=loss.first,
        last=loss.last,
    )


def _of(share: Share) -> dict[str, Any]:
    return {
        "site_id": share.site.site_id,
        "org_id": share.site.org_id,
        "zone": share.site.time_zone,
        "retention_class": share.retention_class,
    }
