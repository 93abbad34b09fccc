"""The dead man's switch: a URL is called every minute while alerting works; whoever answers there misses the call.

Only while rounds are evaluated and messages leave: a process that merely lives must not say that all is well.
"""

from collections.abc import Awaitable, Callable
from typing import Literal

import httpx2
import structlog

from siloscope_alerting.ports import Clock
from siloscope_store.errors import DatabaseUnavailable

_log = structlog.get_logger(__name__)
EVERY_S = 60.0
OLDEST_ROUND_S = 60.0
STUCK_AFTER_S = 120.0
_TIMEOUT_S = 10.0

Beat = Literal["called", "standby", "rounds_stand", "messages_stand", "database_away", "unreachable"]
"""What a turn came to; all but the first two let the switch fall."""


class Heartbeat:
    """Calls a URL while alerting works.

    Args:
        url: Whom to call, with GET; it may hold a token, so no log ever shows it.
        client: Makes the calls.
        clock: For the pause between two calls.
        round_age_s: Seconds since a round was kept last; None while this process is a standby.
        stuck: Counts the messages that should have left longer ago than so many seconds.
    """

    def __init__(
        self,
        url: str,
        client: httpx2.AsyncClient,
        clock: Clock,
        round_age_s: Callable[[], float | None],
        stuck: Callable[[float], Awaitable[int]],
    ) -> None:
        self._url = url
        self._client = client
        self._clock = clock
        self._round_age_s = round_age_s
        self._stuck = stuck
        self._last: Beat | None = None

    async def run(self) -> None:
        """Call every minute, until cancelled."""
        while True:
            found = await self.beat()
            if found != self._last:
                (_log.info if found in ("called", "standby") else _log.warning)("heartbeat", outcome=found)
            self._last = found
            await self._clock.sleep(EVERY_S)

    async def beat(self) -> Beat:
        """Call once, if all is well."""
        age_s = self._round_age_s()
        if age_s is None:
            return "standby"
        if age_s > OLDEST_ROUND_S:
            return "rounds_stand"
        try:
            if await self._stuck(STUCK_AFTER_S):
                return "messages_stand"
        except DatabaseUnavailable:
            return "database_away"
        try:
            answer = await self._client.get(self._url, timeout=_TIMEOUT_S)
        except (httpx2.RequestError, httpx2.InvalidURL):
            return "unreachable"
        return "called" if answer.is_success else "unreachable"
