"""Access tokens: short-lived, signed (JWT, HS256), never looked up; refresh tokens: random, stored as a hash only."""

import hashlib
import secrets
from dataclasses import dataclass

import jwt

from siloscope_dashboards.errors import Unauthenticated
from siloscope_process.clock import Clock

ACCESS_LIFETIME_S = 900
KEY_BYTES = 32
_ALGORITHM = "HS256"
_REQUIRED = ["sub", "org", "name", "role", "exp"]


@dataclass(frozen=True)
class Identity:
    """Who a request comes from, and the organisation whose data alone it may see."""

    user_id: int
    org_id: int
    username: str
    role: str


@dataclass(frozen=True)
class Login:
    """An identity and when its access token runs out, UTC epoch seconds."""

    identity: Identity
    expires_s: int


class AccessTokens:
    """Signs and reads access tokens.

    Args:
        key: Secret of at least 32 bytes; whoever holds it can be anybody.
        clock: Judges expiry.
        lifetime_s: How long a token lasts.
    """

    def __init__(self, key: bytes, clock: Clock, lifetime_s: int = ACCESS_LIFETIME_S) -> None:
        if len(key) < KEY_BYTES:
            raise ValueError(f"the signing key has {len(key)} bytes; expected at least {KEY_BYTES}")
        self._key = key
        self._clock = clock
        self.lifetime_s = lifetime_s

    def issue(self, identity: Identity) -> str:
        """Return a token that says who this is until it runs out."""
        now_s = self._clock.now_ms() // 1000
        claims = {
            "sub": str(identity.user_id),
            "org": identity.org_id,
            "name": identity.username,
            "role": identity.role,
            "iat": now_s,
            "exp": now_s + self.lifetime_s,
        }
        return jwt.encode(claims, self._key, algorithm=_ALGORITHM)

    def read(self, token: str) -> Login:
        """Return who a token speaks for.

        Raises:
            Unauthenticated: It is not one of ours, was altered, or has run out.
        """
        options: jwt.types.Options = {"require": _REQUIRED, "verify_exp": False, "verify_iat": False}
        try:
            claims = jwt.decode(token, self._key, algorithms=[_ALGORITHM], options=options)
            identity = Identity(int(claims["sub"]), int(claims["org"]), str(claims["name"]), str(claims["role"]))
            expires_s = int(claims["exp"])
        except (jwt.InvalidTokenError, ValueError, TypeError) as error:
            raise Unauthenticated("the access token is not valid; log in", error="invalid_token") from error
        if expires_s * 1000 <= self._clock.now_ms():
            raise Unauthenticated("the access token has run out; refresh it", error="invalid_token")
        return Login(identity, expires_s)


def new_refresh_token() -> str:
    """Return 256 random bits as text."""
    return secrets.token_urlsafe(32)


def refresh_digest(token: str) -> bytes:
    """Return what the database keeps of a refresh token; random input needs no salt nor a slow hash."""
    return hashlib.sha256(token.encode()).digest()
