"""An import: read a block, resolve its names, write its samples and how far it is, in bounded transactions.

Killed anywhere, the same command goes on behind the last block that was stored. A block that was stored in part is
written again, which changes nothing: samples are kept by group and time.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from siloscope_store import audit, imports, rollup_marks, samples
from siloscope_store.exchange.assembly import Assembled, Pass, Window, assemble, latest_rows, rows_of
from siloscope_store.exchange.errors import StrictStop
from siloscope_store.exchange.readings import Block, FileReader, Refused
from siloscope_store.exchange.rejects import Rejects
from siloscope_store.exchange.targets import Targets
from siloscope_store.imports import Progress
from siloscope_store.sample_rows import incoming
from siloscope_store.samples import MOST_NEW_SPANS, UNKNOWN_ORIGIN, Conflict, Connection, SampleTable

ACTOR = "command:siloscope data"
_PIECE_BYTES = 1 << 20
Span = tuple[SampleTable, int]


@dataclass(frozen=True)
class ImportOrder:
    """What is to be imported, and how.

    Attributes:
        org_id: Whose it becomes.
        fingerprint: Of the file and of what was said about it.
        source: The file, for people.
        target: Where to, for people.
        window: Times that are believed.
        now_ms: Later times never become the newest reading.
        strict: Stop at the first record that is refused.
    """

    org_id: int
    fingerprint: bytes
    source: str
    target: str
    window: Window
    now_ms: int
    strict: bool


def fingerprint(path: Path, said: str) -> bytes:
    """Return what tells this import from others: all of the file (a second a gigabyte), and what the command said."""
    digest = hashlib.sha256(said.encode("utf-8", "surrogateescape"))
    with path.open("rb") as opened:
        while piece := opened.read(_PIECE_BYTES):
            digest.update(piece)
    return digest.digest()


class Import:
    """Writes what a file says.

    Args:
        connection: In autocommit mode, with nothing else on it.
        order: What is asked for.
        targets: Turns names into channels.
        rejects: Takes what is refused.
        progress: How far an earlier run came.
        told: Is told of each block: bytes read, readings so far.
    """

    def __init__(
        self,
        connection: Connection,
        order: ImportOrder,
        targets: Targets,
        rejects: Rejects,
        progress: Progress,
        told: Callable[[int, int], None],
    ) -> None:
        self._connection = connection
        self._order = order
        self._targets = targets
        self._rejects = rejects
        self._progress = progress
        self._told = told
        self._open: set[Span] = set()

    async def run(self, reader: FileReader) -> Progress:
        """Write everything behind what is stored already.

        Raises:
            StrictStop: Something is refused, and that was to stop it; what came before is stored.
        """
        await samples.prepare(self._connection)
        for block in reader.blocks(self._progress.position, self._progress.line):
            await self._write(block)
            self._told(block.done, self._progress.readings)
        async with self._connection.transaction():
            await imports.finish(self._connection, self._order.fingerprint)
            detail = {name: value for name, value in vars(self._progress).items() if name != "finished_at"}
            deed = audit.Deed(ACTOR, "data.import", self._order.target, {"source": self._order.source, **detail})
            await audit.record_for(self._connection, deed, self._order.org_id)
        return self._progress

    async def _write(self, block: Block) -> None:
        await self._targets.resolve(dict.fromkeys(each.key for each in block.readings))
        made = assemble(block.readings, self._targets.known, self._order.window)
        refused = sorted([*block.refused, *made.refused])
        if refused:
            if self._order.strict:
                raise StrictStop(f"{self._order.source}: {refused[0]}")
            self._rejects.append(refused)
        self._count(block, made, refused)
        steps = [step for one in made.passes for step in self._steps(one, made)]
        if not steps:
            async with self._connection.transaction():
                await imports.advance(self._connection, self._order.fingerprint, self._progress)
        for number, step in enumerate(steps, 1):
            await self._commit(step, made if number == len(steps) else None)

    def _count(self, block: Block, made: Assembled, refused: list[Refused]) -> None:
        progress = self._progress
        progress.position, progress.line = block.position, block.line
        progress.readings += made.readings
        progress.missing += block.missing
        progress.refused += len(refused)
        progress.rejects_bytes = self._rejects.length

    def _steps(self, one: Pass, made: Assembled) -> Iterator[dict[Span, list[bytes]]]:
        """Yield what one transaction may write: it opens a bounded number of chunks."""
        step: dict[Span, list[bytes]] = {}
        new = 0
        for span, rows in sorted(rows_of(one, made.groups).items()):
            if span not in self._open:
                if new == MOST_NEW_SPANS:
                    yield step
                    step, new = {}, 0
                new += 1
            step[span] = rows
        if step:
            yield step

    async def _commit(self, step: dict[Span, list[bytes]], last: Assembled | None) -> None:
        """Write a step and how many samples were new; with a block's last, the newest readings and how far it is."""
        connection, progress = self._connection, self._progress
        async with connection.transaction():
            for table in SampleTable:
                spans = [span for span in step if span[0] is table]
                if not spans:
                    continue
                unknown = [number for _, number in spans if (table, number) not in self._open]
                if unknown:
                    await samples.make_room(connection, table, unknown)
                rows = sorted(row for span in spans for row in step[span])
                written = await samples.write(connection, table, incoming(rows))
                await rollup_marks.mark_incoming(connection, table)
                progress.new_samples += written.new
                if written.differences:
                    progress.conflicts += len(written.differences)
                    found = [Conflict(each, UNKNOWN_ORIGIN, UNKNOWN_ORIGIN) for each in written.differences]
                    await samples.keep_conflicts(connection, found)
            if last is None:
                await imports.count(connection, self._order.fingerprint, progress.new_samples)
            else:
                newest = latest_rows(last.passes, self._order.now_ms)
                if newest:
                    await samples.write_latest(connection, newest)
                await imports.advance(connection, self._order.fingerprint, progress)
        self._open.update(step)
