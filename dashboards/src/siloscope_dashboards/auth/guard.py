"""The guard in front of every route that shows data."""

from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from siloscope_dashboards.auth.tokens import AccessTokens, Login
from siloscope_dashboards.errors import Forbidden, Unauthenticated

_bearer = HTTPBearer(
    auto_error=False, scheme_name="access token", description="The access_token of POST /api/v1/auth/token"
)


async def logged_in(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> Login:
    """Return who is asking.

    Raises:
        Unauthenticated: No access token, or one that is not valid (any more).
    """
    if credentials is None:
        raise Unauthenticated("this needs an access token; log in at POST /api/v1/auth/token")
    tokens: AccessTokens = request.app.state.wiring.tokens
    login = tokens.read(credentials.credentials)
    request.scope["siloscope.username"] = login.identity.username
    return login


LoggedIn = Annotated[Login, Depends(logged_in)]


async def administrator(login: LoggedIn) -> Login:
    """Return who is asking.

    Raises:
        Forbidden: It is no administrator.
    """
    if login.identity.role != "administrator":
        raise Forbidden(f"this is for administrators; {login.identity.username} is {login.identity.role}")
    return login


Administrator = Annotated[Login, Depends(administrator)]


async def operator(login: LoggedIn) -> Login:
    """Return who is asking.

    Raises:
        Forbidden: It may only look.
    """
    if login.identity.role not in ("operator", "administrator"):
        raise Forbidden(f"this is for operators and administrators; {login.identity.username} is {login.identity.role}")
    return login


Operator = Annotated[Login, Depends(operator)]
