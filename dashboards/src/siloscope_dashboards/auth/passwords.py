"""Passwords: argon2id (RFC 9106), checked beside the event loop, in the same time for users that do not exist."""

import asyncio
import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_AT_ONCE = 2  # one check takes 64 MiB and a core for some 50 ms; more at once would starve the event loop


class Passwords:
    """Hashes and checks passwords.

    Args:
        hasher: argon2-cffi's; its defaults are RFC 9106's low-memory profile. Tests pass a cheaper one.
    """

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._decoy = self._hasher.hash(secrets.token_urlsafe(16))
        self._slots = asyncio.Semaphore(_AT_ONCE)

    async def hashed(self, password: str) -> str:
        """Return the hash to store, parameters and salt included."""
        async with self._slots:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def match(self, password: str, stored_hash: str | None) -> bool:
        """Return whether the password is the one behind the hash.

        Args:
            password: As the client sent it.
            stored_hash: What the database keeps; None where there is no such user: takes as long, never matches.
        """
        async with self._slots:
            matched = await asyncio.to_thread(self._matches, password, stored_hash or self._decoy)
        return matched and stored_hash is not None

    def outdated(self, stored_hash: str) -> bool:
        """Return whether the hash was made with weaker parameters than today's."""
        return self._hasher.check_needs_rehash(stored_hash)

    def _matches(self, password: str, stored_hash: str) -> bool:
        try:
            return self._hasher.verify(stored_hash, password)
        except (VerificationError, InvalidHashError):
            return False
