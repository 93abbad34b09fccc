"""Forgetting epochs of a node that makes up more of them than any has: the ledger keeps a row for each."""

import structlog

from siloscope_ingest.jobs.job import Connection
from siloscope_store import ledger

_log = structlog.get_logger(__name__)
_AT_ONCE = 50_000
_LOOKED_FOR_AFTER = 10_000
"""So many new epochs in all are worth counting those of each node."""


class EpochsJob:
    """Keeps each node's epochs few, one node a run."""

    name = "epochs"
    every_s = 60.0

    def __init__(self) -> None:
        self._begun: int | None = None

    async def run(self, connection: Connection) -> bool:
        """Forget a bounded number; return whether more may wait."""
        begun = await ledger.epochs_begun(connection)
        if self._begun is not None and 0 <= begun - self._begun < _LOOKED_FOR_AFTER:
            return False
        for node_id in await ledger.crowded_nodes(connection):
            forgotten = await ledger.forget_epochs(connection, node_id, limit=_AT_ONCE)
            if forgotten:
                _log.warning("epochs_forgotten", node_id=node_id, epochs=forgotten, kept=ledger.KEPT_EPOCHS)
                return True
        self._begun = begun
        return False
