"""The two ends of a wire: a serial port, or a TCP connection that stands for one.

A wire carries bytes and knows nothing of protocols. Its descriptor is watched by the event loop: no thread, nothing to
wait for at the end.
"""

import asyncio
import os
from collections.abc import Callable
from typing import Annotated, Literal, Self, TypeVar

import serial
from msgspec import Meta, Struct
from msgspec.structs import replace
from serial.rs485 import RS485Settings

from siloscope_edge.adapters import USB, PortFinder
from siloscope_edge.errors import PortUnavailable

T = TypeVar("T")
Take = Callable[[bytearray], T | None]
"""Takes what it wants from the front of what was received; None: not yet whole."""

TcpPort = Annotated[int, Meta(ge=1, le=65535)]
MOST_BYTES = 4096
"""No frame or line is that long: what is older than this is noise."""
_CONNECT_TIMEOUT_S = 3.0
_CHUNK = 4096


class SerialLine(Struct, frozen=True, forbid_unknown_fields=True):
    """A serial port of this computer; best by an id that stays: /dev/serial/by-id/… or ``usb:<vendor>:<product>``.

    Attributes:
        rs485: Has the kernel turn an RS-485 transceiver by RTS: its level while sending. A transceiver that finds the
            direction itself needs nothing.
    """

    port: str
    baud: Annotated[int, Meta(ge=300, le=1_000_000)] = 9600
    parity: Literal["N", "E", "O"] = "N"
    stop_bits: Literal[1, 2] = 1
    data_bits: Literal[7, 8] = 8
    rs485: Literal["rts_high", "rts_low"] | None = None

    @property
    def end(self) -> object:
        """What only one owner may have."""
        return os.path.realpath(self.port)

    @property
    def where(self) -> str:
        """Where it is, for people."""
        return self.port

    def based(self, directory: str) -> Self:
        """Return it with a relative path made absolute."""
        return self if self.port.startswith(USB) else replace(self, port=os.path.join(directory, self.port))


class TcpLine(Struct, frozen=True, forbid_unknown_fields=True):
    """A TCP host, or a terminal server with a serial line behind it."""

    host: str
    port: TcpPort

    @property
    def end(self) -> object:
        """What only one owner may have."""
        return self.host, self.port

    @property
    def where(self) -> str:
        """Where it is, for people."""
        return f"{self.host}:{self.port}"

    def based(self, directory: str) -> Self:
        """Return it as it is: a host has no path."""
        return self


Line = SerialLine | TcpLine


def turned_by_rts(port: serial.Serial, line: SerialLine) -> None:
    """Have the kernel turn the transceiver of an open port, where its line says so (`TIOCSRS485`).

    Raises:
        ValueError: The port's driver cannot.
    """
    if line.rs485 is not None:
        high = line.rs485 == "rts_high"
        port.rs485_mode = RS485Settings(rts_level_for_tx=high, rts_level_for_rx=not high)


class Wire:
    """Bytes in both directions; one owner, who asks one thing at a time.

    Args:
        line: Where it is.
    """

    def __init__(self, line: Line) -> None:
        self.where = line.where
        self._line = line
        self._finder = PortFinder(line.port) if isinstance(line, SerialLine) else None
        self._port: serial.Serial | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._pump: asyncio.Task[None] | None = None
        self._buffer = bytearray()
        self._arrived: asyncio.Future[None] | None = None

    @property
    def is_open(self) -> bool:
        """Whether it can be written to."""
        return self._port is not None or self._writer is not None

    @property
    def waiting(self) -> int:
        """How many bytes have come that nobody took."""
        return len(self._buffer)

    async def open(self) -> None:
        """Open it anew.

        Raises:
            PortUnavailable: It cannot be opened now.
        """
        self.close()
        if isinstance(self._line, TcpLine):
            await self._connect(self._line)
        else:
            self._open_port(self._line)

    def close(self) -> None:
        """Close it; closing a closed one is harmless."""
        if self._port is not None:
            asyncio.get_running_loop().remove_reader(self._port.fileno())
            self._port.close()
            self._port = None
        if self._pump is not None:
            self._pump.cancel()
            self._pump = None
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        self._buffer.clear()
        self._wake()

    def write(self, data: bytes) -> None:
        """Send.

        Raises:
            PortUnavailable: The port is gone.
        """
        try:
            if self._port is not None:
                self._port.write(data)
            elif self._writer is not None:
                self._writer.write(data)
            else:
                raise PortUnavailable(f"{self.where}: the port is gone")
        except OSError as error:  # SerialException is one
            self.close()
            raise PortUnavailable(f"{self.where}: {error}") from error

    def forget(self) -> bytes:
        """Drop what came unasked, and return it."""
        self._readable()  # what the kernel holds came before now too
        dropped = bytes(self._buffer)
        self._buffer.clear()
        return dropped

    async def take(self, take: Take[T], timeout_s: float) -> T:
        """Return what ``take`` finds in what comes.

        Raises:
            TimeoutError: It found nothing in time; what came is still there.
            PortUnavailable: The port vanished.
        """
        async with asyncio.timeout(timeout_s):
            while True:
                if (found := take(self._buffer)) is not None:
                    return found
                if not self.is_open:
                    raise PortUnavailable(f"{self.where}: the port is gone")
                self._arrived = asyncio.get_running_loop().create_future()
                await self._arrived

    def _open_port(self, line: SerialLine) -> None:
        path = self._finder.path() if self._finder is not None else line.port
        try:
            self._port = serial.Serial(
                path,
                baudrate=line.baud,
                parity=line.parity,
                stopbits=line.stop_bits,
                bytesize=line.data_bits,
                timeout=0,
                write_timeout=0,
                exclusive=True,
            )
            turned_by_rts(self._port, line)
        except (OSError, ValueError) as error:  # pyserial raises both, for a port that is not there or is locked
            if self._port is not None:
                self._port.close()
                self._port = None
            raise PortUnavailable(f"{line.port}: {error}") from error
        asyncio.get_running_loop().add_reader(self._port.fileno(), self._readable)

    async def _connect(self, line: TcpLine) -> None:
        try:
            async with asyncio.timeout(_CONNECT_TIMEOUT_S):
                reader, self._writer = await asyncio.open_connection(line.host, line.port)
        except OSError as error:  # TimeoutError is one
            raise PortUnavailable(f"{self.where}: {error or 'no connection'}") from error
        self._pump = asyncio.create_task(self._pumped(reader, self._writer))

    async def _pumped(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(_CHUNK):
                self._received(data)
        except OSError:
            pass  # the same as an end: the next one who asks is told
        if self._writer is writer:
            self._pump = None  # a task cannot cancel itself
            self.close()

    def _readable(self) -> None:
        if self._port is None:
            return
        try:
            data = self._port.read(_CHUNK)
        except OSError:
            self.close()
            return
        self._received(data)

    def _received(self, data: bytes) -> None:
        self._buffer += data
        if len(self._buffer) > MOST_BYTES:
            del self._buffer[:-MOST_BYTES]
        self._wake()

    def _wake(self) -> None:
        if self._arrived is not None and not self._arrived.done():
            self._arrived.set_result(None)
