"""Keeps the quarantine within its age and size: the oldest messages of an organisation go first, and are counted."""

from siloscope_ingest.jobs.job import Connection
from siloscope_store import shelf

_AT_ONCE = 5_000


class QuarantineJob:
    """Prunes.

    Args:
        days: Older messages go.
        most_bytes: What an organisation's messages may take together.
    """

    name = "quarantine"
    every_s = 600.0

    def __init__(self, days: float, most_bytes: int) -> None:
        self._days = days
        self._most_bytes = most_bytes

    async def run(self, connection: Connection) -> bool:
        """Delete what is too old or too much."""
        async with connection.transaction():
            gone = await shelf.prune(
                connection, older_than_days=self._days, most_bytes=self._most_bytes, limit=_AT_ONCE
            )
        return gone >= _AT_ONCE
