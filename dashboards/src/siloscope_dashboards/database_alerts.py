"""Alerts and silences from the database, and what people do about them."""

from datetime import UTC, datetime, timedelta

import msgspec

from siloscope_contract.alerts import links
from siloscope_contract.alerts.links import LinkRefused, Tap
from siloscope_contract.alerts.selectors import Matcher
from siloscope_dashboards.alerts.models import (
    Alert,
    AlertAction,
    AlertChannel,
    AlertCounts,
    AlertDetail,
    AlertNamed,
    AlertNotification,
    AlertRule,
    Alerts,
    AlertSite,
    AlertSubject,
    AlertTransition,
    LinkedAlert,
)
from siloscope_dashboards.auth.tokens import Identity
from siloscope_dashboards.database import lent
from siloscope_dashboards.errors import Conflict
from siloscope_dashboards.ports import AlertFilter, Deed
from siloscope_dashboards.silences.models import NewSilence, Silence, Silences
from siloscope_process.clock import Clock
from siloscope_store import alert_actions, alert_lists, alert_silences
from siloscope_store.alert_actions import Act
from siloscope_store.alert_lists import StoredAlert
from siloscope_store.alert_silences import SilenceOrder, StoredSilence
from siloscope_store.connections import Connected, Pool


class DatabaseAlerts:
    """Alerts and silences, of one organisation at a time.

    Args:
        pool: An open pool.
        clock: Says which links have run out.
    """

    def __init__(self, pool: Pool, clock: Clock) -> None:
        self._pool = pool
        self._clock = clock

    async def alerts(self, org_id: int, wanted: AlertFilter, limit: int, below: int | None) -> Alerts:
        asked = alert_lists.Wanted(**vars(wanted))
        async with lent(self._pool) as connection:
            found = await alert_lists.page(connection, org_id, asked, limit=limit + 1, below=below)
            counts = await alert_lists.counts(connection, org_id)
        return Alerts(
            items=[_alert(each) for each in found[:limit]],
            next_cursor=str(found[limit - 1].alert_id) if len(found) > limit else None,
            counts=AlertCounts.model_validate(counts, from_attributes=True),
        )

    async def alert(self, org_id: int, alert_id: int) -> AlertDetail | None:
        async with lent(self._pool) as connection:
            found = await alert_lists.one(connection, org_id, alert_id)
            if found is None:
                return None
            transitions = await alert_lists.transitions(connection, alert_id)
            actions = await alert_lists.actions(connection, alert_id)
            told = (
                await alert_lists.messages_of(connection, org_id, found.incident_id)
                if found.incident_id is not None
                else []
            )
        return AlertDetail(
            **dict(_alert(found)),
            document=found.document,
            transitions=[AlertTransition.model_validate(each, from_attributes=True) for each in transitions],
            actions=[AlertAction.model_validate(each, from_attributes=True) for each in actions],
            notifications=[AlertNotification.model_validate(each, from_attributes=True) for each in told],
        )

    async def act(self, identity: Identity, alert_id: int, deed: Deed) -> Alert | None:
        act = Act(deed.kind, f"user:{identity.username}", "api", deed.body, deed.until)
        async with lent(self._pool) as connection, connection.transaction():
            found = await alert_lists.one(connection, identity.org_id, alert_id)
            if found is None:
                return None
            changed = await alert_actions.act(connection, identity.org_id, [alert_id], act)
            if not changed and found.ended_at is not None:
                raise Conflict(f"alert {alert_id} is over since {found.ended_at.isoformat()}")
            after = await alert_lists.one(connection, identity.org_id, alert_id)
        return None if after is None else _alert(after)

    async def linked(self, token: str) -> LinkedAlert | None:
        async with lent(self._pool) as connection:
            tap = await self._tap(connection, token)
            return None if tap is None else await _linked(connection, tap, self._clock.now())

    async def follow(self, token: str) -> LinkedAlert | None:
        async with lent(self._pool) as connection, connection.transaction():
            tap = await self._tap(connection, token)
            if tap is None:
                return None
            now = self._clock.now()
            until = now + timedelta(seconds=tap.snooze_s) if tap.deed == "snooze" else None
            before = await _linked(connection, tap, now)
            if before is not None and not before.done:
                ids = await alert_actions.told_with(connection, tap.alert_id, _told_at(tap))
                await alert_actions.act(connection, None, ids, Act(tap.deed, f"link:{tap.reader}", "link", until=until))
            return await _linked(connection, tap, now)

    async def silences(self, org_id: int, active: bool | None, limit: int, below: int | None) -> Silences:
        async with lent(self._pool) as connection:
            found = await alert_silences.page(connection, org_id, limit=limit + 1, active=active, below=below)
        cursor = str(found[limit - 1].silence_id) if len(found) > limit else None
        return Silences(items=[_silence(each) for each in found[:limit]], next_cursor=cursor)

    async def silence(self, identity: Identity, order: NewSilence, matcher: Matcher) -> Silence:
        new = SilenceOrder(
            kind=order.kind,
            matcher=matcher,
            ends=order.ends,
            author=f"user:{identity.username}",
            begins=order.begins,
            repeats=order.repeats,
            comment=order.comment,
        )
        async with lent(self._pool) as connection:
            return _silence(await alert_silences.add(connection, identity.org_id, new))

    async def end_silence(self, identity: Identity, silence_id: int) -> Silence | None:
        async with lent(self._pool) as connection:
            by = f"user:{identity.username}"
            found = await alert_silences.end(connection, identity.org_id, silence_id, by=by)
        return None if found is None else _silence(found)

    async def _tap(self, connection: Connected, token: str) -> Tap | None:
        key = await alert_actions.link_key(connection)
        try:
            return links.read(key, token, now_s=self._clock.now_ms() / 1000)
        except LinkRefused:
            return None


