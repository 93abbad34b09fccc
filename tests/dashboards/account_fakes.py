"""Accounts that are in no database: a user of each of two organisations."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from argon2 import PasswordHasher

from siloscope_dashboards.ports import Account

CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
PASSWORD = "correct horse"
OURS, THEIRS = 1, 2


@dataclass(frozen=True)
class _Kept:
    family: int
    user_id: int
    expires_at: datetime
    used: bool = False


class FakeAccounts:
    """`ada` of our organisation and `bob` of theirs, with the same password."""

    def __init__(self) -> None:
        hashed = CHEAP.hash(PASSWORD)
        self.users = {
            1: Account(1, OURS, "ours", "Our farm", "ada", "administrator", hashed),
            2: Account(2, THEIRS, "theirs", "Their farm", "bob", "viewer", hashed),
        }
        self.tokens: dict[bytes, _Kept] = {}
        self._families = 0

    async def by_username(self, username: str) -> Account | None:
        return next((user for user in self.users.values() if user.username == username), None)

    async def by_id(self, user_id: int) -> Account | None:
        return self.users.get(user_id)

    async def set_password_hash(self, user_id: int, password_hash: str) -> None:
        self.users[user_id] = replace(self.users[user_id], password_hash=password_hash)

    async def open_session(
        self, account: Account, digest: bytes, at: datetime, lifetime_s: int, *, address: str
    ) -> None:
        self._families += 1
        self.tokens[digest] = _Kept(self._families, account.user_id, at + timedelta(seconds=lifetime_s))

    async def rotate(self, digest: bytes, successor: bytes, at: datetime, lifetime_s: int) -> Account | None:
        kept = self.tokens.get(digest)
        if kept is None or kept.expires_at <= at:
            return None
        if kept.used:
            self._end(kept.family)
            return None
        self.tokens[digest] = replace(kept, used=True)
        self.tokens[successor] = _Kept(kept.family, kept.user_id, at + timedelta(seconds=lifetime_s))
        return self.users[kept.user_id]

    async def close_session(self, digest: bytes, at: datetime) -> None:
        if digest in self.tokens:
            self._end(self.tokens[digest].family)

    def _end(self, family: int) -> None:
        self.tokens = {digest: kept for digest, kept in self.tokens.items() if kept.family != family}
