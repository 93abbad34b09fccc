"""Alerts, rules, silences and notifications that are in no database: one of each for each organisation."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from siloscope_contract.alerts import routes as told
from siloscope_contract.alerts.rules import Rule
from siloscope_contract.alerts.selectors import Matcher
from siloscope_dashboards.alerts.models import Alert, AlertDetail, Alerts, LinkedAlert
from siloscope_dashboards.auth.tokens import Identity
from siloscope_dashboards.errors import Conflict, Fault, Malformed
from siloscope_dashboards.notifications.models import (
    NotifyChannel,
    NotifyChannels,
    NotifyDigest,
    NotifyDigests,
    NotifyRoute,
    NotifyRoutes,
    OnItsWay,
    Outbox,
)
from siloscope_dashboards.ports import AlertFilter, Deed
from siloscope_dashboards.rules.models import RuleChecked, RuleEntry, RuleMatches, Rules, RuleVersion, RuleVersions
from siloscope_dashboards.rules.writing import WrittenRule
from siloscope_dashboards.silences.models import NewSilence, Silence, Silences

AT = datetime(2024, 1, 1, tzinfo=UTC)
OVER = 5
"""Of our organisation, an alert that is over."""


def alert(org_id: int, number: int | None = None) -> Alert:
    """The one open alert of an organisation."""
    known: dict[str, Any] = dict.fromkeys(Alert.model_fields)
    known |= {"id": number or org_id * 10, "rule": {"slug": "hot", "name": "Hot", "version": 1}, "severity": "warning"}
    known |= {"subject": {"kind": "channel", "id": org_id * 10, "title": "Bin 1"}, "state": "firing", "reason": "held"}
    known |= {"retrospective": False, "flapping": False, "labels": {}, "facts": {"value": 31.0}}
    return Alert.model_validate({**known, "began_at": AT, "fired_at": AT, "changed_at": AT})


def silence(org_id: int) -> Silence:
    """The one silence of an organisation."""
    known: dict[str, Any] = dict.fromkeys(Silence.model_fields)
    known |= {"id": org_id * 10, "kind": "silence", "selector": {}, "begins": AT, "ends": AT, "repeats": "never"}
    return Silence.model_validate({**known, "author": "user:ada", "comment": "", "created_at": AT, "state": "active"})


def rule(slug: str) -> RuleEntry:
    """A rule of a name."""
    known: dict[str, Any] = {"slug": slug, "name": "Hot", "version": 1, "enabled": True, "origin": "api"}
    known |= {"severity": "warning", "open_alerts": 1, "created_at": AT, "changed_at": AT, "author": "user:ada"}
    return RuleEntry.model_validate(
        {**known, "document": {"rule": slug, "name": "Hot", "condition": {"kind": "threshold", "above": 30}}}
    )


@dataclass
class FakeAlerts:
    """Alert 10 of ours and 20 of theirs are open, alert 5 of ours is over; the link `good` is about alert 10."""

    check: Any
    deeds: list[tuple[str, int, Deed]] = field(default_factory=list)
    wanted: list[AlertFilter] = field(default_factory=list)
    orders: list[NewSilence] = field(default_factory=list)
    followed: list[str] = field(default_factory=list)

    async def alerts(self, org_id: int, wanted: AlertFilter, limit: int, below: int | None) -> Alerts:
        self.check()
        self.wanted.append(wanted)
        counts = {"open": 1, "critical": 0, "warning": 1, "info": 0, "unacknowledged": 1, "pending": 0}
        return Alerts.model_validate({"items": [alert(org_id)], "counts": counts})

    async def alert(self, org_id: int, alert_id: int) -> AlertDetail | None:
        self.check()
        if alert_id != org_id * 10:
            return None
        return AlertDetail(**dict(alert(org_id)), document={}, transitions=[], actions=[], notifications=[])

    async def act(self, identity: Identity, alert_id: int, deed: Deed) -> Alert | None:
        self.check()
        if identity.org_id == 1 and alert_id == OVER:
            raise Conflict("alert 5 is over")
        if alert_id != identity.org_id * 10:
            return None
        self.deeds.append((identity.username, alert_id, deed))
        return alert(identity.org_id)

    async def linked(self, token: str) -> LinkedAlert | None:
        return self._linked(token)

    async def follow(self, token: str) -> LinkedAlert | None:
        self.followed.append(token)
        return self._linked(token)

    async def silences(self, org_id: int, active: bool | None, limit: int, below: int | None) -> Silences:
        self.check()
        return Silences(items=[silence(org_id)])

    async def silence(self, identity: Identity, order: NewSilence, matcher: Matcher) -> Silence:
        self.check()
        self.orders.append(order)
        return silence(identity.org_id)

    async def end_silence(self, identity: Identity, silence_id: int) -> Silence | None:
        self.check()
        return silence(identity.org_id) if silence_id == identity.org_id * 10 else None

    def _linked(self, token: str) -> LinkedAlert | None:
        if token not in ("good", "over"):
            return None
        done = token in self.followed
        known: dict[str, Any] = {"alert_id": 10, "organisation": "ours", "rule_name": "<b>Hot</b>", "site": "North"}
        known |= {"place": None, "deed": "acknowledge", "snooze_s": 0, "over": token == "over", "alerts": 3}
        return LinkedAlert.model_validate({**known, "done": done, "done_by": "link:cab" if done else None})


@dataclass
class FakeRules:
    """The one rule of an organisation is named by its number; rule `held` is named by another."""

    away: Any
    applied: list[Rule] = field(default_factory=list)

    async def rules(self, org_id: int) -> Rules:
        self.away()
        return Rules(items=[rule(str(org_id * 10))])

    async def rule(self, org_id: int, slug: str) -> RuleEntry | None:
        self.away()
        return rule(slug) if slug == str(org_id * 10) else None

    async def versions(self, org_id: int, slug: str) -> RuleVersions | None:
        self.away()
        version = RuleVersion(version=1, author="user:ada", at=AT, document={})
        return RuleVersions(items=[version]) if slug == str(org_id * 10) else None

    async def check(self, org_id: int, given: WrittenRule) -> RuleChecked:
        self.away()
        return RuleChecked(rule=given.rule.rule, change="new", matches=RuleMatches(count=0, examples=[]), document={})

    async def apply(self, identity: Identity, given: WrittenRule) -> RuleEntry:
        self.away()
        self.applied.append(given.rule)
        return rule(given.rule.rule)

    async def remove(self, identity: Identity, slug: str) -> bool:
        self.away()
        if slug == "held":
            raise Conflict("rule held is named by others")
        return slug == str(identity.org_id * 10)


@dataclass
class FakeNotifying:
    """The one channel, route and digest of an organisation is named by its number."""

    check: Any
    secrets: list[Mapping[str, str] | None] = field(default_factory=list)

    async def channels(self, org_id: int) -> NotifyChannels:
        self.check()
        return NotifyChannels(items=[self._channel(str(org_id * 10))])

    async def channel(self, org_id: int, slug: str) -> NotifyChannel | None:
        self.check()
        return self._channel(slug) if slug == str(org_id * 10) else None

    async def put_channel(
        self, identity: Identity, channel: told.Channel, secrets: Mapping[str, str] | None
    ) -> NotifyChannel:
        self.check()
        self.secrets.append(secrets)
        return self._channel(channel.channel)

    async def remove_channel(self, identity: Identity, slug: str) -> bool:
        return slug == str(identity.org_id * 10)

    async def routes(self, org_id: int) -> NotifyRoutes:
        self.check()
        return NotifyRoutes(items=[NotifyRoute(slug=str(org_id * 10), place=0, document={}, changed_at=AT)])

    async def route(self, org_id: int, slug: str) -> NotifyRoute | None:
        self.check()
        found = NotifyRoute(slug=slug, place=0, document={}, changed_at=AT)
        return found if slug == str(org_id * 10) else None

    async def put_route(self, identity: Identity, route: told.Route, place: int) -> NotifyRoute:
        return NotifyRoute(slug=route.route, place=place, document={}, changed_at=AT)

    async def remove_route(self, identity: Identity, slug: str) -> bool:
        return slug == str(identity.org_id * 10)

    async def digests(self, org_id: int) -> NotifyDigests:
        self.check()
        return NotifyDigests(items=[self._digest(str(org_id * 10))])

    async def digest(self, org_id: int, slug: str) -> NotifyDigest | None:
        self.check()
        return self._digest(slug) if slug == str(org_id * 10) else None

    async def put_digest(self, identity: Identity, digest: told.Digest) -> NotifyDigest:
        return self._digest(digest.digest)

    async def remove_digest(self, identity: Identity, slug: str) -> bool:
        return slug == str(identity.org_id * 10)

    async def send_test(self, identity: Identity, slug: str) -> OnItsWay | None:
        return OnItsWay(notification_id="0" * 32) if slug == str(identity.org_id * 10) else None

    async def outbox(
        self, org_id: int, *, state: str | None, channel: str | None, limit: int, cursor: str | None
    ) -> Outbox:
        self.check()
        if cursor is not None:
            raise Malformed("query.cursor: was not given out here", faults=[Fault("query.cursor", "one from here")])
        return Outbox(items=[])

    def _channel(self, slug: str) -> NotifyChannel:
        known: dict[str, Any] = dict.fromkeys(NotifyChannel.model_fields)
        known |= {"slug": slug, "kind": "email", "document": {}, "secrets": [], "changed_at": AT}
        return NotifyChannel.model_validate(known)

    def _digest(self, slug: str) -> NotifyDigest:
        return NotifyDigest(slug=slug, document={}, next_at=AT, last_at=None)
