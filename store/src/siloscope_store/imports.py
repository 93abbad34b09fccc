"""How far each import has come: kept beside the samples, in their transactions."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection

from siloscope_store.statements import statements

_SQL = statements("imports.sql")
Connection = AsyncConnection[Any]


@dataclass
class Progress:
    """What of a file is stored.

    Attributes:
        position: Everything of the file before it: bytes of text, rows of Parquet.
        line: The last line or row before it.
        readings: Readings taken, also those that were there already.
        new_samples: Samples that were not there before.
        conflicts: Second values that differ from what is kept; they are in sample_conflict.
        missing: Values that the file itself marks as absent.
        refused: Lines in the reject file.
        rejects_bytes: Length of the reject file.
    """

    position: int = 0
    line: int = 0
    readings: int = 0
    new_samples: int = 0
    conflicts: int = 0
    missing: int = 0
    refused: int = 0
    rejects_bytes: int = 0
    finished_at: datetime | None = None


async def site(connection: Connection, org: str, site: str) -> tuple[int | None, int | None]:
    """Return the ids of an organisation and a site of it; None for what does not exist."""
    row = await (await connection.execute(_SQL["site"], {"org": org, "site": site})).fetchone()
    return (None, None) if row is None else (row[0], row[1])


async def lock(connection: Connection, fingerprint: bytes) -> bool:
    """Take an import for this session; False where another one has it."""
    row = await (await connection.execute(_SQL["lock"], {"fingerprint": fingerprint})).fetchone()
    return row is not None and bool(row[0])


async def find(connection: Connection, fingerprint: bytes) -> Progress | None:
    """Return how far an import has come; None where it never began."""
    row = await (await connection.execute(_SQL["find"], {"fingerprint": fingerprint})).fetchone()
    return None if row is None else Progress(*row[1:])


async def begin(connection: Connection, fingerprint: bytes, org_id: int, source: str, target: str) -> None:
    """Note that an import begins."""
    parameters = {"fingerprint": fingerprint, "org_id": org_id, "source": source, "target": target}
    await connection.execute(_SQL["begin"], parameters)


async def again(connection: Connection, fingerprint: bytes) -> None:
    """Begin a known import anew."""
    await connection.execute(_SQL["again"], {"fingerprint": fingerprint})


async def advance(connection: Connection, fingerprint: bytes, progress: Progress) -> None:
    """Note how far an import is, in the transaction that stores the last of it."""
    await connection.execute(_SQL["advance"], {"fingerprint": fingerprint, **vars(progress)})


async def count(connection: Connection, fingerprint: bytes, new_samples: int) -> None:
    """Note how many samples were new, in a transaction that stores part of a block."""
    await connection.execute(_SQL["count"], {"fingerprint": fingerprint, "new_samples": new_samples})


async def finish(connection: Connection, fingerprint: bytes) -> None:
    """Note that an import is done."""
    await connection.execute(_SQL["finish"], {"fingerprint": fingerprint})
