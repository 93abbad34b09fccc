"""The socket of the alarms: an agent without one goes on, and who hangs up ends the test that it began."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from siloscope_edge.alarms import control
from siloscope_edge.alarms.control import FILE_NAME, Request, Told, asked, serve
from siloscope_process.errors import Unavailable
from tests.edge.alarms.alarmed_yard import Yard


@asynccontextmanager
async def serving(yard: Yard) -> AsyncIterator[None]:
    task = asyncio.create_task(serve(yard.watch, yard.directory, yard.clock))
    async with yard.watching(), asyncio.timeout(10):
        while not (yard.directory / FILE_NAME).exists():
            await asyncio.sleep(0)
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def until_on(yard: Yard, *, on: bool) -> None:
    async with asyncio.timeout(10):
        while yard.switch.on is not on:
            await asyncio.sleep(0)


@pytest.mark.parametrize("why", ["path too long", "cannot be made"])
async def test_an_agent_that_can_make_no_socket_goes_on_without(
    yard: Yard, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if why == "path too long":
        monkeypatch.setattr(control, "_LONGEST_PATH", 1)
    else:
        (yard.directory / FILE_NAME).mkdir()
    task = asyncio.create_task(serve(yard.watch, yard.directory, yard.clock))
    done, _ = await asyncio.wait([task], timeout=0.05)
    assert not done  # the agent ends with the first of its tasks
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()


async def test_who_hangs_up_ends_the_test_that_it_began(yard: Yard) -> None:
    async with serving(yard):
        _, writer = await asyncio.open_unix_connection(yard.directory / FILE_NAME)
        writer.write(msgspec.json.encode(Request("test", "siren", 600)) + b"\n")
        await until_on(yard, on=True)
        writer.close()
        await writer.wait_closed()
        async with asyncio.timeout(10):
            while yard.watch.actuators["siren"].wanted:
                await asyncio.sleep(0)
        await yard.clock.run_for(11)
        assert not yard.switch.on


async def test_of_two_tests_at_a_time_the_shorter_does_not_end_the_longer(yard: Yard) -> None:
    async def told(for_s: float) -> list[Told]:
        return [each async for each in asked(yard.directory, Request("test", "siren", for_s))]

    async with serving(yard):
        longer = asyncio.create_task(told(60))
        await until_on(yard, on=True)
        shorter = asyncio.create_task(told(1))
        while not shorter.done():
            await yard.clock.run_for(1)
            await asyncio.sleep(0.001)
        assert yard.switch.on
        while not longer.done():
            await yard.clock.run_for(5)
            await asyncio.sleep(0.001)
        assert not yard.switch.on
        assert [each.well for each in (*await longer, *await shorter)] == [True] * 4


async def test_an_agent_that_ends_before_its_answer_does_is_said(tmp_path: Path) -> None:
    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(msgspec.json.encode(Told(well=True, line="siren: on after 0.1 s")) + b"\n")
        writer.close()

    async with await asyncio.start_unix_server(cut, tmp_path / FILE_NAME):
        answers = asked(tmp_path, Request("test", "siren"))
        assert (await anext(answers)).well
        with pytest.raises(Unavailable, match="ended before its answer did"):
            await anext(answers)
