"""The endpoint: InfluxDB's own client posts line protocol, and its answers are sorted by what we must do.

Source:
    InfluxDB OSS v2 API, POST /api/v2/write: 204; 400, 413 and 422 are about the points; 401, 403 and 404 about the
    settings; 429 and 503 ask to wait, and may say how long in Retry-After. InfluxDB Cloud Dedicated: 201 where it took
    some of the points, and names those that it refused. Points beyond a bucket's retention: 422 "partial write: dropped
    2 points outside retention policy …" of OSS 2 today, 500 "partial write: points beyond retention policy dropped=2"
    of OSS 2.0, 403 of InfluxDB Cloud until 2024 with a text about the retention period, 400 and 422 of it since.
"""

import asyncio
import re
import threading
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from typing import Any, Protocol

import urllib3
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.client.write_api import SYNCHRONOUS
from influxdb_client.rest import ApiException

from siloscope_ingest.mirror.answers import BriefPool
from siloscope_process.errors import Unavailable

_OF_THE_POINTS = (400, 413, 422)
_OF_THE_SETTINGS = (401, 403, 404)
_DROPPED = re.compile(r"\bdropped[= ](\d+)")
_OUTSIDE = re.compile(r"\b(outside|beyond)( \S+){0,3} retention (policy|period|window)\b")
"""Buckets, sites and channels may be named after some retention too: then their names tell nothing."""
_MOST_SAID = 500
_LONGEST_PAUSE_S = 300.0
_DEFAULT_PAUSE_S = 5.0
_MS: Any = "ms"  # the client's WritePrecision is a class of plain strings that its own annotation refuses


class PointsRefused(Exception):
    """The endpoint refuses what was sent: some of it, or all.

    Attributes:
        dropped: How many points, where it says so; all others it has taken then.
        outside: Whether it refuses them for being older than its bucket keeps anything: for ever, that is.
    """

    def __init__(self, status: int, said: str) -> None:
        super().__init__(f"{status}: {said[:_MOST_SAID]}")
        dropped = _DROPPED.search(said)
        self.dropped = None if dropped is None else int(dropped[1])
        self.outside = _is_outside(said)


class EndpointAway(Unavailable):
    """The endpoint does not take anything now; `pause_s` is how long it asked to be left alone."""

    def __init__(self, message: str, pause_s: float = 0.0) -> None:
        super().__init__(message)
        self.pause_s = pause_s


class Endpoint(Protocol):
    """Takes lines."""

    async def write(self, lines: bytes) -> None:
        """Hand over lines; they are stored when this returns.

        Raises:
            PointsRefused: For what they say.
            EndpointAway: Try again.
        """
        ...

    def close(self) -> None:
        """Let go of its connections."""
        ...


class InfluxEndpoint:
    """An InfluxDB v2, or what speaks its write API.

    Args:
        url: Its address.
        org: Organisation there.
        bucket: Bucket there.
        token: Goes into the Authorization header and nowhere else.
        timeout_s: For one request.
    """

    def __init__(self, url: str, org: str, bucket: str, token: str, timeout_s: float) -> None:
        options: dict[str, Any] = {"enable_gzip": True, "timeout": round(timeout_s * 1000), "retries": False}
        self._new_client = partial(InfluxDBClient, url, token=token, org=org, **options)
        self._client = self._connect()
        self._org = org
        self._bucket = bucket
        self._longest_s = 2 * timeout_s

    def _connect(self) -> InfluxDBClient:
        client = self._new_client()
        rest: Any = client.api_client.rest_client
        rest.pool_manager = BriefPool(rest.pool_manager)
        return client

    async def write(self, lines: bytes) -> None:
        # The client's own time-out is one for each packet: who sends an answer byte by byte would hold it for ever.
        # The thread is left to its fate then, with the client that it uses, and holds up no exit.
        client, loop = self._client, asyncio.get_running_loop()
        answered: asyncio.Future[None] = loop.create_future()

        def work() -> None:
            failure: Exception | None = None
            try:
                self._write(client, lines)
            except Exception as error:
                failure = error
            with suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(_settle, answered, failure)

        threading.Thread(target=work, name="mirror endpoint", daemon=True).start()
        try:
            async with asyncio.timeout(self._longest_s):
                await answered
        except TimeoutError:
            self._client = self._connect()
            what = f"gives no whole answer within {self._longest_s:g} s"
            raise EndpointAway(f"the mirror's endpoint {what}") from None

    def close(self) -> None:
        self._client.close()  # type: ignore[no-untyped-call]  # the client leaves some of itself untyped

    def _write(self, client: InfluxDBClient, lines: bytes) -> None:
        try:
            client.write_api(write_options=SYNCHRONOUS).write(self._bucket, self._org, lines, write_precision=_MS)
        except ApiException as error:
            raise _sorted(error) from None
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise EndpointAway(f"the mirror's endpoint does not answer: {type(error).__name__}") from None
        _require_taken(client.api_client.last_response)


def _settle(answered: "asyncio.Future[None]", failure: Exception | None) -> None:
    if answered.done():
        return
    if failure is None:
        answered.set_result(None)
    else:
        answered.set_exception(failure)


def _require_taken(answer: Any) -> None:
    """Believe a success only where nothing is said with it: who stores all has nothing to say."""
    said = " ".join(str(answer.data).split())
    if answer.status == HTTPStatus.CREATED and said:
        raise PointsRefused(answer.status, said)
    if answer.status != HTTPStatus.NO_CONTENT and said:
        what = "expected 204 without a text; is this a write API?"
        raise EndpointAway(
            f"the mirror's endpoint answers {answer.status} with a text; {what} {said[:_MOST_SAID]}", _DEFAULT_PAUSE_S
        )


def _sorted(error: ApiException) -> Exception:
    status = error.status or 0
    said = " ".join(str(error.message or error.body or error.reason or "").split())
    if _is_about_points(status, said):
        return PointsRefused(status, said)
    said = said[:_MOST_SAID]
    if status in _OF_THE_SETTINGS:
        what = "check SILOSCOPE_MIRROR_TOKEN_FILE, _ORG and _BUCKET"
        return EndpointAway(f"the mirror's endpoint refuses us with {status}; {what}: {said}", _DEFAULT_PAUSE_S)
    return EndpointAway(f"the mirror's endpoint answers {status}: {said}", pause_of(error))


def _is_about_points(status: int, said: str) -> bool:
    if status in (HTTPStatus.FORBIDDEN, HTTPStatus.INTERNAL_SERVER_ERROR):
        return _is_outside(said)  # else it is the token that may not, or the server that cannot
    return status in _OF_THE_POINTS


def _is_outside(said: str) -> bool:
    return _OUTSIDE.search(said.lower()) is not None


def pause_of(error: ApiException) -> float:
    """Return how long to wait: what Retry-After says, in seconds, within bounds."""
    headers: Mapping[str, str] = error.headers or {}
    text = headers.get("Retry-After", "")
    return min(_LONGEST_PAUSE_S, float(text)) if text.isdecimal() else 0.0
