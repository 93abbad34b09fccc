"""Whatever a driver raises and however long it takes, a version ends with a reason and in its time."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from unittest.mock import AsyncMock, Mock

import pytest

from siloscope_edge.remote.site import RunningSite


def site(readers: Any, port: Any = None) -> RunningSite:
    return RunningSite(readers, Mock(introductions=0), Mock(return_value=port), AsyncMock())


async def test_a_driver_that_fails_at_a_dry_run_is_a_reason_and_no_end_of_the_agent() -> None:
    async def with_port(bus: object, work: Callable[[], Awaitable[Any]], within_s: float) -> Any:
        return await work()

    port = Mock(open=AsyncMock(), read=AsyncMock(side_effect=ZeroDivisionError("of a driver")))
    bus, instrument = Mock(), Mock()
    bus.name, instrument.name = "yard", "head-1"
    (reason,) = await site(Mock(with_port=with_port), port).dry_run(Mock(drivers={"yard": Mock()}), [(bus, instrument)])
    assert reason == "bus yard, device head-1: found ZeroDivisionError: of a driver, expected a good reading"
    port.close.assert_called_once_with()


@pytest.mark.parametrize("within_s", [0.0, 0.05])
async def test_a_bus_that_is_busy_holds_no_trial_up(within_s: float) -> None:
    async def for_ever(device: str, within_s: float) -> None:
        await asyncio.Event().wait()

    found = site(Mock(owner_of=Mock(return_value=(Mock(read_now=for_ever), Mock()))))
    found.watch(["head-1", "head-2"])
    async with asyncio.timeout(5):
        missing = await found.missing(within_s)
    assert missing == [
        "device head-1: found no good reading, expected one",
        "device head-2: found no good reading, expected one",
        "link: found no broker that acknowledged this node, expected one",
    ]
