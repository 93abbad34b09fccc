"""GET and POST /silences; POST /silences/{silence_id}/end."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query

from siloscope_contract.alerts.selectors import Matcher
from siloscope_dashboards.auth.guard import LoggedIn, Operator
from siloscope_dashboards.documents import read
from siloscope_dashboards.errors import Fault, Malformed, NotFound
from siloscope_dashboards.pages import PathId, QueryCursor
from siloscope_dashboards.problems import documented
from siloscope_dashboards.silences.models import NewSilence, Silence, Silences
from siloscope_dashboards.wiring import AlertsPort, WiringPort

MOST_SILENCES, DEFAULT_SILENCES = 500, 100
_LONGEST = {"never": timedelta(days=366), "daily": timedelta(days=1), "weekly": timedelta(days=7)}

router = APIRouter(tags=["silences"], responses=documented(401))


@router.get("/silences")
async def list_silences(
    login: LoggedIn,
    alerts: AlertsPort,
    active: bool | None = None,
    limit: Annotated[int, Query(ge=1, le=MOST_SILENCES)] = DEFAULT_SILENCES,
    cursor: QueryCursor = None,
) -> Silences:
    """Return silences and maintenance windows, newest first; `active` ones are all that are not over."""
    below = None if cursor is None else min(int(cursor), 2**31 - 1)
    return await alerts.silences(login.identity.org_id, active, limit, below)


@router.post("/silences", responses=documented(403))
async def add_silence(order: NewSilence, login: Operator, alerts: AlertsPort, wired: WiringPort) -> Silence:
    """Have alerts told to nobody (silence), or not open at all (maintenance), for a span of time."""
    matcher = read(Matcher, order.selector, "body.selector")
    now = wired.clock.now()
    begins = order.begins or now
    longest = _LONGEST[order.repeats]
    if not max(begins, now) < order.ends <= begins + longest:
        expected = f"after now and begins, and at most {longest.days} days after begins"
        found = order.ends.isoformat()
        raise Malformed(f"body.ends: expected {expected}", faults=[Fault("body.ends", f"{expected}, found {found!r}")])
    return await alerts.silence(login.identity, order, matcher)


@router.post("/silences/{silence_id}/end", responses=documented(403, 404))
async def end_silence(silence_id: PathId, login: Operator, alerts: AlertsPort) -> Silence:
    """End one before its time; what fires still is told then."""
    found = await alerts.end_silence(login.identity, silence_id)
    if found is None:
        raise NotFound("silence", silence_id)
    return found
