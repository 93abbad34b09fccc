"""Whoever needs RTS to turn an RS-485 transceiver has the kernel do it; a port that cannot is unavailable."""

import fcntl
from collections.abc import AsyncIterator
from typing import Any

import pytest
import serial.serialposix

from siloscope_edge.drivers.modbus.lines import ModbusRtu
from siloscope_edge.drivers.modbus.port import ModbusBus
from siloscope_edge.errors import PortUnavailable
from siloscope_edge.wires import SerialLine, Wire
from siloscope_process.clock import SystemClock
from tests.edge.drivers.fake_line import FakeTerminal, Tally

ASKS, TELLS = 0x542E, 0x542F  # TIOCGRS485, TIOCSRS485
ENABLED, ON_SEND, AFTER_SEND = 1, 2, 4
WORDS = [("rts_high", ENABLED | ON_SEND), ("rts_low", ENABLED | AFTER_SEND)]


@pytest.fixture
async def terminal() -> AsyncIterator[FakeTerminal]:
    made = FakeTerminal(lambda data: b"")
    yield made
    made.close()


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A kernel that can, and the flags that it is told."""
    flags: list[int] = []
    real = fcntl.ioctl

    def ioctl(descriptor: Any, request: int, argument: Any = 0, *rest: Any) -> Any:
        if request == TELLS:
            flags.append(argument[0])
        return 0 if request in (ASKS, TELLS) else real(descriptor, request, argument, *rest)

    monkeypatch.setattr(serial.serialposix.fcntl, "ioctl", ioctl)
    return flags


@pytest.mark.parametrize(("rs485", "flags"), WORDS)
async def test_the_kernel_is_told_the_level_while_sending(
    terminal: FakeTerminal, told: list[int], rs485: Any, flags: int
) -> None:
    wire = Wire(SerialLine(terminal.port, rs485=rs485))
    await wire.open()
    wire.close()
    bus = ModbusBus(ModbusRtu(terminal.port, rs485=rs485), [], SystemClock(), Tally())
    await bus.open()
    bus.close()
    assert told == [flags, flags]


async def test_a_transceiver_that_finds_the_direction_itself_is_left_alone(
    terminal: FakeTerminal, told: list[int]
) -> None:
    wire = Wire(SerialLine(terminal.port))
    await wire.open()
    wire.close()
    assert told == []


async def test_a_port_that_cannot_is_unavailable(terminal: FakeTerminal) -> None:
    wire = Wire(SerialLine(terminal.port, rs485="rts_high"))
    with pytest.raises(PortUnavailable, match="RS485"):
        await wire.open()
    assert not wire.is_open
    bus = ModbusBus(ModbusRtu(terminal.port, rs485="rts_low"), [], SystemClock(), Tally())
    with pytest.raises(PortUnavailable, match="RS485"):
        await bus.open()
    assert not bus.is_open
