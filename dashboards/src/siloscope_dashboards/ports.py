"""What the API needs from the database; `database` fulfils it with the store, tests with fakes.

Every read is given the organisation of whoever asks and returns nothing of another one.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from siloscope_contract.alerts.routes import Channel as NotifyChannelDocument
from siloscope_contract.alerts.routes import Digest, Route
from siloscope_contract.alerts.selectors import Matcher
from siloscope_dashboards.alerts.models import Alert, AlertDetail, Alerts, LinkedAlert
from siloscope_dashboards.auth.tokens import Identity
from siloscope_dashboards.channels.models import Channel
from siloscope_dashboards.clocks.models import ClockEvent, Redated, Redating, UndatedPile
from siloscope_dashboards.completeness.models import Completeness, Conflict, Gap, NodeLedger
from siloscope_dashboards.completeness.window import Days, Span
from siloscope_dashboards.devices.models import Device
from siloscope_dashboards.exports.models import Export, ExportOrder
from siloscope_dashboards.live.hub import Audience
from siloscope_dashboards.live.models import Change
from siloscope_dashboards.nodes.models import (
    ConfigVersion,
    ConfigVersions,
    NewCommand,
    NewConfig,
    NodeCommand,
    NodeCommands,
    NodeConfig,
)
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
from siloscope_dashboards.pages import Page
from siloscope_dashboards.places.models import Place, PlaceDetail
from siloscope_dashboards.quarantine.models import Chosen, Concerned, Quarantine, RefusedPayload
from siloscope_dashboards.retention.models import ArchiveSwitch, Losses, NewPolicy, Plan, Policies, Policy
from siloscope_dashboards.rules.models import RuleChecked, RuleEntry, Rules, RuleVersions
from siloscope_dashboards.rules.writing import WrittenRule
from siloscope_dashboards.series.models import Series
from siloscope_dashboards.series.window import Window
from siloscope_dashboards.silences.models import NewSilence, Silence, Silences
from siloscope_dashboards.sites.models import Site


@dataclass(frozen=True)
class Account:
    """A user who may log in."""

    user_id: int
    org_id: int
    org_slug: str
    org_name: str
    username: str
    role: str
    password_hash: str


class Accounts(Protocol):
    """Users and their refresh tokens, which are kept as digests."""

    async def by_username(self, username: str) -> Account | None: ...

    async def by_id(self, user_id: int) -> Account | None: ...

    async def set_password_hash(self, user_id: int, password_hash: str) -> None: ...

    async def open_session(
        self, account: Account, digest: bytes, at: datetime, lifetime_s: int, *, address: str
    ) -> None:
        """Keep a session's first refresh token, and in the audit trail from where it was opened."""
        ...

    async def rotate(self, digest: bytes, successor: bytes, at: datetime, lifetime_s: int) -> Account | None:
        """Use up one refresh token and keep the next.

        Returns:
            Whose it was; None where it is unknown, too old, revoked or used before, and then its session has ended.
        """
        ...

    async def close_session(self, digest: bytes, at: datetime) -> None: ...


@dataclass(frozen=True)
class ChannelFilter:
    """Which channels are wanted; None = any."""

    site_id: int | None = None
    place_id: int | None = None
    device_id: int | None = None
    quantity: str | None = None
    search: str | None = None


@dataclass(frozen=True)
class Scope:
    """What a question about completeness is about; None = any."""

    site_id: int | None = None
    place_id: int | None = None
    device_id: int | None = None
    channel_id: int | None = None


