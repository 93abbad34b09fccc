"""A Modbus TCP host whose units answer, refuse, lie or keep silent, as told."""

import asyncio
import struct
from collections.abc import Callable

from tests.edge.drivers.fake_port import FakePort

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


class FakeModbusHost(FakePort):
    """Listens on 127.0.0.1; unit ids that are not named keep silent."""

    def __init__(self, units: dict[int, Answer]) -> None:
        super().__init__()
        self.units = units
        self.requests: list[tuple[int, int, int, int]] = []
        self._asked = asyncio.Condition()

    async def until_asked(self, times: int) -> None:
        """Wait for so many further requests."""
        target = len(self.requests) + times
        async with asyncio.timeout(20), self._asked:
            await self._asked.wait_for(lambda: len(self.requests) >= target)

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
