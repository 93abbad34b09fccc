"""What needs a person's hand, from the database: refused messages, undated samples, and clocks that are not right."""

from base64 import b64encode
from collections.abc import AsyncIterator
from typing import Any

import msgspec

from siloscope_dashboards.auth.tokens import Identity
from siloscope_dashboards.clocks.models import ClockEvent, Redated, Redating, UndatedPile
from siloscope_dashboards.database import lent
from siloscope_dashboards.errors import Conflict
from siloscope_dashboards.quarantine.models import (
    Chosen,
    Concerned,
    OnlyCounted,
    Quarantine,
    RefusedMessage,
    RefusedPayload,
)
from siloscope_process.clock import Clock
from siloscope_store import audit, clocks, shelf, undated
from siloscope_store.connections import Connected, Pool
from siloscope_store.errors import WeeksClosed
from siloscope_store.shelf import Wanted

_REDATED_AT_ONCE = 2_000


class DatabaseMending:
    """Refused messages, undated samples and clocks, of one organisation at a time.

    Args:
        pool: An open pool.
        clock: Says what is the future.
    """

    def __init__(self, pool: Pool, clock: Clock) -> None:
        self._pool = pool
        self._clock = clock

    async def refused(
        self, org_id: int, reason: str | None, node_id: int | None, limit: int, below: int | None
    ) -> Quarantine:
        async with lent(self._pool) as connection:
            organisation = await shelf.organisation(connection, org_id)
            wanted = Wanted(reason=reason, node_id=node_id)
            found = await shelf.page(connection, organisation, wanted, limit=limit + 1, below=below)
            floods = await shelf.withheld(connection, organisation)
        items = [RefusedMessage.model_validate(each, from_attributes=True) for each in found[:limit]]
        counted = [OnlyCounted.model_validate(each, from_attributes=True) for each in floods]
        cursor = str(items[-1].id) if len(found) > limit else None
        return Quarantine(items=items, next_cursor=cursor, only_counted=counted)

    async def refused_payload(self, org_id: int, quarantine_id: int) -> RefusedPayload | None:
        async with lent(self._pool) as connection:
            found = await shelf.one(connection, await shelf.organisation(connection, org_id), quarantine_id)
        if found is None:
            return None
        plain: dict[str, Any] = msgspec.structs.asdict(found.message)
        return RefusedPayload(**plain, payload_base64=b64encode(found.payload).decode())

    async def exported(self, org_id: int, reason: str | None) -> AsyncIterator[bytes]:
        below: int | None = None
        while True:  # a connection for each page: a client that reads slowly must hold none
            async with lent(self._pool) as connection:
                organisation = await shelf.organisation(connection, org_id)
                found = await shelf.payloads(connection, organisation, Wanted(reason=reason), below=below)
            for each in found:
                yield shelf.line(each)
            if not found:
                return
            below = found[-1].message.id

    async def replay(self, identity: Identity, chosen: Chosen) -> Concerned:
        return await self._change(identity, chosen, "quarantine.replay")

    async def discard(self, identity: Identity, chosen: Chosen) -> Concerned:
        return await self._change(identity, chosen, "quarantine.discard")

    async def clock_events(self, org_id: int, node_id: int) -> list[ClockEvent] | None:
        async with lent(self._pool) as connection:
            found = await clocks.of_node(connection, org_id, node_id)
        return None if found is None else [ClockEvent.model_validate(each, from_attributes=True) for each in found]

    async def undated(self, org_id: int) -> list[UndatedPile]:
        async with lent(self._pool) as connection:
            found = await undated.piles(connection, org_id)
        return [UndatedPile.model_validate(each, from_attributes=True) for each in found]

    async def redate(self, identity: Identity, asked: Redating) -> Redated:
        bounds = (asked.reason, asked.arrived_from, asked.arrived_to)
        wanted = undated.Selection(identity.org_id, asked.node_id, *bounds)
        rule = undated.Rule(round((asked.shift_s or 0) * 1000), asked.rule == "arrival")
        now, actor = self._clock.now(), f"user:{identity.username}"
        async with lent(self._pool) as connection:
            if asked.dry_run:
                done = await undated.preview(connection, wanted, rule, now=now)
            else:
                try:
                    done = await undated.redate(
                        connection,
                        wanted,
                        rule,
                        actor=actor,
                        now=now,
                        most=_REDATED_AT_ONCE,
                        open_weeks=asked.open_weeks,
                    )
                except WeeksClosed as error:
                    raise Conflict(f"{error}; where the times are right, say open_weeks {error.found}") from error
        return Redated(dry_run=asked.dry_run, **vars(done))

    async def _change(self, identity: Identity, chosen: Chosen, deed: str) -> Concerned:
        wanted = Wanted(ids=chosen.ids, reason=chosen.reason, node_id=chosen.node_id)
        change = shelf.request_replay if deed == "quarantine.replay" else shelf.discard
        async with lent(self._pool) as connection, connection.transaction():
            organisation = await shelf.organisation(connection, identity.org_id)
            count = await change(connection, organisation, wanted)
            await _note(connection, identity, deed, {"messages": count, **chosen.model_dump(exclude_none=True)})
        return Concerned(messages=count)


async def _note(connection: Connected, identity: Identity, action: str, detail: dict[str, Any]) -> None:
    deed = audit.Deed(f"user:{identity.username}", action, "quarantine", detail)
    await audit.record_for(connection, deed, identity.org_id)
