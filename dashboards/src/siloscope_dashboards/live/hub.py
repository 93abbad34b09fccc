"""The hub: one stream of changes in, a bounded queue per listening page out. It never waits for anybody.

A page that does not keep up is dropped: its stream ends, and when it comes back with its Last-Event-ID it gets the
newest reading of every channel that has changed since.
"""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum

QUEUE_LENGTH = 2_000


@dataclass(frozen=True)
class Audience:
    """Whose changes a page wants: always one organisation's, perhaps one site's or one place's."""

    org_id: int
    site_id: int | None = None
    place_id: int | None = None

    def hears(self, other: "Audience") -> bool:
        """Return whether a change at `other` concerns this audience."""
        return (
            self.org_id == other.org_id
            and self.site_id in (None, other.site_id)
            and self.place_id in (None, other.place_id)
        )


@dataclass(frozen=True)
class Frame:
    """One change, encoded once for every page that gets it."""

    where: Audience
    encoded: bytes


class Ending(StrEnum):
    """Why a stream ends."""

    TOO_SLOW = "too_slow"
    STOPPING = "stopping"
    LOGIN_EXPIRED = "login_expired"


class Subscription:
    """One page's queue.

    Args:
        audience: What it wants to hear.
        length: Frames that may wait; one more ends the stream.
    """

    def __init__(self, audience: Audience, length: int) -> None:
        self.audience = audience
        self._length = length
        self._waiting: list[bytes] = []
        self._stirred = asyncio.Event()
        self.ending: Ending | None = None
        self.ended = asyncio.Event()

    def offer(self, frames: Sequence[Frame]) -> None:
        """Queue what concerns this page."""
        wanted = [frame.encoded for frame in frames if self.audience.hears(frame.where)]
        if not wanted or self.ending is not None:
            return
        if len(self._waiting) + len(wanted) > self._length:
            self.end(Ending.TOO_SLOW)
            return
        self._waiting += wanted
        self._stirred.set()

    def remark(self, comment: bytes) -> None:
        """Queue a comment line, unless something waits anyway."""
        if not self._waiting and self.ending is None:
            self._waiting.append(comment)
            self._stirred.set()

    def end(self, why: Ending) -> None:
        """Let the stream end; what still waits is given up."""
        if self.ending is None:
            self.ending = why
            self._waiting.clear()
            self.ended.set()
            self._stirred.set()

    async def take(self) -> bytes:
        """Return everything that waits, as soon as there is something; nothing once the stream has ended."""
        await self._stirred.wait()
        taken = b"".join(self._waiting)
        self._waiting.clear()
        if self.ending is None:
            self._stirred.clear()
        return taken


class Hub:
    """Every open live stream of this process.

    Args:
        queue_length: Frames that may wait for one page.
    """

    def __init__(self, queue_length: int = QUEUE_LENGTH) -> None:
        self._queue_length = queue_length
        self._subscriptions: set[Subscription] = set()
        self._stopping = False

    @property
    def organisations(self) -> set[int]:
        """Whose pages listen now."""
        return {subscription.audience.org_id for subscription in self._subscriptions}

    @contextmanager
    def subscription(self, audience: Audience) -> Iterator[Subscription]:
        """Listen for as long as the context lasts."""
        subscription = Subscription(audience, self._queue_length)
        self._subscriptions.add(subscription)
        if self._stopping:
            subscription.end(Ending.STOPPING)
        try:
            yield subscription
        finally:
            self._subscriptions.discard(subscription)

    def publish(self, frames: Sequence[Frame]) -> None:
        """Hand changes to every page that they concern."""
        for subscription in self._subscriptions:
            subscription.offer(frames)

    def close(self) -> None:
        """End every stream, now and from now on."""
        self._stopping = True
        for subscription in self._subscriptions:
            subscription.end(Ending.STOPPING)
