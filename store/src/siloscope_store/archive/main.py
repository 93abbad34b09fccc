"""`siloscope db archive`: make, list and check the files of the archive, and put their samples back."""

import argparse
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from siloscope_process.errors import WrongSetting
from siloscope_store import audit, flavour, schema
from siloscope_store.archive import adopting, catalogue, forgetting, restoring, verifying
from siloscope_store.archive.catalogue import TABLES, DayKey
from siloscope_store.archive.writing import archive_day
from siloscope_store.connections import connect
from siloscope_store.errors import ArchiveBroken
from siloscope_store.orders import ACTOR, APPLICATION, Actions, Order, action
from siloscope_store.retention.turns import turn

_HELD_DAYS = 7


def configure(actions: Actions) -> None:
    """Add the words."""
    run = action(actions, "run", _run, "write the files of days that have none; drops nothing")
    listing = action(actions, "list", _list, "list the files")
    verify = action(actions, "verify", _verify, "read every file and compare it with what was recorded")
    for parser in (run, listing, verify):
        parser.add_argument("--org", metavar="ORGANISATION")
        _add_site_and_days(parser, required=False)
    adopt = action(actions, "adopt", _adopt, "take over files that the database does not know: after its restore")
    adopt.add_argument("--org", metavar="ORGANISATION")
    adopt.add_argument("--site", metavar="SITE")
    adopt.add_argument(
        "--without-sum", action="store_true", help="also files of versions that wrote no sum of what they hold"
    )
    forget = action(actions, "forget", _forget, "give files up that are missing or damaged for good; no others")
    forget.add_argument("--org", metavar="ORGANISATION", required=True)
    forget.add_argument("--dry-run", action="store_true", help="only say which those are")
    _add_site_and_days(forget, required=True)
    restore = action(actions, "restore", _restore, "put samples back; what is there stays")
    restore.add_argument("--org", metavar="ORGANISATION", required=True)
    _add_site_and_days(restore, required=True)
    restore.add_argument(
        "--hold-days",
        metavar="N",
        type=int,
        default=_HELD_DAYS,
        help=f"how long retention lets them be; {_HELD_DAYS} unless told",
    )


def _add_site_and_days(parser: argparse.ArgumentParser, *, required: bool) -> None:
    parser.add_argument("--site", metavar="SITE", required=required)
    parser.add_argument("--from", dest="from_day", metavar="DATE", type=_day, required=required, help="local date")
    parser.add_argument("--to", dest="to_day", metavar="DATE", type=_day, required=required, help="the last one")


def _run(order: Order) -> None:
    directory = _directory(order)
    at = order.clock.now()
    broken: list[ArchiveBroken] = []
    with connect(order.url, application_name=APPLICATION, autocommit=True) as connection:
        schema.require_current(connection)
        with turn(connection):
            catalogue.require_folder(connection, directory)
            for key in _wanted(order, at):
                if catalogue.is_archived(connection, key):
                    continue
                try:
                    written = archive_day(connection, directory, key, at=at)
                except ArchiveBroken as error:
                    broken.append(error)
                    continue
                if written is not None:
                    print(f"{written.path}: {written.samples} samples, {written.size_bytes} bytes")
    if broken:
        raise ArchiveBroken(broken[0].path, f"{broken[0].problem} ({len(broken)} files stand in the way)")


def _wanted(order: Order, at: datetime) -> list[DayKey]:
    """Return the days that have samples and are over, within what was asked for."""
    given = order.arguments
    keys: list[DayKey] = []
    with order.connect() as connection:
        for site in catalogue.sites(connection, given.org, given.site):
            for retention_class, table in TABLES.items():
                for span in flavour.spans(connection, table.value):
                    if span.begins < at:
                        ends = min(span.ends, at)
                        keys += catalogue.days_with_samples(connection, site, retention_class, span.begins, ends)
    first, last = given.from_day or date.min, given.to_day or date.max
    return [
        key
        for key in dict.fromkeys(keys)
        # A day is over everywhere on earth 14 hours after it began to end: until then it may still grow.
        if first <= key.day <= last and key.day < (at - timedelta(hours=14)).date()
    ]


def _list(order: Order) -> None:
    given = order.arguments
    with order.connect() as connection:
        schema.require_current(connection)
        found = catalogue.files(connection, given.org, given.site, given.from_day, given.to_day)
    for file in found:
        state = "raw dropped" if file.emptied else "complete" if file.final else "made before its time"
        print(f"{file.path}  version {file.version}  {file.samples} samples  {file.size_bytes} bytes  {state}")
    if not found:
        print("there are no files")


