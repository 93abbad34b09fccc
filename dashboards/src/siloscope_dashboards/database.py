"""The ports, fulfilled by the store: borrow a connection, ask, say what came back in the API's own models."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TypeVar

from pydantic import BaseModel

from siloscope_dashboards.channels.models import Channel
from siloscope_dashboards.completeness.models import Completeness, Conflict, Gap, NodeLedger
from siloscope_dashboards.completeness.window import Days, Span
from siloscope_dashboards.devices.models import Device
from siloscope_dashboards.errors import Fault, Malformed, TooSlow, Unavailable
from siloscope_dashboards.exports.models import Export, ExportOrder
from siloscope_dashboards.live.hub import Audience
from siloscope_dashboards.live.models import Change
from siloscope_dashboards.pages import Page
from siloscope_dashboards.places.models import Place, PlaceDetail
from siloscope_dashboards.ports import Account, Changes, ChannelFilter, LocatedChange, Scope
from siloscope_dashboards.series.models import Series
from siloscope_dashboards.series.window import Window
from siloscope_dashboards.sites.models import Site
from siloscope_process.clock import Clock
from siloscope_store import audit, changes, channels, completeness, node_numbers, places, series, sites, users
from siloscope_store.connections import Connected, Pool, borrowed
from siloscope_store.errors import CursorMalformed, DatabaseUnavailable, StatementTooSlow

Model = TypeVar("Model", bound=BaseModel)
_PROBE_PATIENCE_S = 2.0
# A server that has frozen, or a network that swallows everything, says nothing: no error ever comes. This is more than
# the server itself gives a statement, so that where it does speak, its word comes first.
LONGEST_LOAN_S = 15.0
MOST_EXPORTS = 2
"""At once: they take the processor that others wait for."""


@asynccontextmanager
async def _lent(pool: Pool, patience_s: float = 3.0) -> AsyncIterator[Connected]:
    try:
        async with asyncio.timeout(LONGEST_LOAN_S), borrowed(pool, patience_s=patience_s) as connection:
            yield connection
    except TimeoutError as error:
        raise Unavailable(f"the database has been silent for {LONGEST_LOAN_S:g} s") from error
    except StatementTooSlow as error:
        raise TooSlow(f"{error.message}; ask for less, or again later") from error
    except DatabaseUnavailable as error:
        raise Unavailable(error.message) from error


lent = _lent
"""For the modules that fulfil the other ports."""


def quieten() -> None:
    """Keep the pool's own words about a database that is away out of the log: ours say it once."""
    logging.getLogger("psycopg.pool").setLevel(logging.ERROR)


