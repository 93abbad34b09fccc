"""Takes messages out of the outbox to their services: a task per channel, so that one that is down delays no other."""

import asyncio
import random
from collections.abc import Mapping
from typing import Protocol

import msgspec
import structlog

from siloscope_alerting.errors import Fenced, SendingFailed, TryAgain
from siloscope_alerting.notify import limits
from siloscope_alerting.notify.backoff import channel_pause_s, retry_in_s
from siloscope_alerting.notify.failing import warn_others
from siloscope_alerting.notify.limits import Allowance
from siloscope_alerting.notify.metrics import DeliveryMetrics
from siloscope_alerting.notify.summing_up import sum_up
from siloscope_alerting.ports import Clock, Rendered, Sender
from siloscope_contract.alerts.routes import Channel
from siloscope_store import notify_channels, notify_outbox
from siloscope_store.connections import Pool, borrowed
from siloscope_store.errors import DatabaseUnavailable
from siloscope_store.notify_channels import NotifyChannel
from siloscope_store.notify_outbox import Claimed, Failing

log = structlog.get_logger(__name__)
LOOK_EVERY_S = 1.0
GIVE_UP_REMOVED_EVERY_S = 60.0
SEND_WITHIN_S = 45.0
"""Longer than any sender's own patience: what exceeds it hangs."""

FINISH_WITHIN_S = 5.0


class Composer(Protocol):
    """Puts a message in its reader's words, with links and picture."""

    async def compose(self, channel: NotifyChannel, claimed: Claimed) -> Rendered:
        """Return the message; whatever is missing or broken, there is one."""
        ...


