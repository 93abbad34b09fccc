"""A Modbus TCP host whose units answer, refuse, lie or keep silent, as told."""

import asyncio
import struct
from collections.abc import Callable

Answer = Callable[[int, int, int], bytes | None]
"""Function, address, count → the answer's PDU, or None for silence."""


def holding(words: dict[int, int]) -> Answer:
    """Return a unit that answers every read from these registers; 0 where none is named."""

    def answer(function: int, address: int, count: int) -> bytes:
        content = b"".join(struct.pack(">H", words.get(at, 0)) for at in range(address, address + count))
        return bytes([function, len(content)]) + content

    return answer


def refusing(code: int) -> Answer:
    """Return a unit that answers every request with an exception."""
    return lambda function, address, count: bytes([function | 0x80, code])


def silent(function: int, address: int, count: int) -> bytes | None:
    """Answer nothing."""
    return None


class FakeModbusHost:
    """Listens on 127.0.0.1; unit ids that are not named keep silent."""

    def __init__(self, units: dict[int, Answer]) -> None:
        self.units = units
        self.requests: list[tuple[int, int, int, int]] = []
        self.port = 0
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._asked = asyncio.Condition()

    async def until_asked(self, times: int) -> None:
        """Wait for so many further requests."""
        target = len(self.requests) + times
        async with asyncio.timeout(20), self._asked:
            await self._asked.wait_for(lambda: len(self.requests) >= target)

    async def start(self) -> None:
        """Listen, on the port of the last time if there was one."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close the port and every connection."""
        assert self._server is not None
        self._server.close()
        for writer in self._writers:
            writer.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while True:
                head = await reader.readexactly(8)
                transaction, _, _, unit, function = struct.unpack(">HHHBB", head)
                address, count = struct.unpack(">HH", await reader.readexactly(4))
                self.requests.append((unit, function, address, count))
                async with self._asked:
                    self._asked.notify_all()
                pdu = self.units.get(unit, silent)(function, address, count)
                if pdu is not None:
                    writer.write(struct.pack(">HHHB", transaction, 0, len(pdu) + 1, unit) + pdu)
                    await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()
