"""An organisation with a site, and the command that people use."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from psycopg import Connection

from siloscope_process import command_line
from siloscope_store.connections import connect
from siloscope_store.exchange.importing import Import
from tests.store.farm import Farm

Run = Callable[..., int]
_WAIT_FOR_LOCKS = """
SELECT pg_advisory_lock(key), pg_advisory_unlock(key)
FROM (
    SELECT DISTINCT classid::int8 << 32 | objid::int8 AS key
    FROM pg_locks JOIN pg_database AS d ON d.oid = database
    WHERE locktype = 'advisory' AND objsubid = 1 AND d.datname = current_database()
    OFFSET 0
) AS held
"""


@pytest.fixture
def run(migrated_database_url: str) -> Run:
    """Run `siloscope data`."""

    def command(*words: object) -> int:
        try:
            return command_line.main(["data", *map(str, words)], {"SILOSCOPE_DATABASE_URL": migrated_database_url})
        except BaseException:  # a test killed it: the server gives up the locks of its session a moment later
            with connect(migrated_database_url, autocommit=True) as other:
                other.execute(_WAIT_FOR_LOCKS)
            raise

    return command


@pytest.fixture
def to(farm: Farm) -> list[str]:
    """Where to: the words that every import has."""
    return ["--org", farm.slug, "--site", "yard", "--node", "pi"]


class Killed(BaseException):
    """The process ends here."""


def killed_at_commit(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have an import killed when it comes to its so-manyth commit, and no later one."""
    commit, left = Import._commit, number

    async def dying(self: Any, *arguments: Any) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise Killed
        await commit(self, *arguments)

    monkeypatch.setattr(Import, "_commit", dying)


def refused(path: Path) -> list[list[str]]:
    """Return what the reject file beside a file says, without its head."""
    with Path(f"{path}.rejects.csv").open(newline="") as opened:
        return [row[1:] for row in csv.reader(opened)][1:]


def stored(farm: Farm) -> dict[tuple[str, str, str], list[tuple[Any, float | None, int]]]:
    """Return every reading of an organisation as (time, value, quality), by node, device and channel."""
    found: dict[tuple[str, str, str], list[tuple[Any, float | None, int]]] = {}
    rows = farm.connection.execute(
        "SELECT node, device, channel, time, value, quality FROM reading WHERE organisation = %s ORDER BY 1, 2, 3, 4",
        (farm.slug,),
    )
    for node, device, channel, *reading in rows.fetchall():
        found.setdefault((node, device, channel), []).append(tuple(reading))
    return found


def count(connection: Connection[Any], table: str) -> int:
    """Return how many rows a table has."""
    row = connection.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608  # type: ignore[arg-type]
    assert row is not None
    return int(row[0])
