"""Weeks far from now: opened on request, so many a day, whoever asks."""

from typing import Any

from psycopg import AsyncConnection

from siloscope_process.clock import from_ms
from siloscope_store.samples import SPAN_MS, SampleTable
from siloscope_store.statements import statements

_SQL = statements("spans.sql")


async def grant(
    connection: AsyncConnection[Any], table: SampleTable, span: int, node_id: int | None, *, walks: bool, most: int
) -> bool:
    """Say whether a span may be written to, granting it where so few were granted in the last day that it may be.

    Args:
        connection: Outside of a transaction.
        table: Whose span.
        span: Its number since 1970.
        node_id: On whose behalf.
        walks: It lies beside one that the node wrote to; such ones are counted apart.
        most: How many of its kind may be granted in a day.
    """
    parameters = {"relation": table.value, "start": from_ms(span * SPAN_MS)}
    async with connection.transaction():
        await connection.execute(_SQL["lock"])
        found = await (await connection.execute(_SQL["is_open"], parameters)).fetchone()
        assert found is not None
        if found[0]:
            return True
        granted = await connection.execute(
            _SQL["grant"], {**parameters, "node_id": node_id, "walk": walks, "most": most}
        )
        return granted.rowcount == 1
