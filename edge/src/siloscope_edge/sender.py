"""Sending: announce, listen to watermarks, and pump the outbox, connection after connection."""

import asyncio
import random
import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress

import structlog

from siloscope_contract import births, watermarks
from siloscope_contract.births import ClockState, DeviceBirth, Heartbeat, State, Status
from siloscope_contract.errors import ContractError
from siloscope_contract.senml import MAX_WIRE_BYTES
from siloscope_contract.topics import Kind, NodeName, Topic
from siloscope_edge import announcing
from siloscope_edge.config import Mqtt
from siloscope_edge.errors import LinkLost, SpoolFull, SpoolUnusable
from siloscope_edge.keeper import Keeper
from siloscope_edge.link import WATERMARKS_QOS, Connect, LastWill
from siloscope_edge.metrics import Metrics
from siloscope_edge.outbox import Hold, Outbox, Send, Why
from siloscope_edge.ports import Afar, Link
from siloscope_edge.spool import Written
from siloscope_edge.watermark import Judge, Reason
from siloscope_process.clock import Clock
from siloscope_process.operations import Health

_log = structlog.get_logger(__name__)
_RECONNECT_FIRST_S = 1.0
_RECONNECT_AT_MOST_S = 30.0
_ASK_AGAIN_FIRST_S = 10.0
_ASK_AGAIN_AT_MOST_S = 600.0
_UNHEARD_S = 300.0
"""After this long without a believed watermark a superseded generation may show, under a new session, that it lives."""
_BATCH = 64
_GOODBYE_S = 1.0


