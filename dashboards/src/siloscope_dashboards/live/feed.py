"""The feed: one look at the database a second for the whole process, handed to the hub."""

from datetime import datetime

import structlog

from siloscope_dashboards.errors import Unavailable
from siloscope_dashboards.live.events import frame
from siloscope_dashboards.live.hub import Audience, Hub
from siloscope_dashboards.live.models import Change
from siloscope_dashboards.operations.metrics import Metrics
from siloscope_dashboards.ports import ChangeSource
from siloscope_process.clock import Clock

LOOK_EVERY_S = 1.0
LONGEST_PAUSE_S = 30.0
_log = structlog.get_logger(__name__)


class Feed:
    """Brings changes from the database to the hub for as long as somebody listens.

    Args:
        source: Where changes are looked up.
        hub: Who gets them.
        clock: Paces the looks.
        metrics: Counts what went out.
    """

    def __init__(self, source: ChangeSource, hub: Hub, clock: Clock, metrics: Metrics) -> None:
        self._source = source
        self._hub = hub
        self._clock = clock
        self._metrics = metrics
        self._cursor: str | None = None
        self._failures = 0
        self._told: dict[int, datetime] = {}

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            await self.look()
            await self._clock.sleep(self._pause_s())

    async def look(self) -> None:
        """Look once. Without listeners only the cursor moves; while the database is away it stays."""
        try:
            found = await self._source.since(self._cursor if self._hub.organisations else None, self._audience())
        except Unavailable as error:
            self._failures += 1
            if self._failures == 1:
                _log.warning("live_feed_interrupted", reason=error.detail)
            return
        if self._failures:
            _log.info("live_feed_resumed", failed_looks=self._failures)
        self._failures = 0
        self._cursor = found.cursor
        news = [each for each in found.changes if self._is_news(each.change)]
        self._hub.publish([frame(each, found.cursor) for each in news])
        self._metrics.live_changes.inc(len(news))

    def _audience(self) -> Audience | None:
        """Ask for one organisation where only one listens, for all where several do."""
        listening = self._hub.organisations
        return Audience(next(iter(listening))) if len(listening) == 1 else None

    def _is_news(self, change: Change) -> bool:
        """Tell the channels that changed from their neighbours in the same sample, which are found beside them."""
        if self._told.get(change.channel_id) == change.time:
            return False
        self._told[change.channel_id] = change.time
        return True

    def _pause_s(self) -> float:
        return min(LOOK_EVERY_S * 2.0 ** min(self._failures, 10), LONGEST_PAUSE_S)
