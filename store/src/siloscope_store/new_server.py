"""What a fresh PostgreSQL server needs before it can be migrated: a database, and the role that owns it."""

from psycopg import sql

from siloscope_store.statements import statements

_SQL = statements("new_server.sql")


def database_and_owner(database: str, role: str, password: str) -> list[str]:
    """Return the statements, each on one line, as `postgres --single` reads them."""
    names = {"role": sql.Identifier(role), "database": sql.Identifier(database), "password": sql.Literal(password)}
    composed = (sql.SQL(_SQL[name]).format(**names).as_string() for name in ("services_role", "database"))
    return [" ".join(statement.split()) for statement in composed]
