"""A port that is closed hangs up on everybody and leaves no task behind."""

import asyncio

import pytest

from siloscope_firmware_sim.instruments.line_talkers import GillWindsonic, Wind
from siloscope_firmware_sim.instruments.r4dcb08 import R4dcb08
from siloscope_firmware_sim.lines.stream import StreamServer
from siloscope_firmware_sim.lines.tcp import TcpLine
from siloscope_firmware_sim.lines.tcp_terminal import RtuOverTcp
from siloscope_firmware_sim.modbus.bus import SerialBus
from siloscope_firmware_sim.modbus.gateway import Gateway
from siloscope_process.clock import SystemClock

READ = bytes((3, 3, 0, 0, 0, 1, 0x85, 0xE8))


class Uncounted:
    """Counts nothing."""

    def request(self, *, answered: bool) -> None: ...


def stream() -> StreamServer:
    return StreamServer("bench", GillWindsonic(lambda: Wind(235, 0.77), polled=True), traffic=Uncounted())


def gateway() -> TcpLine:
    wire = SerialBus([R4dcb08(3, lambda: [21.9])], baud=9600)
    return TcpLine("bench", Gateway(wire), port=0, wished_port=0, clock=SystemClock(), traffic=Uncounted())


def terminal_server() -> RtuOverTcp:
    return RtuOverTcp(SerialBus([R4dcb08(3, lambda: [21.9])], baud=9600), baud=9600, traffic=Uncounted())


@pytest.mark.parametrize(
    ("line", "asked"),
    [
        (stream(), b"Q"),
        (gateway(), b"\0\1\0\0\0\6" + READ[:-2]),
        (terminal_server(), READ),
    ],
    ids=["stream", "gateway", "terminal server"],
)
async def test_a_client_that_stays_is_hung_up_on(line: StreamServer | TcpLine | RtuOverTcp, asked: bytes) -> None:
    others = asyncio.all_tasks()
    await line.open()
    reader, writer = await asyncio.open_connection("127.0.0.1", int(str(line.address["port"])))
    writer.write(asked)
    await reader.readexactly(5)
    await line.close()
    assert asyncio.all_tasks() == others
    async with asyncio.timeout(10):
        await reader.read()
    writer.close()
    await writer.wait_closed()
