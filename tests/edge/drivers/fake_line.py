"""The instrument's end of a line: a pseudo-terminal, or a TCP port that stands for a terminal server."""

import asyncio
import os
import tty
from collections.abc import Callable
from contextlib import suppress

from siloscope_edge.errors import Trouble
from tests.edge.drivers.fake_port import FakePort

Answer = Callable[[bytes], bytes]
"""What was sent → what comes back; nothing for silence."""


class Tally(list[tuple[str, Trouble]]):
    """Notes troubles, as a driver asks for."""

    def __call__(self, device: str, trouble: Trouble) -> None:
        self.append((device, trouble))

    @property
    def kinds(self) -> list[Trouble]:
        """What went wrong, whoever met it."""
        return [trouble for _, trouble in self]


class FakeTerminal:
    """A pseudo-terminal; open from the start."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.heard: list[bytes] = []
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        asyncio.get_running_loop().add_reader(self._master, self._readable)

    @property
    def port(self) -> str:
        """The name of the device file."""
        return os.ttyname(self._slave)

    def say(self, data: bytes) -> None:
        """Send something unasked."""
        os.write(self._master, data)

    def say_soon(self, data: bytes) -> None:
        """Send it when the reader has begun to wait."""
        asyncio.get_running_loop().call_later(0.03, self.say, data)

    def close(self) -> None:
        """Unplug it."""
        asyncio.get_running_loop().remove_reader(self._master)
        os.close(self._master)
        os.close(self._slave)

    def _readable(self) -> None:
        data = os.read(self._master, 4096)
        self.heard.append(data)
        if answer := self.answer(data):
            os.write(self._master, answer)


class FakeServer(FakePort):
    """A terminal server."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer = answer
        self.heard: list[bytes] = []

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        with suppress(ConnectionError):
            while data := await reader.read(4096):
                self.heard.append(data)
                writer.write(self.answer(data))
        self._writers.discard(writer)
        writer.close()
