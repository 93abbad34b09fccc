"""Serial ports behind USB adapters that can be pulled and come back under another name, in the place of pyserial's."""

import asyncio
import random
import socket
from collections import deque
from collections.abc import Callable
from pathlib import Path

import serial

LATENCY_S = 0.016
"""An FTDI adapter hands over what it has at most so much later, unless somebody sets its timer."""


class Ports:
    """The ports of one computer."""

    def __init__(self) -> None:
        self._plugged: dict[str, UsbTerminal] = {}
        self._next = 0

    def plug(self, terminal: "UsbTerminal") -> None:
        """Give an adapter the next name."""
        terminal.device = f"/dev/ttyUSB{self._next}"
        self._plugged[terminal.device] = terminal
        terminal.plugged_s = asyncio.get_running_loop().time()
        self._next += 1

    def pull(self, terminal: "UsbTerminal") -> None:
        """Take an adapter away."""
        del self._plugged[terminal.device]
        terminal.hang_up()

    def listing(self) -> list["UsbTerminal"]:
        """Return what pyserial would list."""
        return list(self._plugged.values())

    def opened(self, port: str, baudrate: int = 9600, **_: object) -> "VirtualSerial":
        """Open a port, as `serial.Serial` does."""
        if port not in self._plugged:
            raise serial.SerialException(2, f"could not open port {port}: no such device")
        return self._plugged[port].opened(baudrate)


class UsbTerminal:
    """A line behind an adapter: what `siloscope_firmware_sim.lines` needs of a port, and what pyserial lists.

    Args:
        number: Serial number of the adapter.
        latency_s: How much later what came is handed over.
        seed: For where what came is cut in two.
    """

    vid, pid, location = 0x0403, 0x6001, None

    def __init__(self, number: str, seed: int, latency_s: float = LATENCY_S) -> None:
        self.serial_number = number
        self.device = ""
        self.baud = 0
        self.plugged_s = 0.0
        self._latency_s = latency_s
        self._chance = random.Random(seed)
        self._on_bytes: Callable[[bytes], None] = lambda data: None
        self._ours: socket.socket | None = None
        self._queue = deque[tuple[bytes, socket.socket | None]]()
        self._queue_until_s = 0.0

    @property
    def is_read(self) -> bool:
        """Whether a reader has it open."""
        return self._ours is not None

    @property
    def link(self) -> Path:
        """Where a reader finds it now."""
        return Path(self.device)

    @property
    def address(self) -> dict[str, object]:
        """The same, as a configuration says it."""
        return {"port": f"usb:0403:6001:{self.serial_number}"}

    def open(self, on_bytes: Callable[[bytes], None]) -> None:
        """Say where what a reader writes goes."""
        self._on_bytes = on_bytes

    def close(self) -> None:
        """Nothing is left to do: the adapter is somebody else's."""

    def write(self, data: bytes) -> None:
        """Hand over what came on the line: in two pieces, and later."""
        loop = asyncio.get_running_loop()
        at_s = max(loop.time(), self._queue_until_s)
        cut = self._chance.randint(0, len(data))
        self._queue_until_s = at_s + self._latency_s
        self._queue += ((data[:cut], self._ours), (data[cut:], self._ours))
        for due_s in (at_s, self._queue_until_s):
            loop.call_at(due_s, self._deliver)  # timers that are equal have no order; what is in the queue has

    def opened(self, baud: int) -> "VirtualSerial":
        """Return a reader's end."""
        if self._ours is not None:
            raise serial.SerialException(11, f"could not exclusively lock port {self.device}")
        self.baud = baud
        self._ours, theirs = socket.socketpair()
        for each in (self._ours, theirs):
            each.setblocking(False)
        asyncio.get_running_loop().add_reader(self._ours, self._arrived, self._ours)
        return VirtualSerial(theirs)

    def hang_up(self) -> None:
        """Let the reader's end see that the adapter is gone."""
        if self._ours is not None:
            asyncio.get_running_loop().remove_reader(self._ours)
            self._ours.close()
            self._ours = None

    def _arrived(self, end: socket.socket) -> None:
        try:
            data = end.recv(4096)
        except OSError:
            data = b""
        if not data:
            self.hang_up()
            return
        self._heard(data)

    def _heard(self, data: bytes) -> None:
        self._on_bytes(data)

    def _deliver(self) -> None:
        data, end = self._queue.popleft()
        if data and end is not None and end is self._ours:
            end.send(data)


class VirtualSerial:
    """A reader's end of a port: as much of `serial.Serial` as is used of it."""

    def __init__(self, end: socket.socket) -> None:
        self._end: socket.socket | None = end
        self.timeout: float | None = 0
        self.write_timeout: float | None = 0

    def fileno(self) -> int:
        return self._living.fileno()

    @property
    def in_waiting(self) -> int:
        try:
            return len(self._living.recv(4096, socket.MSG_PEEK))
        except BlockingIOError:
            return 0

    def read(self, size: int = 1) -> bytes:
        try:
            data = self._living.recv(size)
        except BlockingIOError:
            return b""
        except OSError as error:
            raise serial.SerialException(f"read failed: {error}") from error
        if not data:
            raise serial.SerialException("device reports readiness to read but returned no data (device disconnected?)")
        return data

    def write(self, data: bytes) -> int:
        try:
            return self._living.send(data)
        except OSError as error:
            raise serial.SerialException(f"write failed: {error}") from error

    def close(self) -> None:
        if self._end is not None:
            self._end.close()
            self._end = None

    @property
    def _living(self) -> socket.socket:
        if self._end is None:
            raise serial.PortNotOpenError
        return self._end
