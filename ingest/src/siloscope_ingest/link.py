"""The link to a broker or a stream: one line after the other, each tried anew with growing pauses."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

import structlog

from siloscope_ingest.backoff import Backoff
from siloscope_ingest.errors import Fatal, Transient
from siloscope_ingest.ports import Inlet
from siloscope_process.clock import Clock

_log = structlog.get_logger(__name__)
_LASTING_S = 10.0
"""A line that stood this long was a good one: the next failure starts the pauses anew."""

L = TypeVar("L", bound=Inlet)


class Link(Generic[L]):
    """Keeps a line.

    Args:
        dial: Opens a line, or raises Transient or Fatal.
        clock: For the pauses.
        changed: Called when a line stands (with None) and when it fell (with the reason).
        name: What is at the other end, in logs.
    """

    def __init__(
        self, dial: Callable[[], Awaitable[L]], clock: Clock, *, changed: Callable[[str | None], None], name: str
    ) -> None:
        self.line: L | None = None
        self._dial = dial
        self._clock = clock
        self._changed = changed
        self._name = name
        self._welcomed = False
        self._may_take = asyncio.Event()
        self._may_take.set()

    def pause(self) -> None:
        """Take no more from the line that stands, and open no other: it would bring all that is not acknowledged."""
        self._may_take.clear()
        if self.line is not None:
            self.line.pause()

    def resume(self) -> None:
        """Go on."""
        self._may_take.set()
        if self.line is not None:
            self.line.resume()

    async def run(self) -> None:
        """Connect again and again, until cancelled.

        Raises:
            Fatal: The other end refuses us, and never accepted us.
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
            _log.warning(f"{self._name}_away", reason=reason, again_in_s=round(pause_s, 2))
            await self._clock.sleep(pause_s)
            await self._may_take.wait()

    async def _keep_one(self) -> str:
        """Open a line and keep it until it falls; return why it did."""
        line = await self._dial()
        try:
            self.line = line
            self._welcomed = True
            self._changed(None)
            return await line.lost()
        finally:
            self.line = None
            await asyncio.shield(line.close())
