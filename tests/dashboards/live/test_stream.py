"""A live stream as ASGI messages, with a clock and a client of our own."""

import asyncio
from collections.abc import MutableMapping
from typing import Any

import pytest

from siloscope_dashboards.live.events import frame
from siloscope_dashboards.live.hub import Audience
from siloscope_dashboards.live.stream import LiveStream
from tests.dashboards.account_fakes import OURS
from tests.dashboards.fakes import Parts

Message = MutableMapping[str, Any]


class Client:
    """The other end: it reads until told to stop reading, and may leave."""

    def __init__(self) -> None:
        self.body = b""
        self.ended = False
        self.reads = asyncio.Event()
        self.reads.set()
        self.left = asyncio.Event()

    async def receive(self) -> Message:
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        await self.reads.wait()
        if message["type"] == "http.response.body":
            self.body += message["body"]
            self.ended = not message["more_body"]


@pytest.fixture
def stream(fakes: Parts) -> LiveStream:
    async def missed() -> bytes:
        return b"event: missed\n\n"

    return LiveStream(fakes.wiring.hub, Audience(OURS), missed, fakes.clock, 900, fakes.wiring.metrics)


async def open_stream(fakes: Parts, stream: LiveStream, client: Client) -> "asyncio.Task[None]":
    running = asyncio.ensure_future(stream({"type": "http"}, client.receive, client.send))
    await fakes.clock.settle()
    return running


async def publish(fakes: Parts, value: float) -> None:
    fakes.changes.make(OURS, value)
    fakes.wiring.hub.publish([frame(fakes.changes.made[-1], "7")])
    await fakes.clock.settle()


async def test_it_begins_with_what_was_missed_and_goes_on_with_what_changes(fakes: Parts, stream: LiveStream) -> None:
    client = Client()
    running = await open_stream(fakes, stream, client)
    await publish(fakes, 12.5)
    running.cancel()
    opening, _, event = client.body.partition(b"event: missed\n\n")
    assert opening == b"retry: 2000\n: connected\n\n"
    assert event == (
        b"id: 7\nevent: latest\n"
        b'data: {"channel_id":10,"time":"2024-01-01T00:00:00Z","value":12.5,'
        b'"quality":"good","reason":"good","age_s":1.0}\n\n'
    )


async def test_it_says_something_every_15_seconds(fakes: Parts, stream: LiveStream) -> None:
    client = Client()
    running = await open_stream(fakes, stream, client)
    await fakes.clock.run_for(46)
    running.cancel()
    assert client.body.count(b": keep-alive\n\n") == 3


async def test_it_ends_when_the_login_runs_out(fakes: Parts, stream: LiveStream) -> None:
    client = Client()
    running = await open_stream(fakes, stream, client)
    await fakes.clock.run_for(900)
    await running
    assert client.ended
    assert client.body.endswith(b"event: end\ndata: login_expired\n\n")


async def test_it_ends_at_once_when_the_server_stops(fakes: Parts, stream: LiveStream) -> None:
    client = Client()
    running = await open_stream(fakes, stream, client)
    fakes.wiring.hub.close()
    await asyncio.wait_for(running, 1)
    assert client.ended
    assert client.body.endswith(b"event: end\ndata: stopping\n\n")


async def test_a_client_that_leaves_is_forgotten(fakes: Parts, stream: LiveStream) -> None:
    client = Client()
    running = await open_stream(fakes, stream, client)
    client.left.set()
    await asyncio.wait_for(running, 1)
    assert fakes.wiring.hub.organisations == set()


async def test_a_client_that_reads_nothing_is_dropped(fakes: Parts, stream: LiveStream) -> None:
    client = Client()
    running = await open_stream(fakes, stream, client)
    client.reads.clear()
    for number in range(200):
        await publish(fakes, number)
    await asyncio.wait_for(running, 5)
    assert not client.ended
    assert fakes.wiring.metrics.registry.get_sample_value("siloscope_api_live_dropped_total") == 1
    assert fakes.wiring.metrics.registry.get_sample_value("siloscope_api_live_clients") == 0
