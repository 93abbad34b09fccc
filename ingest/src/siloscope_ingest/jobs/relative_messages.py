"""Forgetting messages without times of their own, once no broker delivers them again."""

from siloscope_ingest.jobs.job import Connection
from siloscope_ingest.redeliveries import REMEMBERED_MS
from siloscope_process.clock import Clock, from_ms
from siloscope_store import relative_messages


class RelativeMessagesJob:
    """Deletes what is older than a redelivery can be.

    Args:
        clock: What time it is.
    """

    name = "relative-messages"
    every_s = 20.0

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def run(self, connection: Connection) -> bool:
        """Delete a bounded number."""
        return await relative_messages.prune(connection, from_ms(self._clock.now_ms()), REMEMBERED_MS / 1000)
