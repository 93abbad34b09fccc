"""One live stream: Server-Sent Events from a subscription to a socket, until somebody ends it."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import structlog
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from siloscope_dashboards.live.hub import Audience, Ending, Hub, Subscription
from siloscope_dashboards.operations.metrics import Metrics
from siloscope_process.clock import Clock

KEEP_ALIVE_S = 15
_KEEP_ALIVE = b": keep-alive\n\n"
_OPENING = b"retry: 2000\n: connected\n\n"
_FAREWELL_S = 1
_log = structlog.get_logger(__name__)

Missed = Callable[[], Awaitable[bytes]]


class LiveStream(Response):
    """An ASGI response that lasts.

    Args:
        hub: Where changes come from.
        audience: Whose changes it shows.
        missed: Returns what changed before the subscription began, encoded; called once listening has begun, so that
            nothing falls between the two.
        clock: Paces the keep-alive comments.
        expires_in_s: When the login runs out; the stream ends with it.
        metrics: Counts open and dropped streams.
    """

    media_type = "text/event-stream"

    def __init__(
        self, hub: Hub, audience: Audience, missed: Missed, clock: Clock, expires_in_s: float, metrics: Metrics
    ) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._hub = hub
        self._audience = audience
        self._missed = missed
        self._clock = clock
        self._expires_in_s = expires_in_s
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._hub.subscription(self._audience) as subscription, self._metrics.live_clients.track_inprogress():
            first = await self._missed()
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            await _first_done(
                self._write(first, subscription, send),
                self._keep_alive(subscription),
                self._expire(subscription),
                _disconnected(receive),
                subscription.ended.wait(),
            )
            if subscription.ending is not None:
                await self._say_farewell(subscription.ending, send)

    async def _write(self, first: bytes, subscription: Subscription, send: Send) -> None:
        body = _OPENING + first
        while subscription.ending is None:
            await send({"type": "http.response.body", "body": body, "more_body": True})
            body = await subscription.take()

    async def _keep_alive(self, subscription: Subscription) -> None:
        while True:
            await self._clock.sleep(KEEP_ALIVE_S)
            subscription.remark(_KEEP_ALIVE)

    async def _expire(self, subscription: Subscription) -> None:
        await self._clock.sleep(self._expires_in_s)
        subscription.end(Ending.LOGIN_EXPIRED)

    async def _say_farewell(self, ending: Ending, send: Send) -> None:
        _log.info("live_stream_ended", reason=ending.value)
        if ending is Ending.TOO_SLOW:
            self._metrics.live_dropped.inc()
        farewell = f"event: end\ndata: {ending.value}\n\n".encode()
        # A client that reads nothing at all gets no farewell: uvicorn closes the connection when this returns.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_FAREWELL_S):
                await send({"type": "http.response.body", "body": farewell, "more_body": False})


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _first_done(*endless: Awaitable[object]) -> None:
    tasks = [asyncio.ensure_future(each) for each in endless]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()
