"""The link to the broker: one line after the other, each tried anew with growing pauses."""

import asyncio
from collections.abc import Callable, Sequence

import structlog
from gmqtt.mqtt.constants import MQTTv50, MQTTv311

from siloscope_ingest.backoff import Backoff
from siloscope_ingest.errors import Fatal, Transient
from siloscope_ingest.line import Line, ProtocolRefused
from siloscope_process.clock import Clock

_log = structlog.get_logger(__name__)
_ANSWER_WITHIN_S = 10.0
_LASTING_S = 10.0
"""A line that stood this long was a good one: the next failure starts the pauses anew."""


class Link:
    """Keeps a line to the broker.

    Args:
        new_line: Makes a line.
        filters: What to subscribe to, given the version of MQTT: (filter, QoS).
        clock: For the pauses.
        version: 5, 4 (MQTT 3.1.1), or None to try 5 first.
        changed: Called when a line stands (with None) and when it fell (with the reason).
    """

    def __init__(
        self,
        new_line: Callable[[], Line],
        filters: Callable[[int], Sequence[tuple[str, int]]],
        clock: Clock,
        *,
        version: int | None,
        changed: Callable[[str | None], None],
    ) -> None:
        self.line: Line | None = None
        self._new_line = new_line
        self._filters = filters
        self._clock = clock
        self._version = version or MQTTv50
        self._may_fall_back = version is None
        self._changed = changed
        self._welcomed = False

    async def run(self) -> None:
        """Connect again and again, until cancelled.

        Raises:
            Fatal: The broker refuses our credential or subscription, and never accepted it.
        """
        backoff = Backoff()
        while True:
            began_s = self._clock.monotonic_s()
            try:
                reason = await self._keep_one()
            except Transient as error:
                reason = str(error)
            except Fatal as error:
                if not self._welcomed:
                    raise
                reason = str(error)  # it knew us before: a broker that is being set up anew may know us again
            if self._clock.monotonic_s() - began_s > _LASTING_S:
                backoff = Backoff()
            self._changed(reason)
            pause_s = backoff.next_s()
            _log.warning("broker_away", reason=reason, again_in_s=round(pause_s, 2))
            await self._clock.sleep(pause_s)

    async def _keep_one(self) -> str:
        """Open a line and keep it until it falls; return why it did."""
        line = self._new_line()
        try:
            await line.open(self._version, _ANSWER_WITHIN_S)
            self.line = line
            await line.subscribe(self._filters(self._version), _ANSWER_WITHIN_S)
            _log.info("broker_connected", mqtt="5" if self._version == MQTTv50 else "3.1.1")
            self._welcomed = True
            self._changed(None)
            await line.lost()
            return "the connection was lost"
        except ProtocolRefused as error:
            if not self._may_fall_back:
                raise
            self._version = MQTTv311 if self._version == MQTTv50 else MQTTv50
            return str(error)
        finally:
            self.line = None
            await asyncio.shield(line.close())
