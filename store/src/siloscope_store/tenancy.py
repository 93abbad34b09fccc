"""Database roles of one organisation: they see its rows through views and row-level security, and nothing else."""

import secrets
from typing import Any

import psycopg
from psycopg import Connection, sql

from siloscope_store.errors import DatabaseRefused, NameTaken, NameUnknown
from siloscope_store.statements import statements

_SQL = statements("tenancy.sql")


def create_role(connection: Connection[Any], organisation: str, name: str) -> str:
    """Create a login role that sees one organisation and return its generated password, which is stored nowhere.

    Raises:
        NameUnknown: No such organisation.
        NameTaken: The server has a role of that name.
        DatabaseRefused: This user may not create roles.
    """
    with connection.transaction():
        found = connection.execute(_SQL["organisation"], {"slug": organisation}).fetchone()
        if found is None:
            raise NameUnknown("organisation", organisation)
        password = secrets.token_urlsafe(24)
        # Hashed here, so that the password reaches neither the wire nor the server's log.
        verifier = connection.pgconn.encrypt_password(password.encode(), name.encode(), b"scram-sha-256")
        try:
            connection.execute(
                sql.SQL(_SQL["create_role"]).format(role=sql.Identifier(name), verifier=sql.Literal(verifier.decode()))
            )
        except psycopg.errors.DuplicateObject:
            raise NameTaken("database role", name) from None
        except psycopg.errors.InsufficientPrivilege:
            raise DatabaseRefused("this user may not create roles; give it CREATEROLE") from None
        connection.execute(_SQL["map_role"], {"role": name, "org_id": found[0]})
        _grant(connection, name)
    return password


def drop_role(connection: Connection[Any], name: str) -> str:
    """Remove a tenant role and all its rights; return the slug of the organisation that it saw.

    Raises:
        NameUnknown: No tenant role of that name.
    """
    with connection.transaction():
        organisation = connection.execute(_SQL["unmap_role"], {"role": name}).fetchone()
        if organisation is None:
            raise NameUnknown("tenant role", name)
        _for_all_shown(connection, "revoke", name)
        for statement in ("revoke_schema", "drop_role"):
            connection.execute(sql.SQL(_SQL[statement]).format(role=sql.Identifier(name)))
    return str(organisation[0])


def grant_all(connection: Connection[Any]) -> None:
    """Give every tenant role its grants again; a migration may have made a view anew."""
    if connection.execute(_SQL["tenancy_exists"]).fetchone() != (True,):
        return
    for (name,) in connection.execute(_SQL["living_roles"]).fetchall():
        _grant(connection, name)


def _grant(connection: Connection[Any], name: str) -> None:
    connection.execute(sql.SQL(_SQL["grant_schema"]).format(role=sql.Identifier(name)))
    _for_all_shown(connection, "grant", name)


def _for_all_shown(connection: Connection[Any], what: str, role: str) -> None:
    """Grant or revoke everything that a tenant role sees."""
    for kind in ("relation", "function"):
        for (name,) in connection.execute(_SQL[f"shown_{kind}s"]).fetchall():
            names = {"name": sql.Identifier(name), "role": sql.Identifier(role)}
            connection.execute(sql.SQL(_SQL[f"{what}_{kind}"]).format(**names))
