"""POST /auth/token, /auth/refresh, /auth/logout; GET /me."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request

from siloscope_dashboards.auth.form import REQUEST_BODY, credentials
from siloscope_dashboards.auth.guard import LoggedIn
from siloscope_dashboards.auth.models import Credentials, Me, OrganisationModel, Refresh, Tokens
from siloscope_dashboards.auth.sessions import Sessions
from siloscope_dashboards.errors import Unauthenticated
from siloscope_dashboards.ports import Accounts
from siloscope_dashboards.problems import documented

router = APIRouter(tags=["auth"])


async def _sessions(request: Request) -> Sessions:
    sessions: Sessions = request.app.state.wiring.sessions
    return sessions


async def _accounts(request: Request) -> Accounts:
    accounts: Accounts = request.app.state.wiring.accounts
    return accounts


SessionsPort = Annotated[Sessions, Depends(_sessions)]


@router.post("/auth/token", responses=documented(401, 415, 429), openapi_extra=REQUEST_BODY)
async def log_in(
    request: Request, given: Annotated[Credentials, Depends(credentials)], sessions: SessionsPort
) -> Tokens:
    """Log in with a username and a password, as JSON or as an OAuth2 password form."""
    address = request.client.host if request.client else ""
    return await sessions.log_in(given.username, given.password, address)


@router.post("/auth/refresh", responses=documented(401))
async def refresh(given: Refresh, sessions: SessionsPort) -> Tokens:
    """Exchange a refresh token, once, for the next pair of tokens."""
    return await sessions.refresh(given.refresh_token)


@router.post("/auth/logout", status_code=204)
async def log_out(given: Refresh, sessions: SessionsPort) -> None:
    """End the session of a refresh token. Access tokens that are out run on for their last minutes."""
    await sessions.log_out(given.refresh_token)


@router.get("/me", responses=documented(401))
async def me(login: LoggedIn, accounts: Annotated[Accounts, Depends(_accounts)]) -> Me:
    """Return the logged-in user."""
    account = await accounts.by_id(login.identity.user_id)
    if account is None:
        raise Unauthenticated("this user is gone; log in", error="invalid_token")
    organisation = OrganisationModel(id=account.org_id, slug=account.org_slug, name=account.org_name)
    return Me(id=account.user_id, username=account.username, role=account.role, organisation=organisation)