class DatabaseReadings:
    """The read path.

    Args:
        pool: An open pool.
        clock: What ages are measured against.
    """

    def __init__(self, pool: Pool, clock: Clock) -> None:
        self._pool = pool
        self._clock = clock
        self._exports = 0

    async def unavailable(self) -> str | None:
        probe = asyncio.ensure_future(self._problem())
        await asyncio.wait({probe}, timeout=_PROBE_PATIENCE_S)
        if probe.done():
            return probe.result()
        probe.cancel()  # and not waited for: psycopg asks a silent server to cancel first
        return f"silent for {_PROBE_PATIENCE_S:g} s"

    async def _problem(self) -> str | None:
        try:
            async with _lent(self._pool, _PROBE_PATIENCE_S / 2) as connection:
                await changes.changes_since(connection, None, now=self._clock.now())
        except Unavailable as error:
            return error.detail
        return None

    async def sites(self, org_id: int) -> list[Site]:
        async with _lent(self._pool) as connection:
            return _all(Site, await sites.sites(connection, org_id, now=self._clock.now()))

    async def site(self, org_id: int, site_id: int) -> Site | None:
        async with _lent(self._pool) as connection:
            return _one(Site, await sites.site(connection, org_id, site_id, now=self._clock.now()))

    async def places(self, org_id: int, site_id: int | None) -> list[Place]:
        async with _lent(self._pool) as connection:
            return _all(Place, await places.places(connection, org_id, now=self._clock.now(), site_id=site_id))

    async def place(self, org_id: int, place_id: int) -> PlaceDetail | None:
        now = self._clock.now()
        async with _lent(self._pool) as connection:
            place = _one(Place, await places.place(connection, org_id, place_id, now=now))
            if place is None:
                return None
            placed = await channels.channels_of_place(connection, org_id, place_id, now=now)
        return PlaceDetail(**{**dict(place), "channels": _all(Channel, placed)})

    async def devices(self, org_id: int, site_id: int | None) -> list[Device]:
        async with _lent(self._pool) as connection:
            return _all(Device, await sites.devices(connection, org_id, site_id=site_id))

    async def has_device(self, org_id: int, device_id: int) -> bool:
        async with _lent(self._pool) as connection:
            return any(device.id == device_id for device in await sites.devices(connection, org_id))

    async def channels(self, org_id: int, wanted: ChannelFilter, limit: int, cursor: str | None) -> Page[Channel]:
        asked = channels.ChannelFilter(
            wanted.site_id, wanted.place_id, wanted.device_id, wanted.quantity, wanted.search
        )
        try:
            async with _lent(self._pool) as connection:
                found = await channels.channels(
                    connection, org_id, asked, now=self._clock.now(), limit=limit, cursor=cursor
                )
        except CursorMalformed as error:
            expected = "a next_cursor of an earlier page"
            raise Malformed(str(error), faults=[Fault("query.cursor", f"{expected}, found {cursor!r}")]) from error
        return Page(items=_all(Channel, found.items), next_cursor=found.next_cursor)

    async def channel(self, org_id: int, channel_id: int) -> Channel | None:
        async with _lent(self._pool) as connection:
            return _one(Channel, await channels.channel(connection, org_id, channel_id, now=self._clock.now()))

    async def series(self, org_id: int, channel_id: int, window: Window) -> Series | None:
        async with _lent(self._pool) as connection:
            found = await series.channel_series(
                connection, org_id, channel_id, window.begins, window.ends, window.points
            )
        return _one(Series, found)

    async def export(self, org_id: int, order: ExportOrder) -> Export:
        # Only who exports pays for the import of what writes Parquet and XLSX.
        from siloscope_dashboards.exports.files import export_of

        found = await export_of(lambda: _lent(self._pool), org_id, order)
        return Export(found.let_go, self._counted(found.pieces))

    async def _counted(self, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        if self._exports >= MOST_EXPORTS:
            raise Unavailable(f"{MOST_EXPORTS} exports are under way; try again when one has ended")
        self._exports += 1
        try:
            async for piece in pieces:
                yield piece
        finally:
            self._exports -= 1

    async def completeness(
        self, org_id: int, scope: Scope, days: Days, *, by_channel: bool, limit: int, cursor: str | None
    ) -> Page[Completeness]:
        async with own_cursor(cursor), _lent(self._pool) as connection:
            found = await completeness.completeness(
                connection,
                org_id,
                completeness.Scope(**vars(scope)),
                days.first,
                days.last,
                now=self._clock.now(),
                by_channel=by_channel,
                limit=limit,
                cursor=cursor,
            )
        return Page(items=_all(Completeness, found.items), next_cursor=found.next_cursor)

    async def gaps(
        self, org_id: int, scope: Scope, span: Span, *, cause: str | None, limit: int, cursor: str | None
    ) -> Page[Gap]:
        asked, now = completeness.Scope(**vars(scope)), self._clock.now()
        async with own_cursor(cursor), _lent(self._pool) as connection:
            found = await completeness.gaps(
                connection, org_id, asked, span.begins, span.ends, now=now, cause=cause, limit=limit, cursor=cursor
            )
        return Page(items=_all(Gap, found.items), next_cursor=found.next_cursor)

    async def conflicts(
        self, org_id: int, scope: Scope, span: Span, *, limit: int, cursor: str | None
    ) -> Page[Conflict]:
        asked, now = completeness.Scope(**vars(scope)), self._clock.now()
        async with own_cursor(cursor), _lent(self._pool) as connection:
            found = await completeness.conflicts(
                connection, org_id, asked, span.begins, span.ends, now=now, limit=limit, cursor=cursor
            )
        return Page(items=_all(Conflict, found.items), next_cursor=found.next_cursor)

    async def node_ledger(self, org_id: int, node_id: int) -> NodeLedger | None:
        async with _lent(self._pool) as connection:
            return _one(NodeLedger, await node_numbers.node_ledger(connection, org_id, node_id))


@asynccontextmanager
async def own_cursor(cursor: str | None) -> AsyncIterator[None]:
    """Turn a cursor that the store never gave out into the client's mistake."""
    try:
        yield
    except CursorMalformed as error:
        expected = "a next_cursor of an earlier page"
        raise Malformed(str(error), faults=[Fault("query.cursor", f"{expected}, found {cursor!r}")]) from error


class DatabaseAccounts:
    """Users and their sessions.

    Args:
        pool: An open pool.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def by_username(self, username: str) -> Account | None:
        async with _lent(self._pool) as connection:
            return _account(await users.by_username(connection, username))

    async def by_id(self, user_id: int) -> Account | None:
        async with _lent(self._pool) as connection:
            return _account(await users.by_id(connection, user_id))

    async def set_password_hash(self, user_id: int, password_hash: str) -> None:
        async with _lent(self._pool) as connection:
            await users.set_password_hash(connection, user_id, password_hash)

    async def open_session(
        self, account: Account, digest: bytes, at: datetime, lifetime_s: int, *, address: str
    ) -> None:
        deed = audit.Deed(f"user:{account.username}", "session.open", account.username, {"address": address})
        async with _lent(self._pool) as connection, connection.transaction():
            await users.open_session(connection, account.user_id, digest, at, lifetime_s)
            await audit.record_for(connection, deed, account.org_id)

    async def rotate(self, digest: bytes, successor: bytes, at: datetime, lifetime_s: int) -> Account | None:
        async with _lent(self._pool) as connection:
            return _account(await users.rotate(connection, digest, successor, at, lifetime_s))

    async def close_session(self, digest: bytes, at: datetime) -> None:
        async with _lent(self._pool) as connection:
            await users.close_session(connection, digest, at)


class DatabaseChanges:
    """What changed since an earlier look.

    Args:
        pool: An open pool.
        clock: What ages are measured against.
    """

    def __init__(self, pool: Pool, clock: Clock) -> None:
        self._pool = pool
        self._clock = clock

    async def since(self, cursor: str | None, audience: Audience | None) -> Changes:
        wanted = {} if audience is None else vars(audience)
        async with _lent(self._pool) as connection:
            try:
                found = await changes.changes_since(connection, cursor, now=self._clock.now(), **wanted)
            except CursorMalformed:
                # A client may send any Last-Event-ID; one that is not ours says nothing about what was missed.
                found = await changes.changes_since(connection, None, now=self._clock.now())
        return Changes(found.cursor, [_located(each) for each in found.changes])


def _all(model: type[Model], found: Iterable[object]) -> list[Model]:
    return [model.model_validate(each, from_attributes=True) for each in found]


def _one(model: type[Model], found: object | None) -> Model | None:
    return None if found is None else model.model_validate(found, from_attributes=True)


def _account(found: users.Account | None) -> Account | None:
    return None if found is None else Account(*(getattr(found, name) for name in found.__struct_fields__))


def _located(found: changes.Change) -> LocatedChange:
    where = Audience(found.org_id, found.site_id, found.place_id)
    return LocatedChange(where, Change.model_validate(found, from_attributes=True))
