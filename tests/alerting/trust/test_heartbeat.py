"""The heartbeat is called while alerting works, and at no other time."""

import asyncio

import httpx2
import pytest
from structlog.testing import capture_logs

from siloscope_alerting.notify.trust.heartbeat import Beat, Heartbeat
from siloscope_process.clock import ManualClock
from siloscope_store.errors import DatabaseUnavailable

URL = "https://beats.example/ping/a-token"


class World:
    """What a heartbeat asks and whom it calls."""

    def __init__(self) -> None:
        self.round_age_s: float | None = 0.3
        self.waiting = 0
        self.status = 200
        self.away = self.database_away = False
        self.called: list[str] = []
        self.clock = ManualClock()

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        if self.away:
            raise httpx2.ConnectError("no route", request=request)
        self.called.append(f"{request.method} {request.url}")
        return httpx2.Response(self.status)

    async def stuck(self, _after_s: float) -> int:
        if self.database_away:
            raise DatabaseUnavailable("away")
        return self.waiting

    def heartbeat(self, client: httpx2.AsyncClient) -> Heartbeat:
        return Heartbeat(URL, client, self.clock, lambda: self.round_age_s, self.stuck)


@pytest.fixture
def world() -> World:
    return World()


async def beat(world: World) -> Beat:
    async with httpx2.AsyncClient(transport=httpx2.MockTransport(world.answer)) as client:
        return await world.heartbeat(client).beat()


async def test_a_standby_calls_nobody(world: World) -> None:
    world.round_age_s = None
    assert await beat(world) == "standby"
    assert not world.called


async def test_rounds_that_stand_let_the_switch_fall(world: World) -> None:
    world.round_age_s = 61.0
    assert await beat(world) == "rounds_stand"
    assert not world.called


async def test_messages_that_nobody_sends_let_the_switch_fall(world: World) -> None:
    world.waiting = 1
    assert await beat(world) == "messages_stand"
    assert not world.called


async def test_a_database_that_is_away_lets_the_switch_fall(world: World) -> None:
    world.database_away = True
    assert await beat(world) == "database_away"
    assert not world.called


async def test_while_all_is_well_the_url_is_called(world: World) -> None:
    assert await beat(world) == "called"
    assert world.called == [f"GET {URL}"]


@pytest.mark.parametrize("status", [302, 404, 500])
async def test_an_answer_that_is_no_yes_is_none(world: World, status: int) -> None:
    world.status = status
    assert await beat(world) == "unreachable"
    assert len(world.called) == 1


async def test_it_beats_every_minute_and_no_log_shows_the_url(world: World) -> None:
    async with httpx2.AsyncClient(transport=httpx2.MockTransport(world.answer)) as client:
        with capture_logs() as logs:
            running = asyncio.create_task(world.heartbeat(client).run())
            await world.clock.run_for(150.0)
            world.away = True
            await world.clock.run_for(120.0)
            running.cancel()
    assert len(world.called) == 3
    assert [each["outcome"] for each in logs] == ["called", "unreachable"]
    assert "a-token" not in str(logs)
