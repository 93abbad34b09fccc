"""The outbox empties itself: once each, in order, past channels that are down, and past evaluators that are gone."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest

from siloscope_alerting.errors import Fenced
from siloscope_alerting.notify.senders.webhook import genuine
from siloscope_alerting.notify.service import Notifying
from siloscope_process.clock import SystemClock
from siloscope_store.connections import Pool
from tests.alerting.notify.conftest import notifying
from tests.alerting.notify.receiver import Answer, Receiver, Request
from tests.alerting.notify.world import World

SECRET = {"secret": "shared"}
WITHIN_S = 20.0
NOBODY = "http://127.0.0.1:9"  # discard: nothing listens there


@asynccontextmanager
async def sending(service: Notifying, term: int) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(service.run(term))
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(found: Callable[[], bool]) -> None:
    async with asyncio.timeout(WITHIN_S):
        while not found():
            await asyncio.sleep(0.02)


@pytest.fixture
def service(pool: Pool, migrated_database_url: str, client: httpx2.AsyncClient) -> Notifying:
    return notifying(pool, migrated_database_url, client)


async def test_a_message_is_delivered_once_signed_and_with_its_key(
    world: World, receiver: Receiver, service: Notifying
) -> None:
    channel_id = world.channel("hook", to=[receiver.url], secrets=SECRET)
    (key,) = world.enqueue(channel_id)
    async with sending(service, world.term()):
        await until(lambda: world.outbox("state") == [("delivered",)])
    (request,) = receiver.requests
    assert request.headers["idempotency-key"] == key
    stamp, signature = (request.headers[f"x-siloscope-{name}"] for name in ("timestamp", "signature"))
    now_s = SystemClock().now_ms() / 1000
    assert genuine("shared", stamp, signature, request.body, now_s=now_s)
    assert not genuine("other", stamp, signature, request.body, now_s=now_s)
    assert not genuine("shared", stamp, signature, request.body, now_s=now_s + 400), "a replayed one is refused"
    assert world.one("SELECT outcome FROM notify_attempt") == "delivered"


async def test_a_channel_that_is_down_delays_no_other(world: World, receiver: Receiver, service: Notifying) -> None:
    down = world.channel("down", to=[NOBODY], secrets=SECRET)
    works = world.channel("works", to=[receiver.url], secrets=SECRET)
    world.enqueue(down, 20)
    world.enqueue(works, 20)
    async with sending(service, world.term()):
        await receiver.wait_for(20)
    tried = world.one("SELECT count(*) FROM notify_attempt JOIN notify_outbox USING (notification_id) "
                      "WHERE channel_id = %s", down)  # fmt: skip
    assert tried <= 6, "a channel that fails rests between its attempts"
    assert world.one("SELECT count(*) FROM notify_outbox WHERE channel_id = %s AND state = 'queued'", down) >= 19
    assert world.one("SELECT failing_since IS NOT NULL FROM notify_channel WHERE channel_id = %s", down)
    assert world.one("SELECT last_delivered_at IS NOT NULL FROM notify_channel WHERE channel_id = %s", works)


async def test_a_channel_that_hangs_delays_no_other(world: World, receiver: Receiver, service: Notifying) -> None:
    hangs = asyncio.Event()

    async def answer(request: Request) -> Answer:
        if request.path == "/hangs":
            await hangs.wait()
        return Answer()

    receiver.answer = answer
    world.enqueue(world.channel("hangs", to=[f"{receiver.url}/hangs"], secrets=SECRET), 3)
    works = world.channel("works", to=[receiver.url], secrets=SECRET)
    world.enqueue(works, 5)
    async with sending(service, world.term()):
        await receiver.wait_for(6)
        hangs.set()
    assert [request.path for request in receiver.requests].count("/hangs") >= 1


@pytest.mark.parametrize(
    ("status", "state", "outcome"), [(503, "queued", "retry"), (429, "queued", "retry"), (410, "given_up", "refused")]
)
async def test_what_a_receiver_answers_decides(
    world: World, receiver: Receiver, service: Notifying, status: int, state: str, outcome: str
) -> None:
    async def answer(_request: Request) -> Answer:
        return Answer(status, b"not now", {"Retry-After": "120"})

    receiver.answer = answer
    world.enqueue(world.channel("hook", to=[receiver.url], secrets=SECRET))
    async with sending(service, world.term()):
        await until(lambda: world.outbox("state, attempts")[0] == (state, 1))
    assert world.one("SELECT outcome FROM notify_attempt") == outcome
    assert "not now" in world.one("SELECT detail FROM notify_attempt")
    if outcome == "retry":
        assert 110 < world.one("SELECT extract(epoch FROM due_at - clock_timestamp()) FROM notify_outbox") < 121


async def test_the_other_channels_hear_of_one_that_refuses(
    world: World, receiver: Receiver, service: Notifying
) -> None:
    async def answer(request: Request) -> Answer:
        return Answer(404 if request.path == "/broken" else 200)

    receiver.answer = answer
    broken = world.channel("broken", to=[f"{receiver.url}/broken"], secrets=SECRET)
    world.channel("other", to=[f"{receiver.url}/other"], secrets=SECRET)
    world.enqueue(broken, 3)
    async with sending(service, world.term()):
        await until(lambda: [row[0] for row in world.outbox("state")].count("given_up") == 3)
        await until(lambda: ("channel_failing", "delivered") in world.outbox("kind, state"))
    told = [request for request in receiver.requests if request.path == "/other"]
    assert len(told) == 1, "three refusals are one failing"
    assert b"broken" in told[0].body


async def test_what_was_in_flight_when_an_evaluator_died_is_sent_again_with_the_same_key(
    world: World, receiver: Receiver, service: Notifying
) -> None:
    channel_id = world.channel("hook", to=[receiver.url], secrets=SECRET)
    (key,) = world.enqueue(channel_id)
    old = world.term()
    world.connection.execute("UPDATE notify_outbox SET state = 'sending', claimed_term = %s, attempts = 1", (old,))
    async with sending(service, world.term()):
        await until(lambda: world.outbox("state, attempts") == [("delivered", 2)])
    assert [request.headers["idempotency-key"] for request in receiver.requests] == [key]


async def test_an_evaluator_that_was_overtaken_sends_nothing_more(
    world: World, receiver: Receiver, service: Notifying
) -> None:
    channel_id = world.channel("hook", to=[receiver.url], secrets=SECRET)
    old = world.term()
    overtaken = asyncio.Event()

    async def answer(_request: Request) -> Answer:
        await overtaken.wait()
        return Answer()

    receiver.answer = answer
    world.enqueue(channel_id, 3)
    async with sending(service, old) as task:
        await receiver.wait_for(1)
        new = world.term()
        world.connection.execute("UPDATE notify_outbox SET claimed_term = %s WHERE state = 'sending'", (new,))
        overtaken.set()
        with pytest.raises(Fenced):
            await asyncio.wait_for(asyncio.shield(task), WITHIN_S)
    assert len(receiver.requests) == 1
    assert world.one("SELECT count(*) FROM notify_outbox WHERE state = 'delivered'") == 0


async def test_the_end_of_an_incident_is_not_told_before_its_begin(
    world: World, receiver: Receiver, service: Notifying
) -> None:
    channel_id = world.channel("hook", to=[receiver.url], secrets=SECRET)
    incident_id = world.incident()
    first, second = (world.enqueue(channel_id, incident_id=incident_id)[0] for _ in range(2))
    world.connection.execute(
        "UPDATE notify_outbox SET attempts = 1, due_at = clock_timestamp() + interval '1 hour' "
        "WHERE notification_id = %s",
        (first,),
    )
    (other,) = world.enqueue(channel_id)
    async with sending(service, world.term()):
        await receiver.wait_for(1)
        await until(lambda: world.one("SELECT count(*) FROM notify_outbox WHERE state = 'delivered'") == 1)
        assert [request.headers["idempotency-key"] for request in receiver.requests] == [other]
        world.connection.execute("UPDATE notify_outbox SET due_at = clock_timestamp() WHERE state = 'queued'")
        await receiver.wait_for(3)
    assert [request.headers["idempotency-key"] for request in receiver.requests] == [other, first, second]


async def test_a_channel_of_which_this_server_knows_no_way_keeps_its_messages(world: World, service: Notifying) -> None:
    world.enqueue(world.channel("mail", "email", to=["ada@example.org"]))
    async with sending(service, world.term()):
        await until(lambda: world.outbox("state, attempts") == [("queued", 1)])
    assert "not set up" in world.one("SELECT detail FROM notify_attempt")


async def test_a_stop_lets_the_attempt_under_way_end(world: World, receiver: Receiver, service: Notifying) -> None:
    release = asyncio.Event()

    async def answer(_request: Request) -> Answer:
        await release.wait()
        return Answer()

    receiver.answer = answer
    world.enqueue(world.channel("hook", to=[receiver.url], secrets=SECRET), 2)
    async with sending(service, world.term()) as task:
        await receiver.wait_for(1)
        task.cancel()
        await asyncio.sleep(0)
        release.set()
        await asyncio.gather(task, return_exceptions=True)
    assert sorted(world.outbox("state")) == [("delivered",), ("queued",)]


async def test_messages_of_a_removed_channel_are_given_up(world: World, service: Notifying) -> None:
    world.enqueue(world.channel("gone", to=[NOBODY], secrets=SECRET), 2)
    world.connection.execute("UPDATE notify_channel SET removed_at = clock_timestamp()")
    async with sending(service, world.term()):
        await until(lambda: world.outbox("state, attempts") == [("given_up", 0)] * 2)


async def test_what_is_over_a_channels_limit_is_held_and_critical_messages_are_not(
    world: World, receiver: Receiver, service: Notifying
) -> None:
    channel_id = world.channel("hook", to=[receiver.url], secrets=SECRET, most_per_hour=3)
    told: dict[str, Any] = {"kind": "firing"}
    world.enqueue(channel_id, 6, **told)
    world.enqueue(channel_id, 2, severity="critical", **told)
    async with sending(service, world.term()):
        await until(lambda: not {("queued",), ("sending",)} & set(world.outbox("state")))
    states = [row[0] for row in world.outbox("state")]
    # Critical ones go first; one place of the three is kept for the summary.
    assert (states.count("delivered"), states.count("held")) == (2, 6)
    assert world.one("SELECT progress ? 'held_since' FROM notify_channel")
