"""A connection that ends before it was of any use: the database is away, and nothing worse."""

import psycopg
import pytest

from siloscope_ingest.database import Connection, Database, Identity
from siloscope_ingest.errors import Transient


@pytest.mark.postgres
async def test_a_session_that_is_ended_while_it_is_prepared_is_tried_again(migrated_postgres_url: str) -> None:
    async def ended(connection: Connection) -> None:
        with psycopg.connect(migrated_postgres_url, autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s, 5000)", (connection.info.backend_pid,))
        await connection.execute("SELECT 1")

    with pytest.raises(Transient, match="administrator command"):
        await Database(migrated_postgres_url, "test", Identity(), ended).connection()
