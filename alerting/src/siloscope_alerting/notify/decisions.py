"""Routes and incidents from the database: what decisions are made from, as the caller's transaction sees it."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

import msgspec
import structlog

from siloscope_alerting.notify.matching import About
from siloscope_alerting.notify.routing import AlertStanding, BoundRoute, Routes, Told
from siloscope_alerting.notify.silences import Silence
from siloscope_alerting.ports import AlertFacts, IncidentFacts
from siloscope_contract.alerts.routes import Route
from siloscope_contract.alerts.selectors import Matcher
from siloscope_contract.alerts.words import Cause, Severity
from siloscope_store import notify_ladder, notify_routes
from siloscope_store.connections import Connected

log = structlog.get_logger(__name__)


async def routes_for(connection: Connected, incident_ids: Sequence[int]) -> Routes:
    """Return what decides whom these incidents are told to; asked in the transaction that wrote them."""
    found = await notify_routes.standing(connection, incident_ids)
    return Routes(
        list(_routes(found.routes)),
        found.channels,
        silences=list(_silences(found.silences)),
        told={(each.incident_id, each.route_id): _told(each) for each in found.told},
        alerts={
            incident_id: [_standing(each) for each in alerts]
            for incident_id, alerts in groupby(found.alerts, lambda each: each.incident_id)
        },
    )


async def incidents_of(connection: Connected, incident_ids: Sequence[int]) -> dict[int, IncidentFacts]:
    """Return what a message about each of these incidents says now."""
    listed = await notify_ladder.alerts(connection, incident_ids)
    alerts = {number: list(found) for number, found in groupby(listed, lambda each: each.incident_id)}
    rows = await notify_ladder.incidents(connection, incident_ids)
    return {row.incident_id: _facts(row, alerts.get(row.incident_id, [])) for row in rows}


def _routes(stored: Iterable[notify_routes.StoredRoute]) -> Iterable[BoundRoute]:
    for each in stored:
        try:
            yield BoundRoute(each.route_id, each.org_id, msgspec.convert(each.document, Route))
        except msgspec.ValidationError as error:
            log.error("route_unreadable", route_id=each.route_id, problem=str(error))


def _silences(stored: Iterable[notify_routes.Quiet]) -> Iterable[Silence]:
    for each in stored:
        try:
            matcher = msgspec.convert(each.selector, Matcher)
        except msgspec.ValidationError as error:
            log.error("silence_unreadable", org_id=each.org_id, problem=str(error))
            continue
        yield Silence(each.org_id, matcher, each.begins, each.ends, each.repeats)


def _told(row: notify_routes.Told) -> Told:
    return Told(row.steps, row.at, row.rung, None if row.heard is None else frozenset(row.heard))


def _standing(row: notify_routes.AlertAbout) -> AlertStanding:
    about = About(
        severity=Severity(row.severity),
        rule=row.rule,
        labels=row.labels,
        site=row.site,
        node=row.node,
        device=row.device,
        channel=row.channel,
        place=row.place,
        place_kind=row.place_kind,
        spot=row.spot,
        quantity=row.quantity,
        tags={name: str(value) for name, value in row.tags.items()},
        covered=_covered(row.level, row.tags),
        vitals=row.vitals,
    )
    return AlertStanding(about, row.alert_id, row.state, row.acknowledged, row.snoozed_until, row.inhibited)


def _covered(level: int | None, tags: Mapping[str, Any]) -> bool:
    try:
        return level is not None and level <= float(tags["fill_level"])
    except (KeyError, TypeError, ValueError):
        return False


def _facts(row: notify_ladder.Incident, alerts: Sequence[notify_ladder.ListedAlert]) -> IncidentFacts:
    of_one_rule = len({each.rule for each in alerts}) == 1
    return IncidentFacts(
        incident_id=row.incident_id,
        org_id=row.org_id,
        cause=Cause(row.cause),
        severity=Severity(row.severity),
        site_id=row.site_id,
        site=row.site,
        time_zone=row.time_zone,
        opened_at=row.opened_at,
        closed_at=row.closed_at,
        alerts=[_alert(each) for each in alerts],
        alerts_count=alerts[0].together if alerts else 0,
        facts=row.facts,
        templates=alerts[0].templates if of_one_rule else {},
    )


def _alert(row: notify_ladder.ListedAlert) -> AlertFacts:
    return AlertFacts(
        alert_id=row.alert_id,
        rule=row.rule,
        rule_name=row.rule_name,
        severity=Severity(row.severity),
        state=row.state,
        reason=row.reason,
        subject=row.subject,
        site=row.site,
        place=row.place,
        labels=row.labels,
        facts=row.facts,
        began_at=row.began_at,
        fired_at=row.fired_at,
        ended_at=row.ended_at,
        channel_id=row.channel_id,
    )
