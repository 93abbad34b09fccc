"""The first administrator: made when nobody can log in yet, by exactly one of the processes that find it so."""

from collections.abc import Callable
from typing import Any

from psycopg import Connection

from siloscope_store import audit
from siloscope_store.errors import NameUnknown
from siloscope_store.statements import statements
from siloscope_store.users import add

_SQL = statements("first_user.sql")
USERNAME = "admin"
FIRST_ORGANISATION = ("home", "Home")
_ROLE = "administrator"
_ACTOR = "command:siloscope api"


def add_first(
    connection: Connection[Any], password: str, *, organisation: str | None, keep: Callable[[str], None]
) -> bool:
    """Add an administrator where there is no user at all, and return whether that was so.

    Args:
        connection: Outside a transaction.
        password: Kept as an argon2id hash.
        organisation: Whose administrator; None = the oldest organisation, or a new one named `home`.
        keep: Told the user's name before the user exists for good: where it fails, nothing was added.

    Raises:
        NameUnknown: No such organisation.
    """
    with connection.transaction():
        connection.execute(_SQL["one_at_a_time"])
        if connection.execute(_SQL["anybody"]).fetchone() is not None:
            return False
        slug = _organisation(connection, organisation)
        add(connection, slug, USERNAME, password, _ROLE)
        audit.record(connection, audit.Deed(_ACTOR, "user.add", USERNAME, {"role": _ROLE}), organisation=slug)
        keep(USERNAME)
        return True


def _organisation(connection: Connection[Any], slug: str | None) -> str:
    found = connection.execute(_SQL["oldest_organisation"], {"slug": slug}).fetchone()
    if found is not None:
        return str(found[0])
    if slug is not None:
        raise NameUnknown("organisation", slug)
    slug, name = FIRST_ORGANISATION
    connection.execute(_SQL["add_organisation"], {"slug": slug, "name": name})
    return slug
