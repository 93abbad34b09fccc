"""Stopping: a signal asks the service to finish, a second one cancels it, a third ends the process at once.

SIGTERM, SIGINT (Ctrl-C) and SIGHUP (the terminal was closed) count alike. One request often arrives more than once:
`timeout` signals a program and then its whole group, `make` passes on what its child got already. Signals that come
within the same breath are therefore one.
"""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_BREATH_S = 0.7

Main = Callable[[asyncio.Event], Awaitable[int]]


def run_until_stopped(
    main: Main,
    *,
    loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None,
    breath_s: float = _BREATH_S,
) -> int:
    """Run `main(stop)` in a new event loop and return its exit code.

    Args:
        main: The service. It returns soon after `stop` is set.
        loop_factory: A faster loop where a service wants one, such as `uvloop.new_event_loop`.
        breath_s: Signals that follow one another within this time are one.

    Returns:
        What `main` returned, or 128 + the signal's number where a second signal cancelled it.
    """
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        return runner.run(_watched(main, breath_s))


async def _watched(main: Main, breath_s: float) -> int:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    task = asyncio.ensure_future(main(stop))
    received: list[tuple[int, float]] = []

    def on_signal(number: int) -> None:
        if received and loop.time() - received[-1][1] < breath_s:
            return
        received.append((number, loop.time()))
        if len(received) == 1:
            stop.set()
        elif len(received) == 2:
            task.cancel()
        else:
            os._exit(128 + number)

    # Under nohup the terminal's end is none of our business.
    heeded = [number for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    for number in heeded:
        loop.add_signal_handler(number, on_signal, number)
    try:
        return await task
    except asyncio.CancelledError:
        if len(received) < 2:
            raise
        return 128 + received[-1][0]
    finally:
        for number in heeded:
            loop.remove_signal_handler(number)
