"""Climbs the ladders of routes: one transaction per decision, made by whoever holds the evaluator's term."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
import structlog

from siloscope_alerting.errors import Fenced
from siloscope_alerting.notify.climbing import UNASKED_LOOK_AGAIN_S, Climb, Rung, climb
from siloscope_alerting.notify.decisions import incidents_of, routes_for
from siloscope_alerting.notify.routing import Routes
from siloscope_alerting.ports import Clock, IncidentFacts, Notification
from siloscope_store import notify_ladder
from siloscope_store.connections import Connected, Pool, borrowed
from siloscope_store.errors import DatabaseUnavailable
from siloscope_store.notify_ladder import Due
from siloscope_store.notify_outbox import NewNotification, enqueue

log = structlog.get_logger(__name__)
LOOK_EVERY_S = 1.0


class Ladder:
    """Escalates, repeats, and tells what was silenced or waited for quiet hours to end.

    Args:
        term: The evaluator's; another one ends this.
        wake: Set when something was enqueued.
    """

    def __init__(self, pool: Pool, term: int, clock: Clock, wake: asyncio.Event) -> None:
        self._pool = pool
        self._term = term
        self._clock = clock
        self._wake = wake

    async def run(self) -> None:
        """Look again and again until cancelled.

        Raises:
            Fenced: Another evaluator has taken over.
        """
        while True:
            try:
                await self.look()
            except DatabaseUnavailable as error:
                log.warning("ladder_waits", problem=str(error))
            await self._clock.sleep(LOOK_EVERY_S)

    async def look(self) -> int:
        """Do what is due now; return how many messages were enqueued."""
        async with borrowed(self._pool) as connection:
            pairs = await notify_ladder.due(connection, self._term)
            if not pairs:
                return 0
            return await self.climb(connection, pairs)

    async def climb(self, connection: Connected, pairs: Sequence[Due]) -> int:
        """Decide about pairs in one transaction: what is decided is written with what it was decided from.

        Raises:
            Fenced: Another evaluator has taken over; nothing is written.
        """
        async with connection.transaction():
            if not await notify_ladder.hold_term(connection, self._term):
                raise Fenced(f"term {self._term} is over")
            at = await notify_ladder.now(connection)
            incident_ids = sorted({pair.incident_id for pair in pairs})
            routes = await routes_for(connection, incident_ids)
            incidents = await incidents_of(connection, incident_ids)
            new: list[Notification] = []
            for pair in pairs:
                incident = incidents[pair.incident_id]
                if incident.closed_at is None:
                    new += await self._decide(connection, routes, incident, pair, at)
            count = await enqueue(connection, [stored(each) for each in new])
        if count:
            self._wake.set()
        return count

    @staticmethod
    async def _decide(
        connection: Connected, routes: Routes, incident: IncidentFacts, pair: Due, at: datetime
    ) -> Sequence[Notification]:
        rung = Rung(pair.step, pair.repeats)
        bound = next((each for each in routes.of(incident) if each.route_id == pair.route_id), None)
        # A route that cannot be read was logged; it is looked at again when somebody may have mended it.
        unread = Climb((), rung, at + timedelta(seconds=UNASKED_LOOK_AGAIN_S))
        climbed = climb(routes, bound, rung, incident, at) if bound else unread
        step, repeats = climbed.rung.step or 0, climbed.rung.repeats
        await notify_ladder.stand(connection, pair, step=step, repeats=repeats, next_at=climbed.next_at)
        return climbed.notifications


def stored(notification: Notification) -> NewNotification:
    """Return a notification as the store takes it."""
    return msgspec.convert(notification, NewNotification, from_attributes=True)