class Readings(Protocol):
    """The read path. A thing of another organisation is as absent as one that does not exist: None."""

    async def unavailable(self) -> str | None:
        """Return why the database cannot answer; None where it can."""
        ...

    async def sites(self, org_id: int) -> list[Site]: ...

    async def site(self, org_id: int, site_id: int) -> Site | None: ...

    async def places(self, org_id: int, site_id: int | None) -> list[Place]: ...

    async def place(self, org_id: int, place_id: int) -> PlaceDetail | None: ...

    async def has_device(self, org_id: int, device_id: int) -> bool: ...

    async def devices(self, org_id: int, site_id: int | None) -> list[Device]: ...

    async def channels(self, org_id: int, wanted: ChannelFilter, limit: int, cursor: str | None) -> Page[Channel]:
        """Return one page; raises `Malformed` for a cursor that was not given out here."""
        ...

    async def channel(self, org_id: int, channel_id: int) -> Channel | None: ...

    async def series(self, org_id: int, channel_id: int, window: Window) -> Series | None: ...

    async def completeness(
        self, org_id: int, scope: Scope, days: Days, *, by_channel: bool, limit: int, cursor: str | None
    ) -> Page[Completeness]:
        """Return one page; raises `Malformed` for a cursor that was not given out here, as the next two do."""
        ...

    async def gaps(
        self, org_id: int, scope: Scope, span: Span, *, cause: str | None, limit: int, cursor: str | None
    ) -> Page[Gap]: ...

    async def conflicts(
        self, org_id: int, scope: Scope, span: Span, *, limit: int, cursor: str | None
    ) -> Page[Conflict]: ...

    async def node_ledger(self, org_id: int, node_id: int) -> NodeLedger | None: ...

    async def export(self, org_id: int, order: ExportOrder) -> Export:
        """Return a file piece by piece; what goes wrong at once is raised here or by its first step."""
        ...


class Mending(Protocol):
    """What needs a person's hand: refused messages, undated samples, clocks that are not right."""

    async def refused(
        self, org_id: int, reason: str | None, node_id: int | None, limit: int, below: int | None
    ) -> Quarantine: ...

    async def refused_payload(self, org_id: int, quarantine_id: int) -> RefusedPayload | None: ...

    def exported(self, org_id: int, reason: str | None) -> AsyncIterator[bytes]: ...

    async def replay(self, identity: Identity, chosen: Chosen) -> Concerned: ...

    async def discard(self, identity: Identity, chosen: Chosen) -> Concerned: ...

    async def clock_events(self, org_id: int, node_id: int) -> list[ClockEvent] | None: ...

    async def undated(self, org_id: int) -> list[UndatedPile]: ...

    async def redate(self, identity: Identity, asked: Redating) -> Redated: ...


@dataclass(frozen=True)
class AlertFilter:
    """Which alerts are wanted; None = any."""

    state: str | None = None
    severity: str | None = None
    site_id: int | None = None
    place_id: int | None = None
    channel_id: int | None = None
    rule: str | None = None
    open: bool | None = None


@dataclass(frozen=True)
class Deed:
    """What a user does about an alert."""

    kind: Literal["acknowledge", "unacknowledge", "assign", "comment", "snooze", "unsnooze"]
    body: str = ""
    until: datetime | None = None


class AlertDesk(Protocol):
    """Alerts and silences, and what people do about them. What is not the organisation's does not exist: None."""

    async def alerts(self, org_id: int, wanted: AlertFilter, limit: int, below: int | None) -> Alerts: ...

    async def alert(self, org_id: int, alert_id: int) -> AlertDetail | None: ...

    async def act(self, identity: Identity, alert_id: int, deed: Deed) -> Alert | None:
        """Do something about an alert; raises `Conflict` where the alert is over and the deed is no comment."""
        ...

    async def linked(self, token: str) -> LinkedAlert | None:
        """Return what a signed link is about; None where it is forged, has run out, or its alert is gone."""
        ...

    async def follow(self, token: str) -> LinkedAlert | None:
        """Do what a signed link says, and return how things are then."""
        ...

    async def silences(self, org_id: int, active: bool | None, limit: int, below: int | None) -> Silences: ...

    async def silence(self, identity: Identity, order: NewSilence, matcher: Matcher) -> Silence: ...

    async def end_silence(self, identity: Identity, silence_id: int) -> Silence | None: ...


class Rulebook(Protocol):
    """Rules as documents; what cannot be meant raises `Malformed`."""

    async def rules(self, org_id: int) -> Rules: ...

    async def rule(self, org_id: int, slug: str) -> RuleEntry | None: ...

    async def versions(self, org_id: int, slug: str) -> RuleVersions | None: ...

    async def check(self, org_id: int, given: WrittenRule) -> RuleChecked: ...

    async def apply(self, identity: Identity, given: WrittenRule) -> RuleEntry: ...

    async def remove(self, identity: Identity, slug: str) -> bool:
        """Take a rule out of use and return whether there was one; raises `Conflict` where others name it."""
        ...


