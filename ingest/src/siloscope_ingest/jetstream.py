"""One connection to a NATS cluster that pulls samples from the JetStream stream. As with MQTT, it dies with its socket.

Any number of workers pull from the one durable consumer. A message that is not acknowledged within `ACK_WAIT_S`, as
its worker died or its acknowledgement was lost, goes to any of them again. A worker that still holds it says so in
time.
"""

import asyncio
import contextlib
import json
import ssl
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.errors import APIError, BadRequestError, NotFoundError, ServerError

from siloscope_contract import streams
from siloscope_contract.topics import topic_of_nats_subject
from siloscope_ingest.deliveries import Delivery
from siloscope_ingest.errors import Fatal, Transient
from siloscope_ingest.pulls import Pulls
from siloscope_ingest.stream_plan import ACK_WAIT_S, StreamPlan, arrange
from siloscope_ingest.stream_url import StreamUrl
from siloscope_process.clock import Clock

_HEARTBEAT_S = 3.0
_SILENT_S = 10.0
"""The stream says something every `_HEARTBEAT_S` while it owes us messages: so long without a word, it is gone."""
_PULL_LASTS_S = 60.0
_TEND_EVERY_S = 0.5
_ASK_WITHIN_S = 5.0
_NOT_FOUND = 404
_EXTEND_AFTER_S = ACK_WAIT_S / 3
_MOST_A_PULL = 1000
_NANOSECONDS = 1_000_000_000
_ACK, _NAK, _WORKING = b"+ACK", b"-NAK", b"+WPI"
_HEARTBEAT, _GONE = "100", ("409", "503")
_OUR_OWN_LIMIT = ("Exceeded MaxWaiting", "Batch Completed", "Exceeded MaxRequestBatch")

Receive = Callable[[Delivery], None]