class Delivery:
    """Sends what is due until it is cancelled or another evaluator takes over.

    Args:
        pool: At most half of its connections are taken.
        composer: Makes the words.
        senders: By kind of channel.
        term: The evaluator's.
        clock: For pauses.
        wake: Set by whoever enqueues.
        metrics: Counts.
    """

    def __init__(
        self,
        pool: Pool,
        composer: Composer,
        senders: Mapping[str, Sender],
        term: int,
        clock: Clock,
        wake: asyncio.Event,
        metrics: DeliveryMetrics,
    ) -> None:
        self._pool = pool
        self._composer = composer
        self._senders = senders
        self._term = term
        self._clock = clock
        self._wake = wake
        self._metrics = metrics
        self._ways: dict[int, _Way] = {}
        self._looked_for_removed_s = float("-inf")
        self._stopping = False

    async def run(self) -> None:
        """Send until cancelled; attempts that are under way then may end first: keep the lease until this returns.

        Raises:
            Fenced: Another evaluator has taken over.
        """
        try:
            while True:
                await self._look()
                await self._pause()
                for way in self._ways.values():
                    if way.task is not None and way.task.done():
                        way.task.result()
        finally:
            await self._finish()

    async def _finish(self) -> None:
        self._stopping = True
        tasks = {way.task for way in self._ways.values() if way.task is not None and not way.task.done()}
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=FINISH_WITHIN_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _look(self) -> None:
        try:
            async with borrowed(self._pool) as connection:
                await self._give_up_removed(connection)
                await self._release_doubtful(connection)
                after_s = limits.SUMMARISE_AFTER_S
                channels = await notify_channels.due(connection, self._term, summarise_after_s=after_s)
        except DatabaseUnavailable as error:
            log.warning("delivery_waits", problem=str(error))
            return
        now_s = self._clock.monotonic_s()
        for channel in channels:
            way = self._ways.setdefault(channel.channel_id, _Way())
            way.again = True
            if (way.task is None or way.task.done()) and now_s >= way.rests_until_s:
                way.task = asyncio.create_task(self._serve(channel, way), name=f"channel {channel.slug}")

    async def _give_up_removed(self, connection: notify_outbox.Connection) -> None:
        now_s = self._clock.monotonic_s()
        if now_s - self._looked_for_removed_s >= GIVE_UP_REMOVED_EVERY_S:
            self._looked_for_removed_s = now_s
            await notify_outbox.give_up_removed(connection)

    async def _release_doubtful(self, connection: notify_outbox.Connection) -> None:
        """Queue again what was claimed when the database went away: whether it was sent, nobody knows."""
        for channel_id, way in self._ways.items():
            if way.doubtful and (way.task is None or way.task.done()):
                await notify_outbox.release(connection, channel_id, self._term)
                way.doubtful = False

    async def _pause(self) -> None:
        """Wait until something is enqueued, or for a while: others enqueue too, and back-offs end."""
        woken = asyncio.create_task(self._wake.wait())
        slept = asyncio.ensure_future(self._clock.sleep(LOOK_EVERY_S))
        try:
            await asyncio.wait((woken, slept), return_when=asyncio.FIRST_COMPLETED)
        finally:
            woken.cancel()
            slept.cancel()
        self._wake.clear()

    async def _serve(self, channel: NotifyChannel, way: "_Way") -> None:
        """Send what is due on one channel, one message after the other, until nothing is or it rests."""
        try:
            told = msgspec.convert(channel.document, Channel)
            allowance = await self._allowance(channel, told, way)
            while not self._stopping and self._clock.monotonic_s() >= way.rests_until_s:
                asked_again, way.again = way.again, False
                claimed = await self._next(channel, way, allowance)
                if claimed is not None:
                    await self._attempt(channel, told, way, claimed)
                elif not asked_again:
                    return
        except DatabaseUnavailable as error:
            way.doubtful = True
            log.warning("delivery_waits", channel=channel.slug, problem=str(error))
        except msgspec.ValidationError as error:
            log.error("notify_channel_unreadable", channel=channel.slug, problem=str(error))
            way.rests_until_s = self._clock.monotonic_s() + GIVE_UP_REMOVED_EVERY_S

    async def _allowance(self, channel: NotifyChannel, told: Channel, way: "_Way") -> Allowance:
        if way.allowance is None:
            async with borrowed(self._pool) as connection:
                ages_s = await notify_outbox.lately_delivered(connection, channel.channel_id)
            now_s = self._clock.monotonic_s()
            way.allowance = Allowance(told.most_per_hour, (now_s - age_s for age_s in ages_s))
        way.allowance.limit_to(told.most_per_hour)
        return way.allowance

    async def _next(self, channel: NotifyChannel, way: "_Way", allowance: Allowance) -> Claimed | None:
        now_s = self._clock.monotonic_s()
        async with borrowed(self._pool) as connection:
            if way.may_hold and allowance.may_summarise(now_s):
                told = await sum_up(connection, channel, after_s=limits.SUMMARISE_AFTER_S)
                way.may_hold = told is None
            if not allowance.may_send(now_s):
                held = await notify_outbox.hold(connection, channel.channel_id, self._term, limits.EXEMPT)
                self._metrics.held(channel.kind, held)
                way.may_hold = way.may_hold or held > 0
            return await notify_outbox.claim(connection, channel.channel_id, self._term)

    async def _attempt(self, channel: NotifyChannel, told: Channel, way: "_Way", claimed: Claimed) -> None:
        failure = await self._send(channel, told, claimed)
        now_s = self._clock.monotonic_s()
        if failure is None:
            way.failures = 0
            if way.allowance is not None:
                way.allowance.note(now_s)
        else:
            way.failures += 1
            way.rests_until_s = now_s + channel_pause_s(way.failures)
        await self._record(channel, claimed, failure)

    async def _send(self, channel: NotifyChannel, told: Channel, claimed: Claimed) -> SendingFailed | None:
        """Hand a message to its service; return what went wrong."""
        sender = self._senders.get(channel.kind)
        if sender is None:
            return TryAgain(f"this server sends no {channel.kind}: it is not set up")
        try:
            rendered = await self._composer.compose(channel, claimed)
            async with asyncio.timeout(SEND_WITHIN_S):
                await sender.send(told, channel.secrets, rendered)
        except SendingFailed as failure:
            return failure
        except TimeoutError:
            return TryAgain(f"no answer within {SEND_WITHIN_S:.0f} s")
        except DatabaseUnavailable:
            return TryAgain("the database went away while the message was put in words")
        except Exception as error:
            # A fault of ours must not stop the channel for good, nor lose the message.
            log.exception("sending_broke", channel=channel.slug, kind=claimed.kind)
            return TryAgain(f"a fault of this program: {type(error).__name__}")
        return None

    async def _record(self, channel: NotifyChannel, claimed: Claimed, failure: SendingFailed | None) -> None:
        again_s = None
        if isinstance(failure, TryAgain):
            chance = random.random()  # noqa: S311 - only spreads attempts
            again_s = retry_in_s(claimed.number, claimed.severity, claimed.age_s, chance, failure.after_s)
        outcome: notify_outbox.Result = "delivered" if failure is None else "retry" if again_s else "refused"
        detail = str(failure or "")[:1_000]
        async with borrowed(self._pool) as connection:
            failing = await notify_outbox.record(connection, claimed, self._term, outcome, detail, retry_in_s=again_s)
            if failing is None:
                raise Fenced(f"term {self._term} is over")
            if failure is not None and await self._warn(connection, channel, claimed, failing, detail, outcome):
                self._wake.set()
        self._metrics.attempted(channel.kind, outcome, claimed.age_s)
        if failure is not None:
            log.warning("notification_failed", channel=channel.slug, outcome=outcome, detail=detail)

    @staticmethod
    async def _warn(
        connection: notify_outbox.Connection,
        channel: NotifyChannel,
        claimed: Claimed,
        failing: Failing,
        detail: str,
        outcome: notify_outbox.Result,
    ) -> bool:
        return await warn_others(connection, channel, claimed, failing, detail, lost=outcome == "refused")


class _Way:
    """What is remembered of a channel while this evaluator sends."""

    def __init__(self) -> None:
        self.task: asyncio.Task[None] | None = None
        self.again = False
        self.doubtful = False
        self.may_hold = True
        self.allowance: Allowance | None = None
        self.failures = 0
        self.rests_until_s = float("-inf")
