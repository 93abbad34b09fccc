"""Everything the store raises.

* Stop (siloscope_process)
  - Unavailable
    * DatabaseUnavailable   the server does not answer, or not yet: retry
      - StatementTooSlow    it answers, but gave up what was asked: ask for less
  - WrongSetting
    * DatabaseRefused       wrong URL, password, database or right: only a person can mend it
    * SchemaOutdated        `siloscope db migrate` has not run, or an older program meets a newer schema
    * LayoutWrong           a layout file does not say what it should; names file and line
    * NameUnknown           an organisation, site or user of that name does not exist
      - NameMissing         none was named, and there is not just one
    * NameTaken             it exists already
    * RetentionWrong        a retention that cannot be set; says what was found and what is expected
    * ArchiveBroken         an archive file that is needed is missing, damaged, or not what the database says
    * ArchiveBusy           retention, archive or restore is at work already
* StoreError
  - CursorMalformed         a page or change cursor that this store never gave out
  - VersionChanged          somebody else changed it since whoever changes it now looked
  - WeeksClosed             re-dated samples would open more weeks than they may
"""

from collections.abc import Sequence

from siloscope_process.errors import Unavailable, WrongSetting


class DatabaseUnavailable(Unavailable):
    """The server does not answer; the same call may work later."""


class StatementTooSlow(DatabaseUnavailable):
    """The server gave a statement up, mostly because it ran longer than it may."""


class DatabaseRefused(WrongSetting):
    """The URL cannot be read, or the server refuses what it says."""


class SchemaOutdated(WrongSetting):
    """The schema is not the one that this program was written for."""


class LayoutWrong(WrongSetting):
    """A layout file is wrong at one place."""

    def __init__(self, place: str, problem: str) -> None:
        super().__init__(f"{place}: {problem}")
        self.place = place


class NameUnknown(WrongSetting):
    """Nothing of that name exists."""

    def __init__(self, what: str, name: str) -> None:
        super().__init__(f"no {what} is named {name!r}")


class NameMissing(NameUnknown):
    """One of several must be named, or there is none to name."""

    def __init__(self, what: str, known: Sequence[str]) -> None:
        WrongSetting.__init__(self, f"no {what} was named; name one of {', '.join(known) or 'them, once there is one'}")


class NameTaken(WrongSetting):
    """Something of that name exists already."""

    def __init__(self, what: str, name: str) -> None:
        super().__init__(f"a {what} named {name!r} exists already")


class RetentionWrong(WrongSetting):
    """A retention that cannot be set."""


class ArchiveBroken(WrongSetting):
    """A file of the archive is not what it must be; nothing is dropped, and nothing is put back from it."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"archive file {path}: {problem}")
        self.path = path
        self.problem = problem


class ArchiveBusy(Unavailable):
    """Retention, archive and restore take turns; somebody else is at work."""


class StoreError(Exception):
    """What a caller of the read path can answer itself."""


class CursorMalformed(StoreError):
    """A cursor is not one that this store gave out."""

    def __init__(self, found: str) -> None:
        super().__init__(f"cursor {found[:40]!r} was not given out here")


class VersionChanged(StoreError):
    """Somebody else set a version since whoever sets one now looked."""

    def __init__(self, expected: int, found: int) -> None:
        super().__init__(f"the newest version is {found}, not {expected}: somebody else set one meanwhile")
        self.expected = expected
        self.found = found


class WeeksClosed(StoreError):
    """Samples would get times of more weeks than may be opened, so many that the times may well be wrong."""

    def __init__(self, found: int, most: int) -> None:
        super().__init__(f"these times are of {found} weeks that nothing is stored of yet, expected at most {most}")
        self.found = found
        self.most = most
