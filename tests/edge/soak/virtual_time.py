"""An event loop whose time passes only when nobody has anything left to do: an hour takes as long as its work.

Sockets between two ends of one process are real; a TCP connection to a port that is served in this loop is a pair of
them, so that what one end wrote the other has at once. What is given to a thread is done before anything else happens,
and whoever gave it learns of that a little later: a run is the same however busy the machine is.
"""

import asyncio
import selectors
import socket
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
from datetime import datetime
from typing import Any, TypeVar

from siloscope_process.clock import from_ms

T = TypeVar("T")
_A_THREAD_WORKS_S = 0.002
_STALLED_S = 5.0
_A_TURN_TAKES_S = 1e-6
"""Whoever waits until a moment finds that it has passed, as on any machine."""
BEGINS_S = 1000.0


class VirtualLoop(asyncio.SelectorEventLoop):
    """The loop; `run` runs something on a fresh one."""

    def __init__(self) -> None:
        self.now_s = BEGINS_S
        self._served: dict[tuple[str, int], _Server] = {}
        self._next_port = 20_000
        self._threads = ThreadPoolExecutor(1)
        super().__init__(_Selector(self))
        self.set_default_executor(self._threads)

    def time(self) -> float:
        return self.now_s

    def run_in_executor(  # type: ignore[override]
        self, executor: Executor | None, func: Callable[..., T], *args: Any
    ) -> asyncio.Future[T]:
        work = (executor or self._threads).submit(func, *args)
        wait([work])
        told: asyncio.Future[T] = self.create_future()
        self.call_later(_A_THREAD_WORKS_S, _tell, work, told)
        return told

    async def create_server(self, protocol_factory: Any, host: Any = None, port: Any = None, **_: Any) -> Any:
        if not port:
            self._next_port += 1
            port = self._next_port
        self._served[host, port] = server = _Server(self, protocol_factory, (host, port))
        return server

    async def create_connection(self, protocol_factory: Any, host: Any = None, port: Any = None, **rest: Any) -> Any:
        if host is None:
            return await super().create_connection(protocol_factory, **rest)
        server = self._served.get((host, port))
        if server is None:
            raise ConnectionRefusedError(f"nobody serves {host}:{port}")
        ours, theirs = socket.socketpair()
        for each in (ours, theirs):
            each.setblocking(False)
        await self.connect_accepted_socket(server.factory, theirs)
        return await super().create_connection(protocol_factory, sock=ours)

    def forget(self, address: tuple[str, int]) -> None:
        """Serve it no longer."""
        self._served.pop(address, None)


class VirtualClock:
    """A service's clock on the virtual loop.

    Args:
        wall_ms: Tells the wall clock; it may be anything.
    """

    def __init__(self, wall_ms: Callable[[], int]) -> None:
        self._wall_ms = wall_ms
        self._loop = asyncio.get_running_loop()

    def now_ms(self) -> int:
        return self._wall_ms()

    def now(self) -> datetime:
        return from_ms(self._wall_ms())

    def monotonic_s(self) -> float:
        return self._loop.time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def run(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run something in virtual time and return what it returns."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main())


class _Selector(selectors.DefaultSelector):
    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> Any:
        found = super().select(0)
        if found or (timeout is not None and timeout <= 0):
            self._loop.now_s += _A_TURN_TAKES_S
            return found
        if timeout is None:
            found = super().select(_STALLED_S)
            assert found, "nobody waits for time, and nothing happens: it would stand still for ever"
            return found
        self._loop.now_s += timeout
        return []


def _tell(work: Future[T], told: asyncio.Future[T]) -> None:
    """Hand over what came of it, unless nobody wants to know any more."""
    if told.done():
        return
    if (error := work.exception()) is not None:
        told.set_exception(error)
    else:
        told.set_result(work.result())


class _Server:
    """What `asyncio.start_server` returns."""

    def __init__(self, loop: VirtualLoop, factory: Callable[[], asyncio.BaseProtocol], address: Any) -> None:
        self.factory = factory
        self._loop = loop
        self._address = address
        self.sockets = [self]

    def getsockname(self) -> Any:
        return self._address

    def close(self) -> None:
        self._loop.forget(self._address)

    async def wait_closed(self) -> None:
        await asyncio.sleep(0)