async def _linked(connection: Connected, tap: Tap, now: datetime) -> LinkedAlert | None:
    found = await alert_actions.summary(connection, tap.alert_id)
    if found is None:
        return None
    together = await alert_actions.told_with(connection, tap.alert_id, _told_at(tap))
    acknowledged = tap.deed == "acknowledge" and found.acknowledged_at is not None
    snoozed = tap.deed == "snooze" and found.snoozed_until is not None and found.snoozed_until > now
    return LinkedAlert(
        alert_id=found.alert_id,
        organisation=found.organisation,
        rule_name=found.rule_name,
        site=found.site,
        place=found.place,
        deed=tap.deed,
        snooze_s=tap.snooze_s,
        over=found.ended_at is not None,
        done=acknowledged or snoozed,
        done_by=found.acknowledged_by if acknowledged else None,
        alerts=len(together),
    )


def _told_at(tap: Tap) -> datetime:
    return datetime.fromtimestamp(tap.told_s, UTC)


def _silence(found: StoredSilence) -> Silence:
    return Silence(**{**msgspec.structs.asdict(found), "id": found.silence_id})


def _alert(found: StoredAlert) -> Alert:
    plain = msgspec.structs.asdict(found)
    return Alert(
        **{name: plain[name] for name in Alert.model_fields if name in plain and name != "rule"},
        id=found.alert_id,
        rule=AlertRule(slug=found.rule, name=found.rule_name, version=found.rule_version),
        subject=AlertSubject.model_validate(
            {"kind": found.subject_kind, "id": found.subject_id, "title": found.subject_title or found.rule_name}
        ),
        site=_site(found),
        node=_named(found.node_id, found.node_slug, found.node_slug),
        place=_named(found.place_id, found.place_slug, found.place_title),
        channel=_channel(found),
    )


def _site(found: StoredAlert) -> AlertSite | None:
    if found.site_id is None:
        return None
    plain = {"id": found.site_id, "slug": found.site_slug, "name": found.site_name, "time_zone": found.time_zone}
    return AlertSite.model_validate(plain)


def _named(number: int | None, slug: str | None, title: str | None) -> AlertNamed | None:
    return None if number is None else AlertNamed.model_validate({"id": number, "slug": slug, "title": title})


def _channel(found: StoredAlert) -> AlertChannel | None:
    if found.channel_id is None:
        return None
    plain = {"id": found.channel_id, "key": found.channel_key, "title": found.channel_title}
    return AlertChannel.model_validate({**plain, "quantity": found.quantity, "unit": found.unit})
