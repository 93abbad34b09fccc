"""Dating what is spooled: once, before it is first sent, by the clock of the boot that it was read in."""

import sqlite3

from siloscope_contract.packs import Form
from siloscope_edge.epochs import first_number, ordinal_of
from siloscope_edge.instants import EARLIEST_MS, BootBase, Stamp, dated
from siloscope_edge.packing import with_dates
from siloscope_edge.spans import Spans
from siloscope_edge.spool_file import SQL, transaction, translated_errors

_BATCH = 200
UNDATED, KNOWN, PROVISIONAL = 0, 1, 2


def undated_numbers(connection: sqlite3.Connection) -> Spans:
    """Return the numbers of all packs without dates."""
    found = Spans()
    with translated_errors():
        for (number,) in connection.execute(SQL["undated_numbers"]):
            found.add(number, number + 1)
    return found


def date_some(connection: sqlite3.Connection, boot: str, number: int, stamp: Stamp, form: Form) -> Spans:
    """Date packs from ``number`` on, in one transaction, if their epoch is of this boot; return their numbers.

    Raises:
        SpoolFull: The disk takes no more; nothing happened.
    """
    with translated_errors():
        (of_boot,) = connection.execute(SQL["boot_of_epoch"], (ordinal_of(number),)).fetchone()
    return _date(connection, number, stamp, form) if of_boot == boot else Spans()


def date_earlier_boots(connection: sqlite3.Connection, boot: str, form: Form) -> None:
    """Date what earlier boots left without dates by the best that is known of their clocks: nobody learns more."""
    with translated_errors():
        left = connection.execute(SQL["undated_ordinals"]).fetchall()
    for ordinal, of_boot in left:
        if of_boot == boot:
            continue
        base = read_boot(connection, of_boot)
        stamp = base.stamp if base is not None else Stamp((newest_known_ms(connection) or EARLIEST_MS) + 1, known=False)
        while _date(connection, first_number(ordinal), stamp, form):
            pass


def read_boot(connection: sqlite3.Connection, boot: str | None) -> BootBase | None:
    """Return what is remembered of a boot's clock."""
    with translated_errors():
        row = connection.execute(SQL["boot"], (boot,)).fetchone()
    if row is None:
        return None
    name, base_ms, known, at_boot_ms, final = row
    return BootBase(name, Stamp(base_ms, bool(known)), at_boot_ms, bool(final))


def remember_boot(connection: sqlite3.Connection, base: BootBase) -> None:
    """Remember a boot's clock, and forget those of boots that left nothing."""
    stamp = base.stamp
    with transaction(connection):
        connection.execute(SQL["forget_boots"])
        row = (base.boot, stamp.base_ms, int(stamp.known), base.at_boot_ms, int(base.final))
        connection.execute(SQL["remember_boot"], row)


def newest_known_ms(connection: sqlite3.Connection) -> int | None:
    """Return the date of the newest sample that a clock dated which was right."""
    with translated_errors():
        row = connection.execute(SQL["newest_known"]).fetchone()
    return row[0] if row is not None else None


def _date(connection: sqlite3.Connection, number: int, stamp: Stamp, form: Form) -> Spans:
    done = Spans()
    with translated_errors():
        end = first_number(ordinal_of(number) + 1)
        rows = connection.execute(SQL["undated"], (number, end, _BATCH)).fetchall()
    changes = []
    for each, spooled_ms, payload in rows:
        pack = with_dates(bytes(payload), stamp, form)
        how = KNOWN if stamp.known else PROVISIONAL
        changes.append((pack.first_ms, pack.last_ms, dated(spooled_ms, stamp), pack.payload, how, each))
        done.add(each, each + 1)
    with transaction(connection):
        connection.executemany(SQL["give_dates"], changes)
    return done
