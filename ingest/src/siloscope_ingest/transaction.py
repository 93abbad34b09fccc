"""The one transaction that a batch is: samples, what was refused, latest, and last of all the ledger.

Every table is written in order of its key, so that any number of writers never deadlock.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

from psycopg.errors import UniqueViolation

from siloscope_ingest.batches import Batch
from siloscope_ingest.database import Connection
from siloscope_ingest.origins import RecentBatches
from siloscope_ingest.replays import Replays, outcome
from siloscope_ingest.shapes import TABLES
from siloscope_process.clock import from_ms
from siloscope_store import ledger, quarantine, relative_messages, rollup_marks, samples
from siloscope_store.quarantine import BatchNumber
from siloscope_store.samples import Conflict, Difference


@dataclass(frozen=True)
class Committed:
    """What a transaction did.

    Attributes:
        conflicts: Second values that differ from what is kept.
    """

    conflicts: int


async def commit(
    connection: Connection, batch: Batch, number: BatchNumber, recent: RecentBatches, meanwhile: Callable[[], None]
) -> Committed:
    """Write a batch, all of it or nothing.

    Args:
        connection: One that `prepare_writing` has seen.
        batch: What to write.
        number: The same each time that this batch is tried, and higher than those of the writer's batches before it.
        recent: Knows which packs brought what the batch contradicts.
        meanwhile: Called once it is the server's turn to work.

    Raises:
        psycopg.Error: Nothing was written, or, where the connection broke at the end, perhaps all was: doing it again
            is harmless.
    """
    if batch.sealed().fresh:
        try:
            return await _commit(connection, batch, number, recent, meanwhile, fresh=True)
        except UniqueViolation:  # somebody else brought some of it meanwhile, or a batch just before
            pass
    return await _commit(connection, batch, number, recent, meanwhile, fresh=False)


async def _commit(
    connection: Connection,
    batch: Batch,
    number: BatchNumber,
    recent: RecentBatches,
    meanwhile: Callable[[], None],
    *,
    fresh: bool,
) -> Committed:
    sealed = batch.sealed()
    async with connection.transaction():
        differences = await _write_samples(connection, batch, fresh=fresh)
        await _write_exceptions(connection, batch, number, recent.conflicts(differences, batch))
        asyncio.get_running_loop().call_soon(meanwhile)
        if sealed.partial or sealed.newest:
            tables = tuple(table for table, rows in zip(TABLES, sealed.rows, strict=True) if rows)
            await samples.write_latest(connection, sealed.partial, sealed.newest, tables)
        if batch.relative:
            await relative_messages.remember(connection, batch.relative)
        if sealed.accounted:
            await ledger.account(connection, sealed.accounted)
    return Committed(len(differences))


async def _write_samples(connection: Connection, batch: Batch, *, fresh: bool) -> list[Difference]:
    differences: list[Difference] = []
    for place, (table, rows) in enumerate(zip(TABLES, batch.sealed().rows, strict=True)):
        if not rows:
            continue
        spans = batch.spans(place)
        if spans:
            await samples.make_room(connection, table, spans)
        late_at_ms = batch.late_at_ms(place)
        others = batch.contradicting(place)
        written = await samples.write(connection, table, rows, late_at_ms=late_at_ms, others=others, fresh=fresh)
        differences += written.differences
        await rollup_marks.mark_incoming(connection, table)
    return differences


async def _write_exceptions(
    connection: Connection, batch: Batch, number: BatchNumber, conflicts: list[Conflict]
) -> None:
    """Write what nearly no batch has."""
    if conflicts:
        await samples.keep_conflicts(connection, conflicts)
    if not batch.exceptions:
        return
    undated = [each for entry in batch.exceptions for each in entry.undated]
    if undated:
        await samples.keep_undated(connection, undated)
    gaps = [each for entry in batch.exceptions for each in entry.gaps]
    if gaps:
        await ledger.record_gaps(connection, gaps)
    refused = [
        replace(entry.refused, at=from_ms(entry.delivery.received_ms))
        for entry in batch.exceptions
        if entry.refused is not None
    ]
    if refused:
        await ledger.refuse(connection, refused)
    replayed = [entry for entry in batch.exceptions if isinstance(entry.delivery.line, Replays)]
    if replayed:
        await quarantine.settle_replays(connection, [outcome(entry) for entry in replayed])
    quarantined = [each for entry in batch.exceptions if entry not in replayed for each in entry.quarantined]
    withheld = [entry.withheld for entry in batch.exceptions if entry.withheld is not None]
    if not (quarantined or withheld) or not await quarantine.is_uncounted(connection, number):
        return  # all else of a batch may be written twice; these are counted
    if quarantined:
        await quarantine.keep(connection, quarantined)
    if withheld:
        await quarantine.count_withheld(connection, withheld)
