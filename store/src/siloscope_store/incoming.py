"""Rows on their way into a table where some may be already: by COPY to a temporary table first.

A statement a row takes twice the processor time of both sides, and so do arrays as parameters; a flood of messages that
are refused would hold up those that are not.
"""

from collections.abc import Mapping, Sequence
from typing import Any, LiteralString

from psycopg import AsyncConnection


async def write(
    connection: AsyncConnection[Any],
    sql: Mapping[str, LiteralString],
    name: str,
    types: Sequence[str],
    rows: Sequence[Sequence[Any]],
) -> None:
    """Copy rows and move them to where they belong, in the transaction of the caller or one of its own.

    Args:
        connection: To the database.
        sql: Statements: `prepare_<name>` makes the temporary table, `copy_<name>` fills it, `<name>` moves its rows.
        name: What of them.
        types: Of the temporary table's columns.
        rows: What to write.
    """
    async with connection.transaction(), connection.cursor() as cursor:  # what is copied is gone with its end
        await cursor.execute(sql[f"prepare_{name}"])
        async with cursor.copy(sql[f"copy_{name}"]) as copy:
            copy.set_types(types)
            for row in rows:
                await copy.write_row(row)
        await cursor.execute(sql[name])
