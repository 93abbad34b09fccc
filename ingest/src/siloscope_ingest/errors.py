"""Everything ingest raises.

* IngestError
  - Rejected     this message is bad: quarantine it, acknowledge it, go on
  - Transient    the database or the broker is away: keep what is under way, back off, retry
  - Fatal        wrong credentials or schema: stop, exit code 78
  - StoreChanged the database was restored, promoted or replaced: forget everything and begin anew
"""


class IngestError(Exception):
    """Something that ingest must react to."""


class Rejected(IngestError):
    """A message that cannot be taken.

    Args:
        reason: Slug for logs, metrics and the quarantine.
        detail: Place, what was found, what was expected.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class Transient(IngestError):
    """Something that ingest needs is away."""


class Fatal(IngestError):
    """Only a person can mend it."""


class StoreChanged(IngestError):
    """The database is no longer the one that this service's knowledge came from.

    Ids that it remembers may stand for something else there, and what it had committed may be gone.
    """
