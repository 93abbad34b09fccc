"""GET /alerts, /alerts/{alert_id}; POST /alerts/{alert_id}/<what somebody does about it>."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Query

from siloscope_dashboards.alerts.models import (
    LARGEST_ALERT_ID,
    Alert,
    AlertDetail,
    Alerts,
    Assignment,
    Commenting,
    Remark,
    SeverityWord,
    Snooze,
    StateWord,
)
from siloscope_dashboards.auth.guard import LoggedIn, Operator
from siloscope_dashboards.auth.tokens import Login
from siloscope_dashboards.errors import Fault, Malformed, NotFound
from siloscope_dashboards.pages import QueryCursor, QueryId, QuerySlug
from siloscope_dashboards.ports import AlertDesk, AlertFilter, Deed
from siloscope_dashboards.problems import documented
from siloscope_dashboards.wiring import AlertsPort, ReadingsPort, WiringPort

MOST_ALERTS, DEFAULT_ALERTS = 500, 100
_LONGEST_SNOOZE = timedelta(days=30)
_AlertId = Annotated[int, Path(ge=1, le=LARGEST_ALERT_ID)]

router = APIRouter(tags=["alerts"], responses=documented(401))


@router.get("/alerts", responses=documented(404))
async def list_alerts(
    login: LoggedIn,
    alerts: AlertsPort,
    readings: ReadingsPort,
    state: StateWord | None = None,
    severity: SeverityWord | None = None,
    site_id: QueryId = None,
    place_id: QueryId = None,
    channel_id: QueryId = None,
    rule: QuerySlug = None,
    open: bool | None = None,
    limit: Annotated[int, Query(ge=1, le=MOST_ALERTS)] = DEFAULT_ALERTS,
    cursor: QueryCursor = None,
) -> Alerts:
    """Return alerts of your organisation, newest first, and how many are open.

    Alerts that ended before they fired are listed with `state=ok` alone.
    """
    org_id = login.identity.org_id
    if site_id is not None and await readings.site(org_id, site_id) is None:
        raise NotFound("site", site_id)
    if place_id is not None and await readings.place(org_id, place_id) is None:
        raise NotFound("place", place_id)
    if channel_id is not None and await readings.channel(org_id, channel_id) is None:
        raise NotFound("channel", channel_id)
    wanted = AlertFilter(state, severity, site_id, place_id, channel_id, rule, open)
    return await alerts.alerts(org_id, wanted, limit, None if cursor is None else int(cursor))


@router.get("/alerts/{alert_id}", responses=documented(404))
async def show_alert(alert_id: _AlertId, login: LoggedIn, alerts: AlertsPort) -> AlertDetail:
    """Return one alert with its history, what people did about it, and the messages that told of it."""
    found = await alerts.alert(login.identity.org_id, alert_id)
    if found is None:
        raise NotFound("alert", alert_id)
    return found


@router.post("/alerts/{alert_id}/acknowledge", responses=documented(403, 404, 409))
async def acknowledge_alert(alert_id: _AlertId, remark: Remark, login: Operator, alerts: AlertsPort) -> Alert:
    """Say that somebody knows: nobody else is told, until another alert joins it."""
    return await _done(alerts, login, alert_id, Deed("acknowledge", remark.comment))


@router.post("/alerts/{alert_id}/unacknowledge", responses=documented(403, 404, 409))
async def unacknowledge_alert(alert_id: _AlertId, remark: Remark, login: Operator, alerts: AlertsPort) -> Alert:
    """Take that back."""
    return await _done(alerts, login, alert_id, Deed("unacknowledge", remark.comment))


@router.post("/alerts/{alert_id}/assign", responses=documented(403, 404, 409))
async def assign_alert(alert_id: _AlertId, assignment: Assignment, login: Operator, alerts: AlertsPort) -> Alert:
    """Say whose it is; null = nobody's again."""
    return await _done(alerts, login, alert_id, Deed("assign", assignment.to or ""))


@router.post("/alerts/{alert_id}/comment", responses=documented(403, 404))
async def comment_alert(alert_id: _AlertId, said: Commenting, login: Operator, alerts: AlertsPort) -> Alert:
    """Add a comment to its history, also when it is over."""
    return await _done(alerts, login, alert_id, Deed("comment", said.comment))


@router.post("/alerts/{alert_id}/snooze", responses=documented(403, 404, 409))
async def snooze_alert(
    alert_id: _AlertId, snooze: Snooze, login: Operator, alerts: AlertsPort, wired: WiringPort
) -> Alert:
    """Have nobody told of this one alert until then; if it still fires, it is told again."""
    now = wired.clock.now()
    if not now < snooze.until <= now + _LONGEST_SNOOZE:
        expected = f"a time in the next {_LONGEST_SNOOZE.days} days"
        found = snooze.until.isoformat()
        raise Malformed(
            f"body.until: expected {expected}", faults=[Fault("body.until", f"{expected}, found {found!r}")]
        )
    return await _done(alerts, login, alert_id, Deed("snooze", snooze.comment, snooze.until))


@router.post("/alerts/{alert_id}/unsnooze", responses=documented(403, 404, 409))
async def unsnooze_alert(alert_id: _AlertId, remark: Remark, login: Operator, alerts: AlertsPort) -> Alert:
    """Have people told again."""
    return await _done(alerts, login, alert_id, Deed("unsnooze", remark.comment))


async def _done(alerts: AlertDesk, login: Login, alert_id: int, deed: Deed) -> Alert:
    found = await alerts.act(login.identity, alert_id, deed)
    if found is None:
        raise NotFound("alert", alert_id)
    return found
