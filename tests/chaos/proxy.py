"""A TCP proxy that harms what passes through it: cuts, delays, throttles, swallows, truncates, flips bits.

It runs in a thread of its own with an event loop of its own, so that a test that waits does not hold up the traffic.
What it holds is bounded: it reads no more from one side before the other side has taken what came before.
"""

import asyncio
import random
import socket
import threading
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeVar

from siloscope_deploy.servers.ports import LOOPBACK

T = TypeVar("T")
_CHUNK_BYTES = 65_536
_STEP_S = 0.05
_THROTTLED_BYTES = 512


class Way(Enum):
    """Which way bytes travel: up is from whoever connects to whoever is connected to."""

    UP = "up"
    DOWN = "down"


@dataclass
class Weather:
    """What happens to everything that passes, until it changes.

    Attributes:
        refuses: New connections are closed at once.
        swallows: What comes is taken and never delivered.
        holds: Nothing moves; what comes later is delivered when this ends.
        delay_s: Every piece comes so much later.
        bytes_per_s: No more than this passes each way.
    """

    refuses: bool = False
    swallows: bool = False
    holds: bool = False
    delay_s: float = 0.0
    bytes_per_s: float | None = None


class _Connection:
    """One client and its own connection to the server."""

    def __init__(self, client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self.client = client
        self.server = server
        self.is_doomed = False

    def abort(self) -> None:
        for writer in (self.client, self.server):
            writer.transport.abort()


class Proxy:
    """Listens on a port of its own and passes everything on to another, as long as nobody harms it.

    Args:
        name: For reports: `edge-broker`.
        targets: Ports on 127.0.0.1 that it stands before; may be changed while it runs (a promoted replica). Of
            several, as of a cluster's servers, each connection goes to the next that answers.
    """

    def __init__(self, name: str, *targets: int) -> None:
        self.name = name
        self._socket = socket.socket()  # bound from here on: a port that is merely free now may be another's by then
        self._socket.bind((LOOPBACK, 0))
        self.port: int = self._socket.getsockname()[1]
        self.targets: Sequence[int] = targets
        self._turn = 0
        self.weather = Weather()
        self._connections: set[_Connection] = set()
        self._truncations: dict[Way, int] = dict.fromkeys(Way, 0)
        self._flips: dict[Way, int] = dict.fromkeys(Way, 0)
        self._chance = random.Random(name)
        self._loop: asyncio.AbstractEventLoop
        self._thread: threading.Thread
        self._server: asyncio.Server | None = None

    def __enter__(self) -> "Proxy":
        """Begin to listen."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"proxy {self.name}", daemon=True)
        self._thread.start()
        self._server = self._call(asyncio.start_server(self._serve, sock=self._socket))
        return self

    def __exit__(self, *_: object) -> None:
        """Cut everything and stop listening."""
        self._call(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self.release()

    def release(self) -> None:
        """Let the port go, which a proxy that never listened has too."""
        self._socket.close()

    @property
    def connections(self) -> int:
        """How many connections stand."""
        return len(self._connections)

    def change(self, weather: Weather) -> None:
        """Let other weather come."""
        self._do(lambda: setattr(self, "weather", weather))

    def cut(self) -> None:
        """Reset every connection."""
        self._do(self._abort_all)

    def half_open(self) -> None:
        """Close the server's side of every connection without telling the client, who talks on into nothing."""

        def close() -> None:
            for each in self._connections:
                each.is_doomed = True
                each.server.transport.abort()

        self._do(close)

    def truncate(self, way: Way) -> None:
        """Deliver the next piece by half, and cut the connection there."""
        self._do(lambda: self._truncations.update({way: self._truncations[way] + 1}))

    def flip(self, way: Way, bits: int = 1) -> None:
        """Flip so many bits, each in another of the next pieces."""
        self._do(lambda: self._flips.update({way: self._flips[way] + bits}))

    def clear(self) -> None:
        """Forget every harm that has not happened yet, have fair weather, and cut what was left half open."""

        def clear() -> None:
            self.weather = Weather()
            for way in Way:
                self._truncations[way] = self._flips[way] = 0
            for each in [each for each in self._connections if each.is_doomed]:
                each.abort()

        self._do(clear)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.weather.refuses:
            writer.transport.abort()
            return
        server = await self._reached()
        if server is None:
            writer.transport.abort()
            return
        back, forth = server
        connection = _Connection(writer, forth)
        self._connections.add(connection)
        pumps = [
            asyncio.ensure_future(self._pump(reader, forth, Way.UP, connection)),
            asyncio.ensure_future(self._pump(back, writer, Way.DOWN, connection)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            while connection.is_doomed and not pumps[0].done():
                await asyncio.sleep(_STEP_S)
        finally:
            for pump in pumps:
                pump.cancel()
            connection.abort()
            self._connections.discard(connection)
            await asyncio.gather(*pumps, return_exceptions=True)

    async def _reached(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        self._turn += 1
        for at in range(len(self.targets)):
            with suppress(OSError):
                return await asyncio.open_connection(LOOPBACK, self.targets[(self._turn + at) % len(self.targets)])
        return None

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: Way, connection: _Connection
    ) -> None:
        while data := await reader.read(self._piece_bytes()):
            await self._weathered(len(data))
            if self.weather.swallows or connection.is_doomed:
                connection.is_doomed = True  # a stream with a hole in it is no stream any more
                continue
            if self._truncations[way]:
                self._truncations[way] -= 1
                writer.write(data[: len(data) // 2])
                await writer.drain()
                return
            if self._flips[way] and self._chance.random() < 0.5:  # not always in the first packet of a connection
                self._flips[way] -= 1
                data = flipped(data, self._chance)
            writer.write(data)
            await writer.drain()
        if not connection.is_doomed and writer.can_write_eof():
            writer.write_eof()
            await writer.drain()

    async def _weathered(self, size: int) -> None:
        if self.weather.delay_s:
            await asyncio.sleep(self.weather.delay_s)
        if self.weather.bytes_per_s:
            await asyncio.sleep(size / self.weather.bytes_per_s)
        while self.weather.holds:
            await asyncio.sleep(_STEP_S)

    def _piece_bytes(self) -> int:
        return _THROTTLED_BYTES if self.weather.bytes_per_s else _CHUNK_BYTES

    def _abort_all(self) -> None:
        for each in self._connections:
            each.abort()

    async def _end(self) -> None:
        if self._server is not None:
            self._server.close()
        self._abort_all()
        while self._connections:
            await asyncio.sleep(_STEP_S / 10)
        if self._server is not None:
            await self._server.wait_closed()

    def _do(self, action: Callable[[], object]) -> None:
        """Do something in the proxy's own thread, and wait until it is done."""

        async def done() -> None:
            action()

        self._call(done())

    def _call(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=30)


def flipped(data: bytes, chance: random.Random) -> bytes:
    """Return the bytes with one bit of them turned."""
    at = chance.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :]
