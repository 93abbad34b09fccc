"""Users, and the refresh tokens of their sessions, which are kept as digests.

The API checks passwords beside its event loop; what is hashed here is what the command line is given.
"""

import secrets
from datetime import datetime, timedelta
from typing import Any

import msgspec
from argon2 import PasswordHasher
from psycopg import AsyncConnection, Connection
from psycopg.rows import class_row

from siloscope_store.errors import NameTaken, NameUnknown
from siloscope_store.statements import statements

_SQL = statements("users.sql")
ROLES = ("administrator", "operator", "viewer")
SHORTEST_PASSWORD = 10
_PASSWORD_BYTES = 18
# Two tabs of one browser may refresh with the same token at once: the later one is refused, not taken for a thief.
_REUSE_GRACE = timedelta(seconds=10)


class Account(msgspec.Struct, frozen=True):
    """A user who may log in: one that is disabled is never returned."""

    user_id: int
    org_id: int
    org_slug: str
    org_name: str
    username: str
    role: str
    password_hash: str


def generated_password() -> str:
    """Return a password of 144 random bits."""
    return secrets.token_urlsafe(_PASSWORD_BYTES)


def add(connection: Connection[Any], organisation: str, username: str, password: str, role: str) -> int:
    """Add a user and return its number; the password is kept as an argon2id hash.

    Raises:
        NameUnknown: No such organisation.
        NameTaken: There is a user of that name.
    """
    with connection.transaction():
        found = connection.execute(_SQL["organisation"], {"slug": organisation}).fetchone()
        if found is None:
            raise NameUnknown("organisation", organisation)
        user = {"org_id": found[0], "username": username, "password_hash": hashed(password), "role": role}
        added = connection.execute(_SQL["add"], user).fetchone()
        if added is None:
            raise NameTaken("user", username)
        return int(added[0])


def change_password(connection: Connection[Any], username: str, password: str, *, at: datetime) -> str:
    """Give a user another password, end all its sessions and return its organisation's slug.

    Raises:
        NameUnknown: No such user.
    """
    changed = {"username": username, "password_hash": hashed(password), "at": at}
    organisation = connection.execute(_SQL["change_password"], changed).fetchone()
    if organisation is None:
        raise NameUnknown("user", username)
    return str(organisation[0])


def hashed(password: str) -> str:
    """Return the argon2id hash to store."""
    return PasswordHasher().hash(password)


async def by_username(connection: AsyncConnection[Any], username: str) -> Account | None:
    """Return the user of that name; None where there is none or it is disabled."""
    async with connection.cursor(row_factory=class_row(Account)) as rows:
        await rows.execute(_SQL["by_username"], {"username": username})
        return await rows.fetchone()


async def by_id(connection: AsyncConnection[Any], user_id: int) -> Account | None:
    """Return the user of that number; None where there is none or it is disabled."""
    async with connection.cursor(row_factory=class_row(Account)) as rows:
        await rows.execute(_SQL["by_id"], {"user_id": user_id})
        return await rows.fetchone()


async def set_password_hash(connection: AsyncConnection[Any], user_id: int, password_hash: str) -> None:
    """Keep a stronger hash of the same password."""
    await connection.execute(_SQL["set_password_hash"], {"user_id": user_id, "password_hash": password_hash})


async def open_session(
    connection: AsyncConnection[Any], user_id: int, digest: bytes, at: datetime, lifetime_s: int
) -> None:
    """Keep the first refresh token of a new session, and forget the user's expired ones."""
    token = {"user_id": user_id, "digest": digest, "at": at, "expires_at": at + timedelta(seconds=lifetime_s)}
    async with connection.transaction():
        await connection.execute(_SQL["forget_expired"], token)
        await connection.execute(_SQL["open_session"], token)


async def rotate(
    connection: AsyncConnection[Any], digest: bytes, successor: bytes, at: datetime, lifetime_s: int
) -> Account | None:
    """Use up one refresh token and keep the next.

    Returns:
        Whose it was; None where it is unknown, expired, revoked or used before. A token that comes back long after it
        was used ends its session: two hold it.
    """
    async with connection.transaction():
        token = {"digest": digest, "at": at, "grace_from": at - _REUSE_GRACE}
        used = await (await connection.execute(_SQL["use_token"], token)).fetchone()
        if used is None:
            await connection.execute(_SQL["revoke_reused"], token)
            return None
        user_id, family, org_id = used
        following = {"digest": successor, "family": family, "org_id": org_id, "user_id": user_id, "at": at}
        await connection.execute(_SQL["succeed_token"], {**following, "expires_at": at + timedelta(seconds=lifetime_s)})
        return await by_id(connection, user_id)


async def close_session(connection: AsyncConnection[Any], digest: bytes, at: datetime) -> None:
    """End the session that a token belongs to; an unknown token is no error."""
    await connection.execute(_SQL["close_session"], {"digest": digest, "at": at})
