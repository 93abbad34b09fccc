"""Readings that are in no database: one site, place, channel and group for each organisation, and what changes."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from siloscope_dashboards.channels.models import Channel, ChannelDevice, ChannelNode, ChannelSite, Latest, Spot
from siloscope_dashboards.completeness.models import Completeness, Conflict, Day, Gap, NodeLedger, Subject
from siloscope_dashboards.completeness.window import Days
from siloscope_dashboards.completeness.window import Span as TimeSpan
from siloscope_dashboards.devices.models import Device, DeviceNode
from siloscope_dashboards.errors import Fault, Malformed, Unavailable
from siloscope_dashboards.exports.models import Export, ExportOrder, LetGo
from siloscope_dashboards.live.hub import Audience
from siloscope_dashboards.live.models import Change
from siloscope_dashboards.pages import Page
from siloscope_dashboards.places.models import Place, PlaceDetail, Span
from siloscope_dashboards.ports import Changes, ChannelFilter, LocatedChange, Scope
from siloscope_dashboards.series.models import Point, Series
from siloscope_dashboards.series.window import Window
from siloscope_dashboards.sites.models import Site, SiteNode

AT = datetime(2024, 1, 1, tzinfo=UTC)


def channel(org_id: int) -> Channel:
    """The one channel of an organisation; all its ids are ten times the organisation's."""
    n = org_id * 10
    return Channel(
        id=n,
        key="t1",
        title=None,
        quantity="temperature",
        unit="Cel",
        device=ChannelDevice(id=n, slug="head", title="Cable 1"),
        node=ChannelNode(id=n, slug="yard"),
        site=ChannelSite(id=n, slug="north", name="North farm", time_zone="America/New_York"),
        place=Spot(id=n, slug="bin-1", title="Bin 1", kind="bin", cable=1, level=1, spot=None),
        interval_s=10,
        retention_class="measurements",
        resolution=0.1,
        latest=Latest(time=AT, value=11.5, quality="good", reason="good", age_s=4, state="live"),
        clock_ahead_s=None,
    )


def site(org_id: int) -> Site:
    """The one site of an organisation."""
    node = SiteNode(id=org_id * 10, slug="yard", state="online", last_seen_at=AT, age_s=4, clock=None)
    return Site(
        id=org_id * 10,
        slug="north",
        name="North farm",
        time_zone="America/New_York",
        latitude=None,
        longitude=None,
        places=1,
        channels=1,
        reporting=1,
        stale=0,
        bad=0,
        nodes=[node],
    )


def place(org_id: int) -> Place:
    """The one place of an organisation."""
    return Place(
        id=org_id * 10,
        slug="bin-1",
        title="Bin 1",
        kind="bin",
        site_id=org_id * 10,
        channels=1,
        reporting=1,
        stale=0,
        bad=0,
        unheard=0,
        grain={"temperature": Span(min=11.5, mean=11.5, max=11.5, unit="Cel")},
        summary={},
    )


def subject(org_id: int) -> Subject:
    """The one group of an organisation."""
    n = org_id * 10
    return Subject(
        group_id=n,
        group_key="main",
        interval_s=10,
        device_id=n,
        device_slug="head",
        device_title="Cable 1",
        node_id=n,
        node_slug="yard",
        site_id=n,
        site_slug="north",
        time_zone="America/New_York",
        places=[],
    )


