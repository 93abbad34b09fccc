"""A terminal server: a TCP port of 127.0.0.1 that passes bytes to the serial line behind it, frames, CRC and all."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from siloscope_firmware_sim.lines.rtu import RtuLine
from siloscope_firmware_sim.lines.traffic import Traffic
from siloscope_firmware_sim.modbus.bus import Wire

_CHUNK = 1024


class _TerminalServer:
    """The port, as a line behind it sees it; several clients hear the same."""

    def __init__(self, baud: int) -> None:
        self.baud = baud
        self.port = 0
        self._on_bytes: Callable[[bytes], None] = lambda data: None
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def address(self) -> dict[str, object]:
        """Where a reader finds it; valid once it listens."""
        return {"host": "127.0.0.1", "port": self.port}

    def open(self, on_bytes: Callable[[bytes], None]) -> None:
        """Say where what clients write goes."""
        self._on_bytes = on_bytes

    def write(self, data: bytes) -> None:
        """Send to every client."""
        for writer in self._writers:
            writer.write(data)

    def close(self) -> None:
        """Hang up on everybody and stop listening."""
        for writer in self._writers:
            writer.close()
        if self._server is not None:
            self._server.close()

    async def listen(self) -> None:
        """Take a free port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def closed(self) -> None:
        """Wait until the port is free again."""
        await asyncio.gather(*(each.wait_closed() for each in self._writers), return_exceptions=True)
        if self._server is not None:
            await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        with suppress(ConnectionError):
            while data := await reader.read(_CHUNK):
                self._on_bytes(data)
        self._writers.discard(writer)
        writer.close()


class RtuOverTcp(RtuLine):
    """Modbus RTU slaves behind a terminal server.

    Args:
        wire: The bus behind it.
        baud: Its speed.
        traffic: Counts what passes.
    """

    def __init__(self, wire: Wire, *, baud: int, traffic: Traffic) -> None:
        self._server = _TerminalServer(baud)
        super().__init__(self._server, wire, baud=baud, traffic=traffic)

    @property
    def address(self) -> dict[str, object]:
        return self._server.address  # a client knows nothing of the speed behind it

    async def open(self) -> None:
        await self._server.listen()
        await super().open()

    async def close(self) -> None:
        await super().close()
        await self._server.closed()
