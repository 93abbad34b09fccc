"""An acknowledgement belongs to the connection that its message came on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from siloscope_ingest.deliveries import Delivery, acknowledge
from siloscope_ingest.dialling import MqttDial
from siloscope_ingest.errors import Fatal
from siloscope_ingest.line import Line
from siloscope_ingest.link import Link
from siloscope_process import broker_url
from siloscope_process.clock import ManualClock
from tests.ingest.fake_broker import FakeBroker, FakeConnection, fake_broker
from tests.ingest.waiting import eventually

FILTERS = [("silo/v1/+/+/+/samples", 1), ("silo/v1/+/+/+/heartbeat", 0)]


class Consumer:
    """A link to a broker, and what it delivered."""

    def __init__(self, broker: FakeBroker, version: int | None = None) -> None:
        self.clock = ManualClock()
        self.received: list[Delivery] = []
        self.reports: list[str | None] = []
        url = broker_url.parse(broker.url)
        dial = MqttDial(
            [url],
            lambda at: Line(at, "worker", self.received.append, self.clock.now_ms, 100),
            lambda _: FILTERS,
            version,
        )
        self.link = Link(dial, self.clock, changed=self.reports.append, name="broker")

    async def delivery(self, count: int) -> Delivery:
        """Return the newest of so many deliveries."""
        await eventually(lambda: len(self.received) >= count, lambda: self.received)
        return self.received[count - 1]

    async def pause_over(self) -> None:
        """Let the pause before the next try go by."""
        await eventually(lambda: self.clock.sleepers > 0, lambda: self.clock.sleepers)
        self.clock.advance(60)


@asynccontextmanager
async def consuming(broker: FakeBroker, version: int | None = None) -> AsyncIterator[Consumer]:
    consumer = Consumer(broker, version)
    task = asyncio.ensure_future(consumer.link.run())
    try:
        yield consumer
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def flooded(broker: FakeBroker, consumer: Consumer, messages: int, payload_bytes: int) -> Line:
    """Send the first message, and once it has come all the others; return the line that they come on."""
    connection = await broker.connection()
    connection.deliver("silo/v1/a/b/c/samples", b"first", 1)
    await consumer.delivery(1)
    for packet_id in range(2, messages + 1):
        connection.deliver("silo/v1/a/b/c/samples", bytes(payload_bytes), packet_id)
    assert consumer.link.line is not None
    return consumer.link.line


async def acknowledged(connection: FakeConnection, expected: list[int]) -> None:
    await eventually(lambda: connection.acknowledged == expected, lambda: connection.acknowledged)


@pytest.mark.parametrize("version", [4, 5])
async def test_an_acknowledgement_never_crosses_a_reconnect(version: int) -> None:
    async with fake_broker() as broker, consuming(broker, version) as consumer:
        first = await broker.connection()
        first.deliver("silo/v1/a/b/c/samples", b"stored after the link broke", 7)
        old = await consumer.delivery(1)
        await first.cut()
        await consumer.pause_over()
        second = await broker.connection()
        second.deliver("silo/v1/a/b/c/samples", b"another message, same packet id", 7)
        second.deliver("silo/v1/a/b/c/samples", b"a third", 8)
        new = await consumer.delivery(2)
        third = await consumer.delivery(3)

        acknowledge([old])
        acknowledge([third])
        await acknowledged(second, [8])
        acknowledge([new])
        await acknowledged(second, [8, 7])
        assert first.acknowledged == []


async def test_a_paused_line_takes_next_to_nothing_however_much_comes() -> None:
    """gmqtt reads from a stream that resumes the socket by itself whenever it runs empty."""
    async with fake_broker() as broker, consuming(broker) as consumer:
        line = await flooded(broker, consumer, 6001, 2000)
        async with asyncio.timeout(10):
            while line._transport.is_reading():  # until the stream is full, and has paused the socket itself
                await asyncio.sleep(0)
        consumer.link.pause()
        for _ in range(3000):
            await asyncio.sleep(0)
        assert len(consumer.received) < 2000
        consumer.link.resume()
        await consumer.delivery(6001)


async def test_a_line_that_goes_on_takes_no_more_than_its_stream_holds() -> None:
    async with fake_broker() as broker, consuming(broker) as consumer:
        line = await flooded(broker, consumer, 6000, 2000)
        stream = line._client._connection._protocol._stream_reader
        most = 0
        async with asyncio.timeout(10):
            while len(consumer.received) < 6000:
                consumer.link.pause()
                consumer.link.resume()
                for _ in range(3):  # a turn to look at the socket, and one to read what it brought
                    await asyncio.sleep(0)
                    most = max(most, len(stream._buffer))
        assert most < 2**20


async def test_others_have_a_turn_between_some_messages_however_many_lie_there() -> None:
    async with fake_broker() as broker, consuming(broker) as consumer:
        await flooded(broker, consumer, 2000, 300)
        at_once, before = 0, 1
        async with asyncio.timeout(10):
            while len(consumer.received) < 2000:
                await asyncio.sleep(0)
                at_once = max(at_once, len(consumer.received) - before)
                before = len(consumer.received)
        assert at_once < 110


async def test_messages_are_acknowledged_when_told_and_not_before() -> None:
    async with fake_broker() as broker, consuming(broker) as consumer:
        connection = await broker.connection()
        for packet_id in (1, 2, 3):
            connection.deliver("silo/v1/a/b/c/samples", b"%d" % packet_id, packet_id)
        last = await consumer.delivery(3)
        assert connection.acknowledged == []
        acknowledge(consumer.received)
        await acknowledged(connection, [1, 2, 3])
        assert (last.topic, last.payload, last.duplicate) == ("silo/v1/a/b/c/samples", b"3", False)


async def test_the_session_is_kept_by_the_broker_under_one_client_id() -> None:
    async with fake_broker() as broker, consuming(broker) as consumer:
        first = await broker.connection()
        await first.cut()
        await consumer.pause_over()
        second = await broker.connection()
        assert (first.client_id, first.clean) == (second.client_id, second.clean) == ("worker", False)
        assert second.filters == [text for text, _ in FILTERS]


@pytest.mark.parametrize("refusal", ["refuse", "close"])
async def test_a_broker_without_mqtt_5_is_spoken_to_in_3_1_1(refusal: str) -> None:
    async with fake_broker("refuse" if refusal == "refuse" else "close") as broker, consuming(broker) as consumer:
        await consumer.pause_over()
        connection = await broker.connection()
        assert broker.attempts == [5, 4]
        connection.deliver("silo/v1/a/b/c/samples", b"{}", 1, duplicate=True, retained=True)
        delivery = await consumer.delivery(1)
        assert (delivery.duplicate, delivery.retained) == (True, True)
        await connection.cut()
        await consumer.pause_over()
        await broker.connection()
        assert broker.attempts == [5, 4, 4]


async def test_refused_credentials_stop_the_service() -> None:
    async with fake_broker() as broker:
        broker.refuse_with = 135
        consumer = Consumer(broker)
        with pytest.raises(Fatal, match="refuses us"):
            await consumer.link.run()


async def test_credentials_that_worked_before_are_tried_again() -> None:
    async with fake_broker() as broker, consuming(broker) as consumer:
        connection = await broker.connection()
        broker.refuse_with = 135
        await connection.cut()
        await consumer.pause_over()
        await eventually(lambda: len(broker.attempts) == 2, lambda: broker.attempts)
        broker.refuse_with = None
        await consumer.pause_over()
        await broker.connection()
        await eventually(lambda: consumer.reports[-1] is None, lambda: consumer.reports)


async def test_a_subscription_that_a_cluster_is_not_ready_for_is_tried_again() -> None:
    async with fake_broker() as broker:
        broker.grants = b"\x80"
        async with consuming(broker) as consumer:
            await consumer.pause_over()
            await eventually(lambda: len(broker.attempts) == 2, lambda: broker.attempts)
            assert "refuses the subscription to " + FILTERS[0][0] in str(consumer.reports[-1])
            broker.grants = b"\x01"
            await consumer.pause_over()
            await eventually(lambda: consumer.reports[-1] is None, lambda: consumer.reports)


async def test_a_paused_line_reads_no_more_and_then_goes_on() -> None:
    async with fake_broker() as broker, consuming(broker) as consumer:
        connection = await broker.connection()
        await eventually(lambda: consumer.link.line is not None, lambda: consumer.reports)
        line = consumer.link.line
        assert line is not None
        line.pause()
        connection.deliver("silo/v1/a/b/c/samples", b"held back", 1)
        await connection.writer.drain()
        await consumer.clock.settle()
        assert consumer.received == []
        line.resume()
        assert (await consumer.delivery(1)).payload == b"held back"


async def test_publications_are_answered_and_leave_nothing_behind() -> None:
    async with fake_broker() as broker, consuming(broker) as consumer:
        connection = await broker.connection()
        await eventually(lambda: consumer.link.line is not None, lambda: consumer.reports)
        line = consumer.link.line
        assert line is not None
        line.publish_retained("silo/v1/a/b/c/committed", b"{}")
        await eventually(lambda: bool(connection.published), lambda: connection.published)
        assert connection.published == [("silo/v1/a/b/c/committed", b"{}")]
        assert line.can_publish


async def test_what_is_sent_again_on_the_same_line_is_taken_once() -> None:
    async with fake_broker() as broker, consuming(broker) as consumer:
        connection = await broker.connection()
        for duplicate in (False, True, True):
            connection.deliver("silo/v1/a/b/c/samples", b"first", 1, duplicate=duplicate)
        connection.deliver("silo/v1/a/b/c/samples", b"second", 2)
        await consumer.delivery(2)
        acknowledge(consumer.received)
        await acknowledged(connection, [1, 2])
        connection.deliver("silo/v1/a/b/c/samples", b"third", 1, duplicate=True)
        assert (await consumer.delivery(3)).payload == b"third"


async def test_it_publishes_no_more_than_the_broker_answers() -> None:
    async with fake_broker() as broker, consuming(broker) as consumer:
        await broker.connection()
        await eventually(lambda: consumer.link.line is not None, lambda: consumer.link.line)
        line = consumer.link.line
        assert line is not None
        published = 0
        while line.can_publish and published < 10_000:
            line.publish_retained("silo/v1/a/b/c/committed", b"{}")
            published += 1
        assert published < 1_000
        await eventually(lambda: line.can_publish, lambda: published)


async def test_a_broker_whose_answers_lie_unread_is_not_taken_for_dead() -> None:
    """A database that was away for a minute took the broker with it, and each reconnect brought all again."""
    async with fake_broker() as broker, consuming(broker) as consumer:
        await broker.connection()
        await eventually(lambda: consumer.link.line is not None, lambda: consumer.reports)
        line = consumer.link.line
        assert line is not None
        consumer.link.pause()
        silent_for_a_while(line)
        await consumer.clock.settle()
        assert line.is_open
        consumer.link.resume()
        silent_for_a_while(line)
        assert await asyncio.wait_for(line.lost(), 10)


def silent_for_a_while(line: Line) -> None:
    connection = line._client._connection
    connection._last_data_in -= 100
    connection._keep_connection()


async def test_a_paused_link_that_is_cut_connects_again_only_when_more_may_come() -> None:
    """A broker sends all that is not acknowledged as soon as it is connected to."""
    async with fake_broker() as broker, consuming(broker) as consumer:
        connection = await broker.connection()
        await eventually(lambda: consumer.link.line is not None, lambda: consumer.reports)
        consumer.link.pause()
        await connection.cut()
        assert consumer.link.line is not None
        for _ in range(2):  # nothing is read, so that only what is sent finds out
            consumer.link.line._client._connection._send_ping_request()
        await consumer.pause_over()
        await consumer.clock.settle()
        assert len(broker.attempts) == 1
        assert consumer.reports[-1] == "the connection was lost"
        consumer.link.resume()
        await broker.connection()
        assert len(broker.attempts) == 2
