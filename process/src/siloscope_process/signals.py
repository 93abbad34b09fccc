"""Stopping: SIGTERM and SIGINT ask the service to finish, a second one cancels it, a third ends the process at once."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable

_SIGNALS = (signal.SIGTERM, signal.SIGINT)

Main = Callable[[asyncio.Event], Awaitable[int]]


def run_until_stopped(main: Main, *, loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None) -> int:
    """Run `main(stop)` in a new event loop and return its exit code.

    Args:
        main: The service. It returns soon after `stop` is set.
        loop_factory: A faster loop where a service wants one, such as `uvloop.new_event_loop`.

    Returns:
        What `main` returned, or 128 + the signal's number where a second signal cancelled it.
    """
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        return runner.run(_watched(main))


async def _watched(main: Main) -> int:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    task = asyncio.ensure_future(main(stop))
    received: list[int] = []

    def on_signal(number: int) -> None:
        received.append(number)
        if len(received) == 1:
            stop.set()
        elif len(received) == 2:
            task.cancel()
        else:
            os._exit(128 + number)

    for number in _SIGNALS:
        loop.add_signal_handler(number, on_signal, number)
    try:
        return await task
    except asyncio.CancelledError:
        if len(received) < 2:
            raise
        return 128 + received[-1]
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)
