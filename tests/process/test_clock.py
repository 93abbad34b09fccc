import asyncio
from datetime import UTC, datetime

from siloscope_process.clock import ManualClock, SystemClock, from_ms, to_ms


def test_milliseconds_survive_the_way_through_a_datetime() -> None:
    for time_ms in (0, 1, 999, 1_704_067_200_001, 4_102_444_799_999, -1):
        assert to_ms(from_ms(time_ms)) == time_ms


def test_the_system_clock_agrees_with_itself() -> None:
    clock = SystemClock()
    assert clock.now().tzinfo is UTC
    assert abs(to_ms(clock.now()) - clock.now_ms()) < 60_000


async def test_sleepers_wake_in_the_order_of_their_deadlines() -> None:
    clock, woken = ManualClock(), list[str]()

    async def sleeper(name: str, seconds: float) -> None:
        await clock.sleep(seconds)
        woken.append(name)

    tasks = [asyncio.create_task(sleeper(*each)) for each in (("late", 3), ("early", 1), ("never", 10))]
    await clock.settle()
    assert clock.sleepers == 3
    clock.advance(5)
    await clock.settle()
    assert woken == ["early", "late"]
    tasks[2].cancel()


async def test_a_periodic_task_sees_each_of_its_times() -> None:
    clock, seen = ManualClock(start_ms=0), list[int]()

    async def periodic() -> None:
        while True:
            await clock.sleep(2)
            seen.append(clock.now_ms())

    task = asyncio.create_task(periodic())
    await clock.run_for(7)
    assert seen == [2000, 4000, 6000]
    assert clock.now_ms() == 7000
    task.cancel()


async def test_a_jump_of_the_wall_clock_wakes_nobody() -> None:
    clock = ManualClock(start_ms=0)
    task = asyncio.create_task(clock.sleep(10))
    await clock.settle()
    clock.jump(3600)
    await clock.settle()
    assert not task.done()
    assert clock.now() == datetime(1970, 1, 1, 1, tzinfo=UTC)
    assert clock.monotonic_s() == 0
    clock.advance(10)
    await task
