"""Waiting for what other processes do: the only place in these tests that looks at a real clock."""

import asyncio
from collections.abc import Callable

import pytest

WITHIN_S = 20.0


async def eventually(holds: Callable[[], bool], found: Callable[[], object], within_s: float = WITHIN_S) -> None:
    """Wait until something outside of this process holds."""
    try:
        async with asyncio.timeout(within_s):
            while not holds():
                await asyncio.sleep(0.02)
    except TimeoutError:
        pytest.fail(f"still found {found()!r} after {within_s} s")
