"""Logging in, staying logged in, logging out."""

import structlog

from siloscope_dashboards.auth.models import Tokens
from siloscope_dashboards.auth.passwords import Passwords
from siloscope_dashboards.auth.throttle import LoginThrottle
from siloscope_dashboards.auth.tokens import AccessTokens, Identity, new_refresh_token, refresh_digest
from siloscope_dashboards.errors import Unauthenticated
from siloscope_dashboards.ports import Account, Accounts
from siloscope_process.clock import Clock

REFRESH_LIFETIME_S = 30 * 86_400
_log = structlog.get_logger(__name__)


class Sessions:
    """What the auth routes do.

    Args:
        accounts: Users and refresh tokens, as the database keeps them.
        tokens: Signs access tokens.
        passwords: Checks passwords.
        throttle: Bounds guessing.
        clock: Dates refresh tokens.
    """

    def __init__(
        self, accounts: Accounts, tokens: AccessTokens, passwords: Passwords, throttle: LoginThrottle, clock: Clock
    ) -> None:
        self._accounts = accounts
        self._tokens = tokens
        self._passwords = passwords
        self._throttle = throttle
        self._clock = clock

    async def log_in(self, username: str, password: str, address: str) -> Tokens:
        """Return the first pair of tokens.

        Raises:
            Throttled: Too many logins have failed for this user and address.
            Unauthenticated: There is no such user, or the password is another; the answer does not say which.
        """
        self._throttle.begin(username, address)
        account = await self._accounts.by_username(username)
        if not await self._passwords.match(password, account.password_hash if account else None) or account is None:
            _log.warning("login_refused", username=username, address=address)
            raise Unauthenticated("wrong username or password")
        self._throttle.forgive(username, address)
        if self._passwords.outdated(account.password_hash):
            await self._accounts.set_password_hash(account.user_id, await self._passwords.hashed(password))
        _log.info("logged_in", username=username, address=address)
        refresh_token = new_refresh_token()
        await self._accounts.open_session(
            account, refresh_digest(refresh_token), self._clock.now(), REFRESH_LIFETIME_S, address=address
        )
        return self._pair(account, refresh_token)

    async def refresh(self, token: str) -> Tokens:
        """Return the next pair; the token that was given is used up.

        Raises:
            Unauthenticated: It is unknown, used up, revoked or too old. One that was used up before ends its session:
                somebody else holds a copy.
        """
        successor = new_refresh_token()
        account = await self._accounts.rotate(
            refresh_digest(token), refresh_digest(successor), self._clock.now(), REFRESH_LIFETIME_S
        )
        if account is None:
            raise Unauthenticated("the refresh token is not valid any more; log in", error="invalid_token")
        return self._pair(account, successor)

    async def log_out(self, token: str) -> None:
        """End the session that a refresh token belongs to; an unknown one is no error."""
        await self._accounts.close_session(refresh_digest(token), self._clock.now())

    def _pair(self, account: Account, refresh_token: str) -> Tokens:
        identity = Identity(account.user_id, account.org_id, account.username, account.role)
        return Tokens(
            access_token=self._tokens.issue(identity),
            expires_in=self._tokens.lifetime_s,
            refresh_token=refresh_token,
        )
