"""A serial line with Modbus RTU slaves on a pseudo-terminal."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from siloscope_firmware_sim.lines.traffic import Traffic
from siloscope_firmware_sim.modbus.bus import Wire
from siloscope_firmware_sim.modbus.framing import RequestBuffer, silence_s

_LEAST_TIMER_S = 0.004
_SPONTANEOUS_EVERY_S = 0.5


class Terminal(Protocol):
    """The port of a line: a pseudo-terminal, or a terminal server."""

    @property
    def address(self) -> dict[str, object]:
        """Where a reader finds it."""
        ...

    @property
    def baud(self) -> int:
        """The speed that the reader has set."""
        ...

    def open(self, on_bytes: Callable[[bytes], None]) -> None:
        """Make it; what a reader writes goes to ``on_bytes``."""
        ...

    def write(self, data: bytes) -> None:
        """Send to the reader."""
        ...

    def close(self) -> None:
        """Take it away."""
        ...


class RtuLine:
    """Reads requests, waits as long as the wire and the slave would, writes answers.

    Args:
        terminal: The port.
        wire: The bus behind it.
        baud: Its speed; a reader at another one hears nothing.
        traffic: Counts what passes.
    """

    def __init__(self, terminal: Terminal, wire: Wire, *, baud: int, traffic: Traffic) -> None:
        self._terminal = terminal
        self._wire = wire
        self._baud = baud
        self._traffic = traffic
        self._buffer = RequestBuffer()
        self._timer: asyncio.TimerHandle | None = None
        self._clockwork: asyncio.TimerHandle | None = None
        self._silence_s = max(silence_s(baud), _LEAST_TIMER_S)

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
        for handle in (self._timer, self._clockwork):
            if handle is not None:
                handle.cancel()
        self._terminal.close()

    def _arrived(self, chunk: bytes) -> None:
        if self._timer is not None:
            self._timer.cancel()
        frame = self._buffer.feed(chunk)
        if frame is None:
            self._timer = asyncio.get_running_loop().call_later(self._silence_s, self._silent)
        else:
            self._request(frame)

    def _silent(self) -> None:
        self._request(self._buffer.end())

    def _request(self, frame: bytes) -> None:
        answer = self._wire.exchange(frame) if self._terminal.baud == self._baud else None
        self._traffic.request(answered=answer is not None)
        if answer is not None:
            asyncio.get_running_loop().call_later(answer.after_s, self._terminal.write, answer.frame)

    def _wind(self) -> None:
        for frame in self._wire.spontaneous(_SPONTANEOUS_EVERY_S):
            self._terminal.write(frame)
        self._clockwork = asyncio.get_running_loop().call_later(_SPONTANEOUS_EVERY_S, self._wind)
