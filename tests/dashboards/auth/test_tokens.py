"""Access tokens: what is refused, then what is read back."""

import jwt
import pytest

from siloscope_dashboards.auth.tokens import AccessTokens, Identity
from siloscope_dashboards.errors import Unauthenticated
from siloscope_process.clock import ManualClock

KEY = b"k" * 32
ADA = Identity(1, 7, "ada", "viewer")
FOREVER = 4_000_000_000


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ValueError, match="31 bytes"):
        AccessTokens(b"k" * 31, ManualClock())


@pytest.mark.parametrize(
    ("claims", "key", "algorithm"),
    [
        ({"sub": "1", "org": 7, "name": "ada", "role": "viewer", "exp": FOREVER}, b"x" * 32, "HS256"),
        ({"sub": "1", "org": 7, "name": "ada", "role": "viewer", "exp": FOREVER}, None, "none"),
        ({"sub": "1", "org": 7, "name": "ada", "role": "viewer"}, KEY, "HS256"),
        ({"sub": "1", "name": "ada", "role": "viewer", "exp": FOREVER}, KEY, "HS256"),
        ({"sub": "x", "org": 7, "name": "ada", "role": "viewer", "exp": FOREVER}, KEY, "HS256"),
        ({"sub": "1", "org": None, "name": "ada", "role": "viewer", "exp": FOREVER}, KEY, "HS256"),
    ],
    ids=["another key", "unsigned", "endless", "no organisation", "no number", "null organisation"],
)
def test_a_token_of_other_make_is_refused(claims: dict[str, object], key: bytes | None, algorithm: str) -> None:
    token = jwt.encode(claims, key, algorithm=algorithm)
    with pytest.raises(Unauthenticated):
        AccessTokens(KEY, ManualClock()).read(token)


def test_a_token_that_was_altered_is_refused() -> None:
    tokens = AccessTokens(KEY, ManualClock())
    head, _, signature = tokens.issue(ADA).split(".")
    _, claims, _ = tokens.issue(Identity(2, 8, "bob", "administrator")).split(".")
    with pytest.raises(Unauthenticated):
        tokens.read(f"{head}.{claims}.{signature}")


def test_a_token_says_who_it_is_until_it_runs_out() -> None:
    clock = ManualClock()
    tokens = AccessTokens(KEY, clock, lifetime_s=60)
    token = tokens.issue(ADA)
    clock.advance(59)
    assert tokens.read(token).identity == ADA
    clock.advance(1)
    with pytest.raises(Unauthenticated, match="run out"):
        tokens.read(token)
