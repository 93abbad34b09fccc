"""A serial line with a weather transmitter that talks in lines of ASCII."""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from siloscope_firmware_sim.lines.pseudo_terminal import PseudoTerminal
from siloscope_firmware_sim.lines.traffic import Traffic
from siloscope_firmware_sim.modbus.framing import on_the_wire_s

_END = b"\r\n"
_LONGEST_COMMAND = 128
_TURNAROUND_S = 0.02


class Talker(Protocol):
    """What a line needs of an instrument that talks in lines."""

    def answer(self, line: bytes) -> bytes | None:
        """Return the answer to a command without its CR LF; None is silence."""
        ...


class AsciiLine:
    """Reads commands up to CR LF and writes the transmitter's answers.

    Args:
        terminal: The port.
        transmitters: What hangs on it.
        baud: Its speed; a reader at another one hears nothing.
        traffic: Counts what passes.
    """

    def __init__(
        self, terminal: PseudoTerminal, transmitters: Sequence[Talker], *, baud: int, traffic: Traffic
    ) -> None:
        self._terminal = terminal
        self._transmitters = transmitters
        self._baud = baud
        self._traffic = traffic
        self._bytes = bytearray()

    @property
    def address(self) -> dict[str, object]:
        """Where a reader finds it."""
        return {"port": str(self._terminal.link), "baud": self._baud}

    async def open(self) -> None:
        """Make the port."""
        self._terminal.open(self._arrived)

    async def close(self) -> None:
        """Take the port away."""
        self._terminal.close()

    def _arrived(self, chunk: bytes) -> None:
        self._bytes += chunk
        *lines, rest = bytes(self._bytes).split(_END)
        self._bytes = bytearray(rest[-_LONGEST_COMMAND:])
        for line in lines:
            self._command(line)

    def _command(self, line: bytes) -> None:
        heard = self._terminal.baud == self._baud
        answers = [each.answer(line) for each in self._transmitters] if heard else []
        answer = b"".join(each for each in answers if each is not None)
        self._traffic.request(answered=bool(answer))
        if answer:
            after_s = _TURNAROUND_S + on_the_wire_s(len(line) + len(_END) + len(answer), self._baud)
            asyncio.get_running_loop().call_later(after_s, self._terminal.write, answer)
