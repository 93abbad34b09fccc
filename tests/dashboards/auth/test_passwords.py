"""Password hashes."""

from argon2 import PasswordHasher, Type, extract_parameters

from siloscope_dashboards.auth.passwords import Passwords
from tests.dashboards.account_fakes import CHEAP


async def test_nobody_matches_a_user_that_does_not_exist() -> None:
    assert not await Passwords(CHEAP).match("anything", None)


async def test_a_stored_text_that_is_no_hash_matches_nothing() -> None:
    assert not await Passwords(CHEAP).match("x", "x")


async def test_only_the_same_password_matches() -> None:
    passwords = Passwords(CHEAP)
    stored = await passwords.hashed("correct horse")
    assert not await passwords.match("correct horses", stored)
    assert await passwords.match("correct horse", stored)


async def test_a_hash_is_argon2id_and_a_weaker_one_is_outdated() -> None:
    parameters = extract_parameters(await Passwords().hashed("x"))
    assert parameters.type is Type.ID
    assert parameters.memory_cost >= 64 * 1024
    assert Passwords().outdated(CHEAP.hash("x"))
    assert not Passwords().outdated(PasswordHasher().hash("x"))
