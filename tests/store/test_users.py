"""Users and their sessions."""

from datetime import timedelta
from typing import Any

import pytest
from argon2 import PasswordHasher
from psycopg import AsyncConnection, Connection

from siloscope_store import users
from siloscope_store.errors import NameTaken, NameUnknown
from tests.store.farm import NOW, Farm

DAY_S = 86_400


@pytest.fixture
def user_id(owner: Connection[Any], farm: Farm) -> int:
    return users.add(owner, farm.slug, "ada", "correct horse", "administrator")


def test_a_user_belongs_to_an_organisation_that_exists(owner: Connection[Any], farm: Farm) -> None:
    with pytest.raises(NameUnknown, match="no organisation is named 'nobody'"):
        users.add(owner, "nobody", "ada", "x", "viewer")


def test_a_name_is_given_once(owner: Connection[Any], farm: Farm, user_id: int) -> None:
    with pytest.raises(NameTaken, match="a user named 'ada' exists already"):
        users.add(owner, farm.slug, "ada", "x", "viewer")


async def test_a_password_is_kept_as_argon2id_only(connection: AsyncConnection[Any], farm: Farm, user_id: int) -> None:
    account = await users.by_username(connection, "ada")
    assert account is not None
    assert account == await users.by_id(connection, user_id)
    assert account.password_hash.startswith("$argon2id$")
    assert PasswordHasher().verify(account.password_hash, "correct horse")
    assert (account.org_id, account.org_slug, account.role) == (farm.org_id, "ours", "administrator")
    assert await users.by_username(connection, "ADA") is None


async def test_a_disabled_user_does_not_exist(
    connection: AsyncConnection[Any], owner: Connection[Any], user_id: int
) -> None:
    await users.open_session(connection, user_id, b"one", NOW, DAY_S)
    owner.execute("UPDATE app_user SET disabled_at = now()")
    assert await users.by_username(connection, "ada") is None
    assert await users.by_id(connection, user_id) is None
    assert await users.rotate(connection, b"one", b"two", NOW, DAY_S) is None


async def test_a_refresh_token_works_once(connection: AsyncConnection[Any], user_id: int) -> None:
    await users.open_session(connection, user_id, b"one", NOW, DAY_S)
    account = await users.rotate(connection, b"one", b"two", NOW, DAY_S)
    assert account is not None
    assert account.user_id == user_id
    assert await users.rotate(connection, b"one", b"three", NOW, DAY_S) is None
    assert await users.rotate(connection, b"never", b"three", NOW, DAY_S) is None


@pytest.mark.parametrize(("seconds", "alive"), [(5, True), (60, False)])
async def test_a_token_that_comes_back_later_ends_its_session(
    connection: AsyncConnection[Any], user_id: int, seconds: int, *, alive: bool
) -> None:
    await users.open_session(connection, user_id, b"one", NOW, DAY_S)
    await users.open_session(connection, user_id, b"other session", NOW, DAY_S)
    await users.rotate(connection, b"one", b"two", NOW, DAY_S)
    later = NOW + timedelta(seconds=seconds)
    assert await users.rotate(connection, b"one", b"three", later, DAY_S) is None
    assert (await users.rotate(connection, b"two", b"four", later, DAY_S) is not None) == alive
    assert await users.rotate(connection, b"other session", b"five", later, DAY_S) is not None


async def test_a_token_expires(connection: AsyncConnection[Any], user_id: int) -> None:
    await users.open_session(connection, user_id, b"one", NOW, DAY_S)
    assert await users.rotate(connection, b"one", b"two", NOW + timedelta(days=1), DAY_S) is None


async def test_logging_out_ends_the_session(connection: AsyncConnection[Any], user_id: int) -> None:
    await users.open_session(connection, user_id, b"one", NOW, DAY_S)
    await users.close_session(connection, b"one", NOW)
    await users.close_session(connection, b"never", NOW)
    assert await users.rotate(connection, b"one", b"two", NOW, DAY_S) is None


async def test_a_new_password_ends_all_sessions(
    connection: AsyncConnection[Any], owner: Connection[Any], user_id: int
) -> None:
    await users.open_session(connection, user_id, b"one", NOW, DAY_S)
    users.change_password(owner, "ada", "battery staple", at=NOW)
    assert await users.rotate(connection, b"one", b"two", NOW, DAY_S) is None
    with pytest.raises(NameUnknown, match="no user is named 'bob'"):
        users.change_password(owner, "bob", "x", at=NOW)
