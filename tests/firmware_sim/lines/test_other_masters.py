"""Masters that are not ours read a simulated instrument: six of them in three languages, over TCP and RTU."""

import asyncio
import json
import os
import re
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from socket import create_connection

import minimalmodbus
import pytest
import serial
from modbus_tk import defines, modbus_rtu, modbus_tcp
from pyModbusTCP.client import ModbusClient
from umodbus.client import tcp as umodbus

from siloscope_firmware_sim.instruments.r4dcb08 import R4dcb08
from siloscope_firmware_sim.lines.pseudo_terminal import PseudoTerminal
from siloscope_firmware_sim.lines.rtu import RtuLine
from siloscope_firmware_sim.lines.tcp import TcpLine
from siloscope_firmware_sim.modbus.bus import SerialBus
from siloscope_firmware_sim.modbus.gateway import Gateway
from siloscope_process.clock import SystemClock
from tests.components import component_missing
from tests.modbuses import NODE_MODBUS, node

UNIT = 3
TOLD = [219, 0x8000, 0x10000 - 101]


class Uncounted:
    """Counts nothing."""

    def request(self, *, answered: bool) -> None: ...


def bus() -> SerialBus:
    return SerialBus([R4dcb08(UNIT, lambda: [21.9, None, -10.1])], baud=9600)


@pytest.fixture
async def tcp_port() -> AsyncIterator[int]:
    line = TcpLine("bench", Gateway(bus()), port=0, wished_port=0, clock=SystemClock(), traffic=Uncounted())
    await line.open()
    yield int(str(line.address["port"]))
    await line.close()


@pytest.fixture
async def serial_port(tmp_path: Path) -> AsyncIterator[str]:
    line = RtuLine(PseudoTerminal(tmp_path / "tty", baud=9600), bus(), baud=9600, traffic=Uncounted())
    await line.open()
    yield str(line.address["port"])
    await line.close()


def by_pymodbustcp(port: int) -> list[int] | None:
    client = ModbusClient("127.0.0.1", port, unit_id=UNIT, auto_open=True)
    words: list[int] | None = client.read_holding_registers(0, 3)
    client.close()
    return words


def by_modbus_tk(port: int) -> list[int]:
    master = modbus_tcp.TcpMaster("127.0.0.1", port, timeout_in_sec=5)
    words = master.execute(UNIT, defines.READ_HOLDING_REGISTERS, 0, 3)
    master.close()
    return list(words)


def by_umodbus(port: int) -> list[int]:
    with create_connection(("127.0.0.1", port), timeout=5) as connection:
        return list(umodbus.send_message(umodbus.read_holding_registers(UNIT, 0, 3), connection))


def by_modbus_serial(port: int) -> list[int]:
    command = [node(), str(NODE_MODBUS / "master.js"), str(port), str(UNIT), "0", "3"]
    found: list[int] = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return found


def by_mbpoll(port: int) -> list[int]:
    return mbpolled("-p", str(port), "127.0.0.1")


def by_mbpoll_over_rtu(port: str) -> list[int]:
    return mbpolled("-m", "rtu", "-b", "9600", "-P", "none", port)


def mbpolled(*where: str) -> list[int]:
    program = shutil.which("mbpoll")
    if program is None:
        component_missing(os.environ, "mbpoll", "no such program; Debian's package mbpoll")
    command = [program, "-0", "-1", "-a", str(UNIT), "-r", "0", "-c", "3", "-t", "4:hex", "-o", "5", *where]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [int(word, 16) for word in re.findall(r"^\[\d+\]:\s+0x([0-9A-F]{4})", said, re.MULTILINE)]


def by_modbus_tk_over_rtu(port: str) -> list[int]:
    with serial.Serial(port, 9600) as line:
        master = modbus_rtu.RtuMaster(line)
        master.set_timeout(5.0)
        return list(master.execute(UNIT, defines.READ_HOLDING_REGISTERS, 0, 3))


def by_minimalmodbus(port: str) -> list[int]:
    instrument = minimalmodbus.Instrument(port, UNIT)
    assert instrument.serial is not None
    instrument.serial.baudrate, instrument.serial.timeout = 9600, 5
    words: list[int] = instrument.read_registers(0, 3)
    instrument.serial.close()
    return words


@pytest.mark.parametrize("read", [by_pymodbustcp, by_modbus_tk, by_umodbus, by_modbus_serial, by_mbpoll])
async def test_over_tcp_others_read_what_the_instrument_says(
    tcp_port: int, read: Callable[[int], list[int] | None]
) -> None:
    assert await asyncio.to_thread(read, tcp_port) == TOLD


@pytest.mark.parametrize("read", [by_modbus_tk_over_rtu, by_minimalmodbus, by_mbpoll_over_rtu])
async def test_over_a_serial_line_others_read_what_the_instrument_says(
    serial_port: str, read: Callable[[str], list[int]]
) -> None:
    assert await asyncio.to_thread(read, serial_port) == TOLD


async def test_a_refusal_is_told_to_others_as_such(tcp_port: int) -> None:
    command = [node(), str(NODE_MODBUS / "master.js"), str(tcp_port), str(UNIT), "32", "1"]
    said = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=True)
    assert json.loads(said.stdout) == {"refused": 2}