class Notifying(Protocol):
    """Channels, routes, digests, and what goes out; what cannot be meant raises `Malformed`."""

    async def channels(self, org_id: int) -> NotifyChannels: ...

    async def channel(self, org_id: int, slug: str) -> NotifyChannel | None: ...

    async def put_channel(
        self, identity: Identity, channel: NotifyChannelDocument, secrets: Mapping[str, str] | None
    ) -> NotifyChannel: ...

    async def remove_channel(self, identity: Identity, slug: str) -> bool:
        """Take a channel out of use and return whether there was one; raises `Conflict` where a route names it."""
        ...

    async def routes(self, org_id: int) -> NotifyRoutes: ...

    async def route(self, org_id: int, slug: str) -> NotifyRoute | None: ...

    async def put_route(self, identity: Identity, route: Route, place: int) -> NotifyRoute: ...

    async def remove_route(self, identity: Identity, slug: str) -> bool: ...

    async def digests(self, org_id: int) -> NotifyDigests: ...

    async def digest(self, org_id: int, slug: str) -> NotifyDigest | None: ...

    async def put_digest(self, identity: Identity, digest: Digest) -> NotifyDigest: ...

    async def remove_digest(self, identity: Identity, slug: str) -> bool: ...

    async def send_test(self, identity: Identity, slug: str) -> OnItsWay | None: ...

    async def outbox(
        self, org_id: int, *, state: str | None, channel: str | None, limit: int, cursor: str | None
    ) -> Outbox:
        """Return one page; raises `Malformed` for a cursor that was not given out here."""
        ...


class NodeDesk(Protocol):
    """What nodes should be and are told to do; one of another organisation is as absent as one that does not exist."""

    async def config(self, org_id: int, node_id: int) -> NodeConfig | None: ...

    async def set_config(self, identity: Identity, node_id: int, new: NewConfig) -> ConfigVersion | None:
        """Add a version; raises `Conflict` where somebody else set one meanwhile."""
        ...

    async def versions(self, org_id: int, node_id: int, limit: int, below: int | None) -> ConfigVersions | None: ...

    async def give(self, identity: Identity, node_id: int, new: NewCommand) -> NodeCommand | None: ...

    async def commands(self, org_id: int, node_id: int, limit: int) -> NodeCommands | None: ...

    async def command(self, org_id: int, node_id: int, command_id: str) -> NodeCommand | None: ...

    async def bundle(self, org_id: int, node_id: int, command_id: str) -> bytes | None: ...


class RetentionDesk(Protocol):
    """How long what is kept. Here it is said; `siloscope jobs` carries it out."""

    async def policies(self, org_id: int) -> Policies: ...

    async def switch_archive(self, identity: Identity, switch: ArchiveSwitch) -> Policies:
        """Say whether raw samples need a file to go; raises `Conflict` where it is not as they saw it."""
        ...

    async def set_policy(self, identity: Identity, retention_class: str, level: str, new: NewPolicy) -> Policy:
        """Set one; raises `Conflict` where somebody else did meanwhile, `Malformed` where it cannot be meant."""
        ...

    async def plan(self, org_id: int, retention_class: str | None, level: str | None, keep: str | None) -> Plan:
        """Return what would go; raises `Malformed` where the level could not be kept so long."""
        ...

    async def history(self, org_id: int, limit: int, below: int | None) -> Losses: ...


@dataclass(frozen=True)
class LocatedChange:
    """A new reading, and who may hear of it."""

    where: Audience
    change: Change


@dataclass(frozen=True)
class Changes:
    """What changed up to a point, and the cursor that goes on from there."""

    cursor: str
    changes: Sequence[LocatedChange]


class ChangeSource(Protocol):
    """Tells which channels have a newer reading than at an earlier look."""

    async def since(self, cursor: str | None, audience: Audience | None) -> Changes:
        """Return what changed.

        Args:
            cursor: Of an earlier answer; None asks for the cursor of now and no changes.
            audience: Whose changes; None = everybody's, for the process's own feed.
        """
        ...
