"""Everything ingest raises.

* IngestError
  - Rejected     this message is bad: quarantine it, acknowledge it, go on
    - Unannounced  nobody announced whose it is; its birth may be on its way, so its number stays open
      * BirthAwaited  its birth is surely on its way: no fault, so nothing is kept of it
  - Transient    the database or the broker is away: keep what is under way, back off, retry
  - Fatal        wrong credentials or schema: stop, exit code 78
  - StoreChanged the database was restored, promoted or replaced: forget everything and begin anew
"""

from collections.abc import Sequence


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


class Unannounced(Rejected):
    """A message of a node or channel that must be announced first, and was not yet.

    A broker does not promise that a birth arrives before the samples that were published behind it.
    """


class BirthAwaited(Unannounced):
    """A numbered pack of a node that announces itself, with channels that it has not announced yet.

    Args:
        device: Whose channels they are.
        channels: Their keys.
    """

    def __init__(self, device: str, channels: Sequence[str]) -> None:
        super().__init__(
            "birth_awaited", f"device {device}: found {', '.join(channels)}, expected a birth that names them first"
        )


class RegistryNeeded(Exception):
    """The database must be asked before a message can be taken: not a failure, it goes the longer way."""


class Transient(IngestError):
    """Something that ingest needs is away."""


class Fatal(IngestError):
    """Only a person can mend it."""


class StoreChanged(IngestError):
    """The database is no longer the one that this service's knowledge came from.

    Ids that it remembers may stand for something else there, and what it had committed may be gone.
    """
