"""Modbus TCP devices that cost little: each a port of its own with holding registers that hold floats. A process.

Takes as arguments how many devices and how many floats each; says their ports, a JSON list, when all of them listen.
"""

import asyncio
import json
import struct
import sys
import time
from functools import partial
from random import Random

_HEAD = struct.Struct(">HHHBBHH")
_VARIANTS = 16
_HOLDING = 3


def registers(floats: int, random: Random) -> list[bytes]:
    """Return contents that follow one another, a second each: temperatures that move by tenths."""
    values = [round(random.uniform(5, 25), 1) for _ in range(floats)]
    found = []
    for _ in range(_VARIANTS):
        values = [round(value + random.choice((-0.1, 0.1)), 1) for value in values]
        found.append(struct.pack(f">{floats}f", *values))
    return found


class _Device(asyncio.Protocol):
    """Answers reads of holding registers, and nothing else; each unit id has contents of its own."""

    def __init__(self, device: int, floats: int, units: dict[int, list[bytes]]) -> None:
        self._device, self._floats, self._units = device, floats, units
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        variant = int(time.monotonic()) % _VARIANTS
        assert self._transport is not None
        for at in range(0, len(data) - _HEAD.size + 1, _HEAD.size):
            transaction, _, _, unit, function, address, count = _HEAD.unpack_from(data, at)
            if unit not in self._units:
                self._units[unit] = registers(self._floats, Random(self._device << 8 | unit))
            content = self._units[unit][variant]
            wanted = content[2 * address : 2 * (address + count)]
            if function != _HOLDING or len(wanted) != 2 * count:
                self._transport.write(struct.pack(">HHHBBB", transaction, 0, 3, unit, function | 0x80, 2))
                continue
            head = struct.pack(">HHHBBB", transaction, 0, 3 + len(wanted), unit, function, len(wanted))
            self._transport.write(head + wanted)


async def serve(devices: int, floats: int) -> None:
    """Answer until killed."""
    loop = asyncio.get_running_loop()
    ports = []
    for device in range(devices):
        units: dict[int, list[bytes]] = {}
        server = await loop.create_server(partial(_Device, device, floats, units), "127.0.0.1", 0)
        ports.append(server.sockets[0].getsockname()[1])
    print(json.dumps(ports), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(*map(int, sys.argv[1:])))