@dataclass
class FakeReadings:
    """The read path over the things above; `away` takes the database away, `broken` makes it fail unforeseen."""

    away: str | None = None
    broken: Exception | None = None
    let_go: list[LetGo] = field(default_factory=list)

    async def unavailable(self) -> str | None:
        return self.away

    async def sites(self, org_id: int) -> list[Site]:
        self._check()
        return [site(org_id)]

    async def site(self, org_id: int, site_id: int) -> Site | None:
        self._check()
        return site(org_id) if site_id == org_id * 10 else None

    async def places(self, org_id: int, site_id: int | None) -> list[Place]:
        self._check()
        return [place(org_id)] if site_id in (None, org_id * 10) else []

    async def place(self, org_id: int, place_id: int) -> PlaceDetail | None:
        self._check()
        if place_id != org_id * 10:
            return None
        return PlaceDetail(**{**dict(place(org_id)), "channels": [channel(org_id)]})

    async def has_device(self, org_id: int, device_id: int) -> bool:
        self._check()
        return device_id == org_id * 10

    async def devices(self, org_id: int, site_id: int | None) -> list[Device]:
        self._check()
        n = org_id * 10
        node = DeviceNode(id=n, slug="yard")
        return [
            Device(id=n, slug="head", title=None, profile="r4dcb08", node=node, site_id=n, channels=1, attributes={})
        ]

    async def channels(self, org_id: int, wanted: ChannelFilter, limit: int, cursor: str | None) -> Page[Channel]:
        self._check()
        if cursor is not None and cursor != "next":
            raise Malformed("query.cursor: was not given out here")
        ids = (wanted.site_id, wanted.place_id, wanted.device_id)
        mine = all(each in (None, org_id * 10) for each in ids)
        return Page(items=[channel(org_id)] if mine and cursor is None else [], next_cursor=None)

    async def channel(self, org_id: int, channel_id: int) -> Channel | None:
        self._check()
        return channel(org_id) if channel_id == org_id * 10 else None

    async def export(self, org_id: int, order: ExportOrder) -> Export:
        self._check()

        async def pieces() -> AsyncIterator[bytes]:
            yield f"{org_id},{order.form},{order.level}\n".encode()

        return Export([each for each in self.let_go if each.before > order.begins], pieces())

    async def series(self, org_id: int, channel_id: int, window: Window) -> Series | None:
        self._check()
        if channel_id != org_id * 10:
            return None
        points = [Point(time=window.begins, min=1, mean=2, max=3, count=4, bad=0, uncertain=0, increase=None, day=None)]
        return Series(
            channel_id=channel_id,
            unit="Cel",
            begins=window.begins,
            ends=window.ends,
            level="raw",
            bucket_s=60,
            points=points,
            catching_up=False,
        )

    async def completeness(
        self, org_id: int, scope: Scope, days: Days, *, by_channel: bool, limit: int, cursor: str | None
    ) -> Page[Completeness]:
        self._check()
        _check_cursor(cursor)
        day = Day(
            day=days.last,
            expected=8640,
            stored=8600,
            surplus=0,
            late=3,
            missing={"agent_off": 40},
            bad={"comm_failure": 2},
            conflicts=0,
        )
        return Page(items=[Completeness(subject=subject(org_id), channel=None, days=[day])], next_cursor=None)

    async def gaps(
        self, org_id: int, scope: Scope, span: TimeSpan, *, cause: str | None, limit: int, cursor: str | None
    ) -> Page[Gap]:
        self._check()
        _check_cursor(cursor)
        gap = Gap(subject=subject(org_id), cause="agent_off", from_time=AT, to_time=AT, samples=1, interval_s=10)
        return Page(items=[gap], next_cursor=None)

    async def conflicts(
        self, org_id: int, scope: Scope, span: TimeSpan, *, limit: int, cursor: str | None
    ) -> Page[Conflict]:
        self._check()
        _check_cursor(cursor)
        return Page(items=[], next_cursor=None)

    async def node_ledger(self, org_id: int, node_id: int) -> NodeLedger | None:
        self._check()
        if node_id != org_id * 10:
            return None
        return NodeLedger(
            node_id=node_id,
            slug="yard",
            kind="agent",
            site_id=node_id,
            session=None,
            heard_at=AT,
            epochs=[],
            gaps=[],
            refused=[],
            twins=[],
        )

    def _check(self) -> None:
        if self.broken is not None:
            raise self.broken
        if self.away is not None:
            raise Unavailable(self.away)


def _check_cursor(cursor: str | None) -> None:
    if cursor is not None and cursor != "next":
        raise Malformed("query.cursor: was not given out here", faults=[Fault("query.cursor", "one from here")])


@dataclass
class FakeChanges:
    """A list of changes; a cursor is how many of them had been made."""

    made: list[LocatedChange] = field(default_factory=list)
    away: str | None = None
    looks: int = 0

    def make(self, org_id: int, value: float) -> None:
        """Let the one channel of an organisation have a new reading, a second after the last."""
        n = org_id * 10
        at = AT + timedelta(seconds=len(self.made))
        change = Change(channel_id=n, time=at, value=value, quality="good", reason="good", age_s=1)
        self.made.append(LocatedChange(Audience(org_id, n, n), change))

    async def since(self, cursor: str | None, audience: Audience | None) -> Changes:
        self.looks += 1
        if self.away is not None:
            raise Unavailable(self.away)
        begin = len(self.made) if cursor is None else int(cursor)
        found: Sequence[LocatedChange] = [
            each for each in self.made[begin:] if audience is None or audience.hears(each.where)
        ]
        return Changes(str(len(self.made)), found)
