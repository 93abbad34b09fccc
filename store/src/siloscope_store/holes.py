"""Holes between stored samples, kept so that nobody has to read a month of samples to say what is missing of it.

Each function is one transaction, run by one job at a time: killed anywhere, the next run goes on.
"""

from collections import defaultdict
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.sql import SQL, Composed, Identifier

from siloscope_store.samples import SampleTable
from siloscope_store.statements import statements

_SQL = statements("holes.sql")
Connection = AsyncConnection[Any]
_TABLES = {"measurements": SampleTable.MEASUREMENTS, "vitals": SampleTable.VITALS}


async def search(connection: Connection, most: int = 500) -> bool:
    """Look for holes where samples have settled since the last time; return whether more groups wait.

    Args:
        connection: Outside of any transaction.
        most: How many groups one transaction takes.
    """
    async with connection.transaction():
        found = await (await connection.execute(_SQL["unsearched"], {"most": most})).fetchall()
        by_class = defaultdict[tuple[str, datetime], list[int]](list)
        for group_id, retention_class, ends in found:
            by_class[retention_class, ends].append(group_id)
        for (retention_class, ends), group_ids in by_class.items():
            parameters = {"group_ids": group_ids, "ends": ends}
            await connection.execute(_statement("search", retention_class), parameters)
            await connection.execute(_statement("note_searched", retention_class), parameters)
    return len(found) == most


async def search_again(connection: Connection, most: int = 2000) -> bool:
    """Look again where samples came late or went; return whether more marks wait.

    Args:
        connection: Outside of any transaction.
        most: How many marks one transaction takes.
    """
    async with connection.transaction():
        taken = await connection.execute(_SQL["take_touched"], {"most": most})
        by_class = defaultdict[str, list[tuple[int, datetime]]](list)
        for group_id, hour, retention_class in await taken.fetchall():
            by_class[retention_class].append((group_id, hour))
        for retention_class, hours in by_class.items():
            parameters = {"group_ids": [group_id for group_id, _ in hours], "hours": [hour for _, hour in hours]}
            forgotten = await (await connection.execute(_SQL["forget_holes"], parameters)).fetchall()
            await connection.execute(_statement("search_again", retention_class), parameters)
            ends = {"group_ids": [group_id for group_id, _ in forgotten], "after": [after for _, after in forgotten]}
            await connection.execute(_statement("keep_older_ends", retention_class), ends)
            await connection.execute(_statement("note_first", retention_class), parameters)
    waiting = await (await connection.execute(_SQL["touched_left"])).fetchone()
    return waiting == (True,)


def _statement(name: str, retention_class: str) -> Composed:
    table = _TABLES[retention_class].value
    return SQL(_SQL[name]).format(reader=Identifier(f"holes_of_{table}"), ends=Identifier(f"ends_of_{table}"))
