"""Ports of instruments that are neither Modbus nor Vaisala: bytes in, bytes out, and what they say by themselves."""

import asyncio
import errno
from contextlib import suppress
from typing import Protocol

from siloscope_firmware_sim.errors import PortTaken
from siloscope_firmware_sim.lines.rtu import Terminal
from siloscope_firmware_sim.lines.traffic import Traffic

_TICK_S = 0.1
_CHUNK = 4096


class Instrument(Protocol):
    """What such a port needs of an instrument."""

    def feed(self, data: bytes) -> bytes:
        """Take what came, and return what is answered."""
        ...

    def unasked(self, elapsed_s: float) -> bytes:
        """Return what it says by itself, ``elapsed_s`` after it was last asked for it."""
        ...


class StreamTerminal:
    """A serial port with one instrument.

    Args:
        terminal: The port.
        instrument: What hangs on it.
        baud: Its speed; a reader at another one hears nothing.
        traffic: Counts what passes.
    """

    def __init__(self, terminal: Terminal, instrument: Instrument, *, baud: int, traffic: Traffic) -> None:
        self._terminal = terminal
        self._instrument = instrument
        self._baud = baud
        self._traffic = traffic
        self._clockwork: asyncio.TimerHandle | None = None

    @property
    def address(self) -> dict[str, object]:
        """Where a reader finds it."""
        return {**self._terminal.address, "baud": self._baud}

    async def open(self) -> None:
        """Make the port."""
        self._terminal.open(self._arrived)
        self._wind()

    async def close(self) -> None:
        """Take the port away."""
        if self._clockwork is not None:
            self._clockwork.cancel()
        self._terminal.close()

    def _arrived(self, data: bytes) -> None:
        answer = self._instrument.feed(data) if self._terminal.baud == self._baud else b""
        self._traffic.request(answered=bool(answer))
        if answer:
            self._terminal.write(answer)

    def _wind(self) -> None:
        if (said := self._instrument.unasked(_TICK_S)) and self._terminal.baud == self._baud:
            self._terminal.write(said)
        self._clockwork = asyncio.get_running_loop().call_later(_TICK_S, self._wind)


class StreamServer:
    """The same behind a TCP port of 127.0.0.1, as a terminal server or a network logger has it.

    Args:
        bus: Its name, for messages.
        instrument: What answers.
        port: Port to listen on; 0 takes a free one.
        fixed: Whether it must be that one; else another is as good where it is taken.
        traffic: Counts what passes.
    """

    def __init__(
        self, bus: str, instrument: Instrument, *, port: int = 0, fixed: bool = False, traffic: Traffic
    ) -> None:
        self._bus = bus
        self._instrument = instrument
        self._port = port
        self._fixed = fixed
        self._traffic = traffic
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def address(self) -> dict[str, object]:
        """Where a reader finds it; valid once it is open."""
        return {"host": "127.0.0.1", "port": self._port}

    async def open(self) -> None:
        """Listen.

        Raises:
            PortTaken: The world gives it a port and somebody else has it.
        """
        try:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)
        except OSError as error:
            if self._fixed or error.errno != errno.EADDRINUSE:
                raise PortTaken(self._bus, f"127.0.0.1:{self._port}", error.strerror or str(error)) from error
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self._port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stop listening and hang up on everybody."""
        if self._server is None:
            return
        self._server.close()
        writers = list(self._writers)
        for writer in writers:
            writer.close()
        await asyncio.gather(*(each.wait_closed() for each in writers), return_exceptions=True)
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        with suppress(ConnectionError):
            while data := await reader.read(_CHUNK):
                answer = self._instrument.feed(data)
                self._traffic.request(answered=bool(answer))
                writer.write(answer)
        self._writers.discard(writer)
        writer.close()
