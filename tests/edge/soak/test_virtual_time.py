"""Virtual time: what a thread does takes as long on a busy machine as on an idle one."""

import asyncio
import threading

import pytest

from tests.edge.soak import virtual_time
from tests.edge.soak.virtual_time import BEGINS_S


def test_what_a_thread_was_given_is_done_before_anything_else_happens_wanted_or_not() -> None:
    done: list[tuple[str, float]] = []

    async def given() -> None:
        loop = asyncio.get_running_loop()
        loop.call_soon(done.append, ("next", BEGINS_S))
        given = loop.run_in_executor(None, lambda: done.append((threading.current_thread().name, loop.time())))
        given.cancel()
        await asyncio.sleep(60)

    virtual_time.run(given)
    (worker, at_s), following = done
    assert worker != threading.current_thread().name
    assert at_s == pytest.approx(BEGINS_S, abs=0.001)
    assert following[0] == "next"


def test_who_gave_it_learns_of_it_a_little_later_and_others_go_on_meanwhile() -> None:
    seen: list[object] = []

    async def given() -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(0.001, seen.append, "meanwhile")
        seen.append(await asyncio.to_thread(sum, (1, 2)))
        seen.append(round(loop.time() - BEGINS_S, 3))

    virtual_time.run(given)
    assert seen == ["meanwhile", 3, 0.002]


def test_an_error_of_a_thread_is_that_of_who_gave_it_the_work() -> None:
    async def given() -> None:
        await asyncio.to_thread(int, "nothing")

    with pytest.raises(ValueError, match="nothing"):
        virtual_time.run(given)
