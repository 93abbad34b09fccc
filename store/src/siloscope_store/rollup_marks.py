"""Marks for roll-ups: who adds, changes or removes samples of a time that may be rolled up already says so here.

A mark is written in the transaction that changes the samples, and after it did so. The roll-up job takes the marks that
it sees and computes what they name again from the samples. One too many costs a little work, one too few leaves a
roll-up wrong for good. Who drops samples for their age marks nothing, and moves `rollup_frozen` instead.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection, Connection
from psycopg.sql import SQL, Identifier

from siloscope_store.samples import SampleTable
from siloscope_store.statements import statements

_SQL = statements("rollup_marks.sql")


async def mark_incoming(connection: AsyncConnection[Any], table: SampleTable) -> None:
    """Mark what a batch brought too late, from the temporary table that it came through.

    Args:
        connection: In the transaction of `samples.write`, after it.
        table: Which samples were written.
    """
    await connection.execute(SQL(_SQL["mark_incoming"]).format(incoming=Identifier(f"incoming_{table.value}")))


async def mark_touched(connection: AsyncConnection[Any], group_ids: Sequence[int], times: Sequence[datetime]) -> None:
    """Mark the hours of samples, given as two lists of one length."""
    await connection.execute(_SQL["mark"], {"group_ids": list(group_ids), "times": list(times)})


async def mark_between(
    connection: AsyncConnection[Any], group_ids: Sequence[int], begins: datetime, ends: datetime
) -> None:
    """Mark every hour that meets [begins, ends), for each of these groups."""
    await connection.execute(_SQL["mark_between"], {"group_ids": list(group_ids), "begins": begins, "ends": ends})


def mark_touched_now(connection: Connection[Any], group_ids: Sequence[int], times: Sequence[datetime]) -> None:
    """Do as `mark_touched`, on a synchronous connection."""
    connection.execute(_SQL["mark"], {"group_ids": list(group_ids), "times": list(times)})


def mark_between_now(connection: Connection[Any], group_ids: Sequence[int], begins: datetime, ends: datetime) -> None:
    """Do as `mark_between`, on a synchronous connection."""
    connection.execute(_SQL["mark_between"], {"group_ids": list(group_ids), "begins": begins, "ends": ends})
