"""Looking for holes between stored samples, so that what is missing of a month is known without reading the month."""

from siloscope_ingest.jobs.job import Connection
from siloscope_store import holes


class GapsJob:
    """Looks where samples have settled, and again where late ones changed what is there."""

    name = "gaps"
    every_s = 20.0

    async def run(self, connection: Connection) -> bool:
        """Take one bounded piece of each."""
        again = await holes.search_again(connection)
        return await holes.search(connection) or again