def _verify(order: Order) -> None:
    directory, given = _directory(order), order.arguments
    wrong: list[ArchiveBroken] = []
    with order.connect() as connection:
        schema.require_current(connection)
        found = catalogue.files(connection, given.org, given.site, given.from_day, given.to_day)
        for file in found:
            try:
                verifying.verify(connection, directory, file, at=order.clock.now())
            except ArchiveBroken as error:
                wrong.append(error)
                print(error.message)
    print(f"{len(found)} files, {len(wrong)} of them wrong")
    if wrong:
        raise ArchiveBroken(wrong[0].path, wrong[0].problem)


def _adopt(order: Order) -> None:
    directory, given = _directory(order), order.arguments
    broken: list[ArchiveBroken] = []
    files = 0
    with connect(order.url, application_name=APPLICATION, autocommit=True) as connection:
        schema.require_current(connection)
        with turn(connection):
            for site in catalogue.sites(connection, given.org, given.site):
                for key in adopting.unknown(connection, directory, site):
                    try:
                        samples = adopting.adopt(
                            connection, directory, key, at=order.clock.now(), without_sum=given.without_sum
                        )
                    except ArchiveBroken as error:
                        broken.append(error)
                        print(error.message)
                        continue
                    files += 1
                    print(f"{key.path}: {samples} samples")
    print(f"{files} files taken over, {len(broken)} cannot be")
    if broken:
        raise ArchiveBroken(broken[0].path, broken[0].problem)


def _forget(order: Order) -> None:
    directory, given = _directory(order), order.arguments
    done: list[forgetting.Lost] = []
    with connect(order.url, application_name=APPLICATION, autocommit=True) as connection:
        schema.require_current(connection)
        with turn(connection):
            catalogue.require_folder(connection, directory)
            found = catalogue.files(connection, given.org, given.site, given.from_day, given.to_day)
            for file in found:
                lost = forgetting.lost(connection, directory, file)
                if lost is None:
                    continue
                if not given.dry_run:
                    forgetting.forget(connection, directory, lost)
                done.append(lost)
                left = "" if lost.aside is None else f", what is there is now {lost.aside.name}"
                print(f"{file.path}: {lost.problem}; {file.samples} samples are lost{'' if given.dry_run else left}")
        if done and not given.dry_run:
            detail = {
                "from": given.from_day.isoformat(),
                "to": given.to_day.isoformat(),
                "files": len(done),
                "samples": sum(each.file.samples for each in done),
            }
            audit.record(connection, audit.Deed(ACTOR, "archive.forget", given.site, detail), organisation=given.org)
    whole = len(found) - len(done)
    verb = "would be" if given.dry_run else "are"
    print(f"{len(done)} files {verb} forgotten, {whole} {'is whole and stays' if whole == 1 else 'are whole and stay'}")


def _restore(order: Order) -> None:
    directory, given = _directory(order), order.arguments
    if given.hold_days < 1:
        raise WrongSetting(f"--hold-days is {given.hold_days}; expected 1 or more")
    with connect(order.url, application_name=APPLICATION, autocommit=True) as connection:
        schema.require_current(connection)
        with turn(connection):
            found = catalogue.files(connection, given.org, given.site, given.from_day, given.to_day)
            if not found:
                raise WrongSetting(f"there is no file of {given.org}/{given.site} in these days")
            held_until = order.clock.now() + timedelta(days=given.hold_days)
            done = restoring.restore(connection, directory, found, held_until=held_until)
        detail = {"from": given.from_day.isoformat(), "to": given.to_day.isoformat(), "new": done.new}
        audit.record(connection, audit.Deed(ACTOR, "archive.restore", given.site, detail), organisation=given.org)
    print(
        f"{done.files} files, {done.samples} samples: {done.new} put back, {done.samples - done.new} were there, "
        f"{done.conflicts} readings differ and stay; held until {held_until.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    )
    if done.incomplete:
        print(f"{done.incomplete} days are not held: some of their samples went without a file; their roll-ups stay")


def _directory(order: Order) -> Path:
    if order.archive_directory is None:
        raise WrongSetting("SILOSCOPE_ARCHIVE_DIRECTORY is not set; expected the folder of the archive")
    return order.archive_directory


def _day(text: str) -> date:
    return date.fromisoformat(text)
