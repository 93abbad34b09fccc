"""What ingest promises, with a broker that misbehaves on purpose and a database that is away."""

import asyncio

from siloscope_process.clock import SystemClock
from tests.ingest.conftest import Farm, nobody_writes, running_ingest
from tests.ingest.fake_broker import answered, fake_broker
from tests.ingest.messages import EPOCH, OTHER_EPOCH, SAMPLES, pack, relative
from tests.ingest.waiting import eventually

READ_ONLY = "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I {}', current_database()); END $$"


async def test_nothing_is_acknowledged_before_it_is_committed(farm: Farm, now_ms: int) -> None:
    async with fake_broker() as broker, running_ingest(farm.url, broker.url) as ingest:
        connection = await broker.connection()
        connection.deliver(SAMPLES, pack(1, now_ms, 11.5), 1)
        await answered(connection, 1)
        async with nobody_writes(farm):
            connection.deliver(SAMPLES, pack(2, now_ms + 1000, 11.6), 2)
            await eventually(lambda: ingest.service.held.messages == 1, lambda: ingest.service.held.messages)
            await waiting_for_lock(farm)
            assert connection.acknowledged == [1]
        await answered(connection, 1, 2)
    assert farm.value("SELECT count(*) FROM sample") == 2


async def test_an_acknowledgement_never_crosses_a_reconnect(farm: Farm, now_ms: int) -> None:
    async with fake_broker() as broker, running_ingest(farm.url, broker.url):
        first = await broker.connection()
        first.deliver(SAMPLES, pack(1, now_ms, 11.5), 1)
        await answered(first, 1)
        async with nobody_writes(farm):
            first.deliver(SAMPLES, pack(2, now_ms + 1000, 11.6), 7)
            await waiting_for_lock(farm)
            await first.cut()
            second = await broker.connection()
            second.deliver(SAMPLES, b"[another message under the same packet id", 7)
            second.deliver(SAMPLES, pack(2, now_ms + 1000, 11.6), 8, duplicate=True)
        await answered(second, 7, 8)
        assert first.acknowledged == [1]
    assert farm.value("SELECT count(*) FROM sample") == 2
    assert farm.value("SELECT count(*) FROM quarantine") == 1


async def test_a_redelivery_is_harmless(farm: Farm, now_ms: int) -> None:
    async with fake_broker() as broker, running_ingest(farm.url, broker.url):
        connection = await broker.connection()
        for packet_id in (1, 2, 3):
            connection.deliver(SAMPLES, pack(1, now_ms, 11.5, 12.5), packet_id, duplicate=packet_id > 1)
            await answered(connection, *range(1, packet_id + 1))
    assert farm.value("SELECT count(*) FROM sample") == 1
    assert farm.value("SELECT count(*) FROM sample_conflict") == 0


async def test_a_database_that_takes_no_writes_for_a_while_loses_nothing(farm: Farm, now_ms: int) -> None:
    end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'siloscope ingest%'"
    async with fake_broker() as broker, running_ingest(farm.url, broker.url) as ingest:
        connection = await broker.connection()
        connection.deliver(SAMPLES, pack(None, now_ms, 1.0), 1)
        await answered(connection, 1)
        await farm.change(READ_ONLY.format("SET default_transaction_read_only = on"))
        await farm.change(end)
        connection.deliver(SAMPLES, pack(None, now_ms + 1000, 2.0), 2)
        await eventually(lambda: ingest.service.metrics.retries._value.get() > 1, lambda: connection.acknowledged)
        assert connection.acknowledged == [1]
        await farm.change("BEGIN READ WRITE;" + READ_ONLY.format("RESET default_transaction_read_only") + "; COMMIT")
        await farm.change(end)
        await answered(connection, 1, 2)
    assert farm.value("SELECT count(*) FROM sample") == 2
    assert farm.value("SELECT count(*) FROM quarantine") == 0


async def test_a_broken_database_connection_loses_nothing(farm: Farm, now_ms: int) -> None:
    async with fake_broker() as broker, running_ingest(farm.url, broker.url):
        connection = await broker.connection()
        connection.deliver(SAMPLES, pack(1, now_ms, 1.0), 1)
        await answered(connection, 1)
        async with nobody_writes(farm):
            connection.deliver(SAMPLES, pack(2, now_ms + 1000, 1.0), 2)
            await waiting_for_lock(farm)
            await farm.change(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'siloscope ingest%'"
            )
            assert connection.acknowledged == [1]
        await answered(connection, 1, 2)
    assert farm.value("SELECT count(*) FROM sample") == 2