class Sender:
    """Brings what is owed to the broker and takes in what is committed.

    Args:
        node: Whose topics.
        session: Random id of this start.
        announced: What the birth says.
        keeper: The spool's owner.
        outbox: What to send next.
        judge: Whose watermark counts.
        connect: Makes connections.
        settings: Of the broker.
        clock: Tells when.
        metrics: Counts.
        health: Told under ``link`` whether there is a connection.
        clock_state: What births and heartbeats say of the clock.
        afar: Hears what else the platform says, and answers it.

    Attributes:
        introductions: How often a broker has acknowledged what this node is.
    """

    def __init__(
        self,
        node: NodeName,
        session: str,
        announced: Sequence[DeviceBirth],
        keeper: Keeper,
        outbox: Outbox,
        judge: Judge,
        connect: Connect,
        settings: Mqtt,
        clock: Clock,
        metrics: Metrics,
        health: Health,
        clock_state: Callable[[], ClockState] = lambda: ClockState.UNKNOWN,
        afar: Afar | None = None,
    ) -> None:
        self._topics = {kind: Topic(node, kind).text() for kind in _KINDS}
        self._session = session
        self._announced = announced
        self._keeper = keeper
        self._outbox = outbox
        self._judge = judge
        self._connect = connect
        self._heartbeat_s = settings.heartbeat_s
        self._clock = clock
        self._metrics = metrics
        self._health = health
        self._clock_state = clock_state
        self._afar = afar
        self.introductions = 0
        self._introduced = asyncio.Event()
        self._announce_anew = asyncio.Event()
        self._connect_anew = asyncio.Event()
        self._wake = asyncio.Event()
        self._ask_wait_s = _ASK_AGAIN_FIRST_S
        self._asked_at_s = 0.0
        self._heard_at_s = clock.monotonic_s()
        self.connected_at_s: float | None = None
        """Since when the connection stands; None: there is none."""
        self.lost_at_s = clock.monotonic_s()
        """Since when there was none, where there is none."""
        self.confirmed_at_s: float | None = None
        """When a watermark was last believed."""
        keeper.on_written = self._written

    async def run(self) -> None:
        """Keep a connection until cancelled.

        Raises:
            SpoolUnusable: The spool's file is damaged.
        """
        wait_s = _RECONNECT_FIRST_S
        while True:
            connected_at_s = self._clock.monotonic_s()
            damaged: BaseException | None = None
            try:
                await self._one_connection()
            except* (LinkLost, SpoolFull) as lost:  # a spool that cannot be read now is tried again as well
                detail = str(lost.exceptions[0])
                self._health.set("link", False, detail)
                _log.warning("link_lost", detail=detail, retry_in_s=round(wait_s, 1))
            except* SpoolUnusable as group:
                damaged = group.exceptions[0]
            if damaged is not None:
                raise damaged
            if self._clock.monotonic_s() - connected_at_s > _RECONNECT_AT_MOST_S:
                wait_s = _RECONNECT_FIRST_S
            pause_s = wait_s * random.uniform(0.5, 1.0)  # noqa: S311 - spreads nodes, guards nothing
            await self._until(self._connect_anew, pause_s)
            wait_s = _RECONNECT_FIRST_S if self._connect_anew.is_set() else min(wait_s * 2, _RECONNECT_AT_MOST_S)

    def announce(self, announced: Sequence[DeviceBirth]) -> None:
        """Say from now on that these devices are here; nothing that is spooled later is sent before that is known."""
        self._announced = announced
        self._introduced.clear()
        self._announce_anew.set()

    def reach(self, connect: Connect, settings: Mqtt) -> None:
        """Give up the connection and make one otherwise, at once."""
        self._connect = connect
        self._heartbeat_s = settings.heartbeat_s
        self._connect_anew.set()

    async def _one_connection(self) -> None:
        will = LastWill(self._topics[Kind.STATUS], births.encode(Status(State.OFFLINE, self._session)))
        self._connect_anew.clear()
        async with self._connect(will) as link:
            await link.subscribe(
                self._topics[Kind.COMMITTED], qos=WATERMARKS_QOS
            )  # deaf to them, it would only owe more
            _, next_number = await self._keeper.owed()
            self._asked_at_s = self._clock.monotonic_s()
            self._outbox.connected(self._asked_at_s, next_number)
            self._metrics.connects.inc()
            self._metrics.link_up.set(1)
            self.connected_at_s = self._clock.monotonic_s()
            self._introduced.clear()
            try:
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._announce(link))
                    tasks.create_task(self._announce_changes(link))
                    tasks.create_task(self._end_for_another())
                    tasks.create_task(self._listen(link))
                    tasks.create_task(self._pump(link, tasks))
                    if self._afar is not None:
                        tasks.create_task(self._afar.talk(link))
            except asyncio.CancelledError:
                await self._say_goodbye(link)
                raise
            finally:
                self._outbox.disconnected()
                self._metrics.link_up.set(0)
                self.connected_at_s, self.lost_at_s = None, self._clock.monotonic_s()

    async def _say_goodbye(self, link: Link) -> None:
        """Tell that this node goes away on purpose: a clean end leaves the last will unsaid."""
        with suppress(LinkLost, TimeoutError):
            async with asyncio.timeout(_GOODBYE_S):
                await self._publish_status(link, State.OFFLINE)

    async def _announce(self, link: Link) -> None:
        await self._introduce(link)
        await self._publish_status(link, State.ONLINE)
        self._health.set("link", True)
        _log.info("link_up", owed_packs=self._outbox.owed)
        while True:
            await self._publish_heartbeat(link)
            await self._clock.sleep(self._heartbeat_s)
            if self._judge.believed is None:
                await self._ask_again(link)

    async def _announce_changes(self, link: Link) -> None:
        while True:
            await self._announce_anew.wait()
            await self._introduce(link)

    async def _end_for_another(self) -> None:
        await self._connect_anew.wait()
        raise LinkLost("given up for another, as the configuration says")

    async def _introduce(self, link: Link) -> None:
        self._announce_anew.clear()
        await self._publish_births(link)
        if not self._announce_anew.is_set():  # else what was published is outdated already
            self.introductions += 1
            self._introduced.set()
            self._wake.set()

    async def _publish_births(self, link: Link) -> None:
        self._asked_at_s = self._clock.monotonic_s()
        spans, committed, generation, _ = await self._keeper.standing()
        for page in announcing.births(
            self._announced, self._session, spans, committed, generation, self._clock_state()
        ):
            await link.publish(self._topics[Kind.BIRTH], births.encode(page), qos=1, retain=True)

    async def _publish_status(self, link: Link, state: State) -> None:
        status = Status(state, self._session, self._clock.now_ms())
        await link.publish(self._topics[Kind.STATUS], births.encode(status), qos=1, retain=True)

    async def _publish_heartbeat(self, link: Link) -> None:
        spans = (await self._keeper.spans())[-announcing.MAX_EPOCHS :]
        heartbeat = Heartbeat(self._session, self._clock.now_ms(), self._clock_state(), spans)
        await link.publish(self._topics[Kind.HEARTBEAT], births.encode(heartbeat), qos=0)

    async def _ask_again(self, link: Link) -> None:
        """Announce again, with growing patience, to a database that has not answered this birth."""
        if self._clock.monotonic_s() - self._asked_at_s >= self._ask_wait_s:
            self._ask_wait_s = min(self._ask_wait_s * 2, _ASK_AGAIN_AT_MOST_S)
            await self._publish_births(link)

    async def _listen(self, link: Link) -> None:
        while True:
            topic, payload = await link.received()
            if topic == self._topics[Kind.COMMITTED]:
                if payload:
                    await self._hear(link, payload)
            elif self._afar is not None:
                self._afar.hear(topic, payload)

    async def _hear(self, link: Link, payload: bytes) -> None:
        try:
            watermark = watermarks.decode(payload)
        except ContractError as error:
            self._metrics.watermarks.labels(error.reason).inc()
            _log.error("watermark_malformed", detail=str(error))
            return
        _, _, _, assigned = await self._keeper.standing()
        verdict = self._judge.judge(watermark, assigned)
        self._metrics.watermarks.labels(verdict.reason).inc()
        if verdict.above_assigned:
            _log.error("watermark_above_assigned", epochs=verdict.above_assigned, store=watermark.store)
        if not verdict.believed:
            await self._unbelieved(link, verdict.reason)
            return
        now_s = self._clock.monotonic_s()
        self._heard_at_s = self.confirmed_at_s = now_s
        self._ask_wait_s = _ASK_AGAIN_FIRST_S
        if verdict.reason is Reason.CONFIRMED:
            _log.info("generation_confirmed", store=watermark.store, generation=watermark.generation)
        elif await self._keeper.is_contradicted_by(verdict):
            # Kept by the broker from before, or told by a database that was put back: the birth says what was told, and
            # a database that lacks it gives itself another generation.
            await self._ask_again(link)
        believed = self._judge.believed
        assert believed is not None, "a believed verdict has a generation"
        owed = await self._keeper.account(verdict, believed)
        if owed is not None:
            self._outbox.owed_again(owed)
        accounted, gaps = await self._keeper.numbers(verdict)
        self._outbox.accounted(accounted, now_s)
        self._outbox.doubted(gaps)
        self._metrics.owed_packs.set(self._outbox.owed)
        self._wake.set()

    async def _unbelieved(self, link: Link, reason: Reason) -> None:
        if reason is Reason.SUPERSEDED and self._clock.monotonic_s() - self._heard_at_s > _UNHEARD_S:
            self._session = secrets.token_hex(16)
            self._judge.renew(self._session)
            self._heard_at_s = self._clock.monotonic_s()
            await self._publish_births(link)
        elif reason is Reason.UNANSWERED:
            await self._ask_again(link)

    async def _pump(self, link: Link, tasks: asyncio.TaskGroup) -> None:
        # A sample that overtakes its birth is stored in a group that nobody announced, and once more when it is offered
        # again to a database that went back.
        while True:
            await self._introduced.wait()
            self._wake.clear()
            batch: list[Send] = []
            answer = self._outbox.next(self._clock.monotonic_s())
            while isinstance(answer, Send) and len(batch) < _BATCH:
                batch.append(answer)
                answer = self._outbox.next(self._clock.monotonic_s())
            if isinstance(answer, Send):
                batch.append(answer)
            if batch:
                await self._send(link, batch, tasks)
            elif isinstance(answer, Hold):
                await self._wait(answer)

    async def _send(self, link: Link, batch: Sequence[Send], tasks: asyncio.TaskGroup) -> None:
        payloads = await self._keeper.payloads([each.number for each in batch])
        for each in batch:
            payload = payloads.get(each.number)
            if payload is None:  # evicted meanwhile, and declared
                self._outbox.gone(each.number, each.number + 1)
                continue
            if len(payload) > MAX_WIRE_BYTES:  # written by another version: sent for ever, it would never be taken
                _log.error("pack_set_aside", number=each.number, size_bytes=len(payload), most=MAX_WIRE_BYTES)
                await self._keeper.set_aside(each.number, len(payload))
                self._outbox.gone(each.number, each.number + 1)
                continue
            self._metrics.sent_packs.labels(each.why).inc()
            tasks.create_task(self._publish_pack(link, each.number, payload))
            if each.why is Why.PROBE:  # it may be the answers that are lost, and not what was sent
                tasks.create_task(link.subscribe(self._topics[Kind.COMMITTED], qos=WATERMARKS_QOS))

    async def _publish_pack(self, link: Link, number: int, payload: bytes) -> None:
        await link.publish(self._topics[Kind.SAMPLES], payload, qos=1)
        self._outbox.acknowledged(number)
        self._wake.set()

    async def _wait(self, hold: Hold) -> None:
        if hold.until_s is None:
            await self._wake.wait()
            return
        await self._until(self._wake, max(0.0, hold.until_s - self._clock.monotonic_s()))

    async def _until(self, event: asyncio.Event, within_s: float) -> None:
        """Wait for something to happen, or for so long."""
        timer = asyncio.ensure_future(self._clock.sleep(within_s))
        woken = asyncio.ensure_future(event.wait())
        try:
            await asyncio.wait((timer, woken), return_when=asyncio.FIRST_COMPLETED)
        finally:
            timer.cancel()
            woken.cancel()

    def _written(self, written: Written) -> None:
        for first, end in written.gone:
            self._outbox.gone(first, end)
        for first, end in written.sendable:
            self._outbox.spooled(first, end)
        self._metrics.owed_packs.set(self._outbox.owed)
        self._wake.set()


_KINDS = (Kind.SAMPLES, Kind.BIRTH, Kind.HEARTBEAT, Kind.STATUS, Kind.COMMITTED)