class JetStreamLine:
    """One connection.

    Args:
        url: A server of the cluster.
        user, password: The ingest credential.
        plan: How the stream is to be.
        receive: Takes each message, at once and without waiting.
        clock: For arrival times, durations and pauses.
        most_under_way: Messages that may be asked for or held at a time.
    """

    def __init__(
        self,
        url: StreamUrl,
        user: str | None,
        password: str | None,
        plan: StreamPlan,
        receive: Receive,
        clock: Clock,
        most_under_way: int,
    ) -> None:
        self.backlog = 0
        """Messages that wait in the stream for any worker, as of the last word from it."""
        self._url = url
        self._user = user
        self._password = password
        self._plan = plan
        self._receive = receive
        self._clock = clock
        self._pulls = Pulls(most_under_way, _MOST_A_PULL)
        self._under_way: dict[int, tuple[str, float]] = {}
        self._answers: list[tuple[str, bytes]] = []
        self._something = asyncio.Event()
        self._lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._client = Client()
        self._inbox = ""
        self._heard_s = 0.0
        self._paused = False
        self._tending: asyncio.Future[None] | None = None

    @property
    def is_open(self) -> bool:
        """Whether the connection stands."""
        return self._client.is_connected and not self._lost.done()

    async def open(self, timeout_s: float) -> None:
        """Connect, arrange stream and consumer, and begin to pull.

        Raises:
            Fatal: Our credential or the stream's configuration is refused.
            Transient: The cluster is away, or has no leader for now.
        """
        try:
            async with asyncio.timeout(timeout_s):
                await self._connect()
                await arrange(self._client.jetstream(timeout=timeout_s), self._plan)
                self._inbox = f"{streams.INBOX}.{self._client.new_inbox().rsplit('.', 1)[-1]}"
                await self._client.subscribe(
                    f"{self._inbox}.*", cb=self._on_message, pending_msgs_limit=0, pending_bytes_limit=0
                )
        except (OSError, TimeoutError, nats.errors.Error) as error:
            await self._drop()
            raise self._judged(error) from error
        except BaseException:
            await self._drop()
            raise
        self._heard_s = self._clock.monotonic_s()
        self._tending = asyncio.ensure_future(self._tend())

    async def lost(self) -> str:
        """Wait for the end of the connection; return the reason."""
        return await asyncio.shield(self._lost)

    def acknowledge(self, packet_ids: Sequence[int]) -> None:
        """Acknowledge messages that came on this line, or do nothing where it is gone."""
        for sequence in packet_ids:
            reply, _ = self._under_way.pop(sequence, ("", 0.0))
            if reply:
                self._answers.append((reply, _ACK))
        self._something.set()

    def pause(self) -> None:
        """Ask for no more; what was asked for still comes, and is bounded."""
        self._paused = True

    def resume(self) -> None:
        """Ask for more again."""
        self._paused = False
        self._something.set()

    async def close(self) -> None:
        """Hand back what is not committed, so that other workers get it at once, and close."""
        self._lose("closed")
        if self._tending is not None:
            self._tending.cancel()
            await asyncio.gather(self._tending, return_exceptions=True)
        if self._client.is_connected:
            self._answers += [(reply, _NAK) for reply, _ in self._under_way.values()]
            with contextlib.suppress(OSError, TimeoutError, nats.errors.Error):
                await self._send_answers()
                await self._client.flush(timeout=2)
        self._under_way.clear()
        await self._drop()

    async def measure(self) -> None:
        """Bring `backlog` up to date.

        Raises:
            Transient: The stream does not answer.
        """
        try:
            found = await self._client.jetstream(timeout=2).consumer_info(streams.STREAM, streams.CONSUMER)
        except (OSError, TimeoutError, nats.errors.Error) as error:
            raise Transient(f"the stream does not say how much waits: {_said(error)}") from error
        self.backlog = found.num_pending or 0

    async def ask(self, subject: str, request: Mapping[str, object]) -> dict[str, Any] | None:
        """Return what JetStream answers to a question; None where there is no such thing as was asked for.

        Raises:
            Transient: It does not answer, as when our credential may not ask.
        """
        try:
            answer = await self._client.request(subject, json.dumps(request).encode(), timeout=_ASK_WITHIN_S)
        except (OSError, TimeoutError, nats.errors.Error) as error:
            raise Transient(f"no answer from {subject}: {_said(error)}") from error
        found: dict[str, Any] = json.loads(answer.data)
        problem = found.get("error")
        if problem is None:
            return found
        if problem.get("code") == _NOT_FOUND:
            return None
        raise Transient(f"{subject}: {problem.get('description')}")

    async def _connect(self) -> None:
        async def closed() -> None:
            self._lose("the connection was lost")

        async def quiet(_: Exception) -> None:
            return  # what matters of it ends the connection, and is told then

        await self._client.connect(
            servers=[str(self._url)],
            name="siloscope ingest",
            allow_reconnect=False,
            connect_timeout=5,
            ping_interval=10,
            max_outstanding_pings=2,
            inbox_prefix=streams.INBOX,
            tls=ssl.create_default_context() if self._url.tls else None,
            closed_cb=closed,
            disconnected_cb=closed,
            error_cb=quiet,
            user=self._user,
            password=self._password,
        )

    async def _on_message(self, message: Msg) -> None:
        self._heard_s = self._clock.monotonic_s()
        if not message.reply:
            self._on_status(message)
            return
        duplicate, sequence, self.backlog = _numbers(message.reply)
        self._pulls.came()
        if sequence in self._under_way:
            self._under_way[sequence] = (message.reply, self._heard_s)
            return  # we have it and were too slow to say so: one copy is enough
        self._under_way[sequence] = (message.reply, self._heard_s)
        if self._pulls.asked <= _MOST_A_PULL // 2:
            self._something.set()
        topic = topic_of_nats_subject(message.subject)
        self._receive(Delivery(topic, message.data, self._clock.now_ms(), sequence, self, duplicate=duplicate))

    def _on_status(self, message: Msg) -> None:
        """Take what the stream says about a request: still there, run out, or gone."""
        status = (message.headers or {}).get("Status", "")
        if status == _HEARTBEAT:
            return
        self._pulls.ended(int(message.subject.rsplit(".", 1)[-1]))
        why = (message.headers or {}).get("Description", "").partition("\n")[0]
        if status in _GONE and not why.startswith(_OUR_OWN_LIMIT):
            self._lose(f"the stream ended the request: {status} {why}".rstrip())
        if status != "409":
            self._something.set()

    async def _tend(self) -> None:
        """Ask for messages, answer those that are committed, and say of the others that they are worked on."""
        try:
            while not self._lost.done():
                await self._send_answers()
                await self._ask()
                await self._extend()
                if self._pulls.asked and self._clock.monotonic_s() - self._heard_s > _SILENT_S:
                    self._lose(f"nothing was heard of the stream for {_SILENT_S:g} s")
                self._something.clear()
                if not self._answers:
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._something.wait(), _TEND_EVERY_S)
        except (OSError, nats.errors.Error) as error:
            self._lose(f"the connection failed: {_said(error)}")

    async def _ask(self) -> None:
        while not self._paused and (due := self._pulls.next(len(self._under_way))) is not None:
            number, size = due
            if self._pulls.asked == size:
                self._heard_s = self._clock.monotonic_s()  # nothing was owed before: silence counts from now
            request = {
                "batch": size,
                "expires": round(_PULL_LASTS_S * _NANOSECONDS),
                "idle_heartbeat": round(_HEARTBEAT_S * _NANOSECONDS),
            }
            await self._client.publish(streams.NEXT, json.dumps(request).encode(), reply=f"{self._inbox}.{number}")

    async def _send_answers(self) -> None:
        answers, self._answers = self._answers, []
        for reply, answer in answers:
            await self._client.publish(reply, answer)

    async def _extend(self) -> None:
        """Keep what waits for the database from being sent to others meanwhile."""
        now_s = self._clock.monotonic_s()
        for sequence, (reply, told_s) in list(self._under_way.items()):
            if now_s - told_s > _EXTEND_AFTER_S and sequence in self._under_way:
                self._under_way[sequence] = (reply, now_s)
                await self._client.publish(reply, _WORKING)

    def _lose(self, reason: str) -> None:
        if not self._lost.done():
            self._lost.set_result(reason)
        self._something.set()

    async def _drop(self) -> None:
        self._lose("closed")
        with contextlib.suppress(OSError, TimeoutError, nats.errors.Error):
            await self._client.close()

    def _judged(self, error: Exception) -> Fatal | Transient:
        if isinstance(error, nats.errors.AuthorizationError) or "uthorization" in _said(error):
            return Fatal(f"{self._url} refuses us: {_said(error)}")
        if isinstance(error, BadRequestError) or (isinstance(error, ServerError) and "non-clustered" in _said(error)):
            return Fatal(f"{self._url} refuses stream {streams.STREAM} with {self._plan}: {_said(error)}")
        if isinstance(error, NotFoundError | APIError):
            return Transient(f"{self._url} has no stream for now: {_said(error)}")
        return Transient(f"{self._url} does not answer: {_said(error)}")


def _numbers(reply: str) -> tuple[bool, int, int]:
    """Return whether a message was delivered before, its number in the stream, and how many wait behind it.

    >>> _numbers("$JS.ACK.SILO_SAMPLES.ingest.2.17.40.1700000000000000000.3")
    (True, 17, 3)

    Source:
        NATS, ADR-15: with a domain and an account, two more parts stand behind "ACK", and a random one at the end.
    """
    parts = reply.split(".")
    at = 4 if len(parts) == 9 else 6
    return parts[at] != "1", int(parts[at + 1]), int(parts[at + 4])


def _said(error: Exception) -> str:
    said = str(getattr(error, "description", None) or error).removeprefix("nats: ")
    return said or type(error).__name__
