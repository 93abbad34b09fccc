"""How the service ends its work."""

import asyncio

import pytest

from siloscope_alerting import wiring


async def test_work_that_survives_a_cancellation_is_cancelled_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wiring, "CANCELS_AGAIN_AFTER_S", 0.001)
    survived: list[int] = []

    async def work() -> None:
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                if len(survived) == 2:
                    raise
                survived.append(1)

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    await wiring.ended([task])
    assert task.cancelled()
    assert len(survived) == 2


async def test_what_failed_is_as_ended_as_what_was_cancelled() -> None:
    async def fail() -> None:
        raise ValueError("no more")

    await wiring.ended([asyncio.create_task(fail()), asyncio.create_task(asyncio.Event().wait())])