async def test_a_redelivered_message_without_times_is_taken_once(farm: Farm) -> None:
    async with fake_broker() as broker, running_ingest(farm.url, broker.url):
        connection = await broker.connection()
        connection.deliver(SAMPLES, relative(20.5), 1)
        await answered(connection, 1)
        connection.deliver(SAMPLES, relative(20.5), 2, duplicate=True)
        connection.deliver(SAMPLES, relative(20.5), 3, retained=True)
        await answered(connection, 1, 2, 3)
        connection.deliver(SAMPLES, relative(20.5), 4)
        await answered(connection, 1, 2, 3, 4)
    assert farm.value("SELECT count(*) FROM sample") == 2


async def test_a_message_without_times_that_was_committed_before_a_kill_is_taken_once(farm: Farm) -> None:
    async with fake_broker() as broker:
        async with running_ingest(farm.url, broker.url):
            connection = await broker.connection()
            connection.deliver(SAMPLES, relative(20.5), 1)
            await answered(connection, 1)
        async with running_ingest(farm.url, broker.url):
            connection = await broker.connection()
            connection.deliver(SAMPLES, relative(20.5), 1, duplicate=True)
            connection.deliver(SAMPLES, relative(21.5), 2, duplicate=True)
            await answered(connection, 1, 2)
        await farm.change("UPDATE relative_message SET arrived_at = arrived_at - interval '11 minutes'")
        async with running_ingest(farm.url, broker.url):
            connection = await broker.connection()
            connection.deliver(SAMPLES, relative(20.5), 1, duplicate=True)
            await answered(connection, 1)
    assert farm.rows('SELECT "values"[1] FROM sample ORDER BY "time"') == [(20.5,), (21.5,), (20.5,)]
    assert farm.value("SELECT count(*) FROM relative_message") == 2


async def test_a_stop_finishes_what_was_read(farm: Farm, now_ms: int) -> None:
    async with fake_broker() as broker:
        async with running_ingest(farm.url, broker.url) as ingest:
            connection = await broker.connection()
            connection.deliver(SAMPLES, pack(1, now_ms, 1.0), 1)
            await answered(connection, 1)
            for seq in range(2, 50):
                connection.deliver(SAMPLES, pack(seq, now_ms + seq * 1000, 1.0), seq)
            # It may be done with all of them before anybody looks.
            await eventually(
                lambda: ingest.service.held.messages > 0 or len(connection.acknowledged) > 1,
                lambda: ingest.service.held.messages,
            )
        await connection.ended.wait()
        assert connection.said_goodbye
        assert farm.value("SELECT count(*) FROM sample") == len(connection.acknowledged)
        assert ingest.service.held.messages == 0


class MovedClock(SystemClock):
    """The machine's clocks, of which the wall clock goes ahead by as much as a test says."""

    ahead_ms = 0

    def now_ms(self) -> int:
        return super().now_ms() + self.ahead_ms


async def test_two_starts_alive_under_one_credential_are_reported(farm: Farm, now_ms: int) -> None:
    clock = MovedClock()
    async with fake_broker() as broker, running_ingest(farm.url, broker.url, clock=clock) as ingest:
        connection = await broker.connection()
        for packet_id, epoch in ((1, EPOCH), (2, OTHER_EPOCH)):
            connection.deliver(SAMPLES, pack(1, now_ms, 1.0, device=f"head{packet_id}", epoch=epoch), packet_id)
        await answered(connection, 1, 2)
        clock.ahead_ms = 300_000
        for packet_id, epoch in ((3, EPOCH), (4, OTHER_EPOCH)):
            later_ms = now_ms + clock.ahead_ms
            connection.deliver(SAMPLES, pack(2, later_ms, 1.0, device=f"head{packet_id}", epoch=epoch), packet_id)
        await answered(connection, 1, 2, 3, 4)
        await farm.until("SELECT count(*) FROM audit WHERE action = 'epochs_growing_at_once'", 1)
        assert ingest.service.metrics.twins._value.get() == 1


async def waiting_for_lock(farm: Farm) -> None:
    """Wait until ingest waits for a lock of the test."""
    waiting = (
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'siloscope ingest writer' "
        "AND wait_event_type = 'Lock'"
    )
    await eventually(lambda: farm.value(waiting) == 1, lambda: farm.value(waiting))
    await asyncio.sleep(0)


async def test_what_is_held_is_bounded_while_the_database_is_away(farm: Farm, now_ms: int) -> None:
    count = 5000
    async with fake_broker() as broker, running_ingest(farm.url, broker.url, ingest_held_messages=100) as ingest:
        connection = await broker.connection()
        connection.deliver(SAMPLES, pack(1, now_ms, 1.0), 1)
        await answered(connection, 1)
        async with nobody_writes(farm):
            for seq in range(2, count + 1):
                connection.deliver(SAMPLES, pack(seq, now_ms + seq * 1000, 1.0), seq)
            await waiting_for_lock(farm)
            await eventually(lambda: ingest.service.held.is_full, lambda: ingest.service.held.messages)
            assert ingest.service.held.messages < count // 2
        await answered(connection, *range(1, count + 1))
    assert farm.value("SELECT count(*) FROM sample") == count
