"""What is wrong between the edge's spool and the database."""

from tests.system.spooled import Instant, Spooled, Value
from tests.system.stored import Stored

Wrong = tuple[str, Instant, Value | None, Value | None]


def differences(due: Spooled, spooled: Spooled, stored: Stored) -> list[Wrong]:
    """Return what is lost, altered, doubled or invented: what happened, where, as spooled, as stored.

    Args:
        due: What the spool held when the database had accounted for all of it.
        spooled: What it held after the database was read, so that nothing stored can be newer.
        stored: What the database held in between.
    """
    found: list[Wrong] = [("spooled twice", at, spooled.readings[at], None) for at in spooled.twice]
    found += [("stored twice", at, spooled.readings.get(at), stored.readings[at]) for at in stored.twice]
    for at, read in due.readings.items():
        if at not in stored.readings:
            found.append(("lost", at, read, None))
    for at, kept in stored.readings.items():
        if at not in spooled.readings:
            found.append(("invented", at, None, kept))
        elif spooled.readings[at] != kept:
            found.append(("altered", at, spooled.readings[at], kept))
    return found
