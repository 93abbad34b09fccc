"""Eastron SDM120: single-phase energy meter, here the witness that a fan really ran.

FC04, IEEE-754 singles, high word first: 0x0000 V, 0x0006 A, 0x000C W, 0x0012 VA, 0x0018 var, 0x001E power factor,
0x0046 Hz, 0x0048 import kWh, 0x004A export kWh, 0x0156 total kWh. Registers in between read 0, so that a master may
fetch the block at once; a read must begin and end at a pair. FC03/16: 0x0012 parity, 0x0014 unit id, 0x001C baud code,
singles too.
"""

import math
from collections import ChainMap
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from typing import NamedTuple

from siloscope_firmware_sim.errors import ModbusRefusal
from siloscope_firmware_sim.instruments.words import float_high_first, from_float_high_first
from siloscope_firmware_sim.modbus.requests import (
    ILLEGAL_ADDRESS,
    ILLEGAL_VALUE,
    READ_HOLDING,
    READ_INPUT,
    WRITE_MANY,
    Device,
    Words,
)

_LAST_PAIR = 0x0156
_PARITY = 0x0012
_UNIT_ID = 0x0014
_BAUD = 0x001C
BAUD_CODES = {2400: 0, 4800: 1, 9600: 2, 1200: 5}
_ALLOWED = {_PARITY: range(4), _UNIT_ID: range(1, 248), _BAUD: frozenset(BAUD_CODES.values())}


class Mains(NamedTuple):
    """What flows through the meter: volts, amperes, watts, hertz, and kilowatt hours since it was fitted."""

    voltage_v: float
    current_a: float
    power_w: float
    frequency_hz: float
    energy_kwh: float


class Sdm120:
    """One energy meter.

    Args:
        unit_id: Its address.
        mains: Returns what flows.
        baud: Speed that the baud register shows.
        memory: Settings that a master wrote, by address of their pair, kept without power.
    """

    functions = frozenset((READ_HOLDING, READ_INPUT, WRITE_MANY))
    most_registers = 80

    def __init__(
        self,
        unit_id: int,
        mains: Callable[[], Mains],
        *,
        baud: int = 9600,
        memory: MutableMapping[int, int] | None = None,
    ) -> None:
        delivered = {_PARITY: 0, _UNIT_ID: unit_id, _BAUD: BAUD_CODES[baud]}
        self._mains = mains
        self._settings = ChainMap({} if memory is None else memory, delivered)

    @property
    def device(self) -> Device:
        return self

    def hears(self, unit_id: int, pdu: bytes) -> bool:
        return unit_id == self._settings[_UNIT_ID]

    def unasked(self, elapsed_s: float) -> bytes | None:
        return None

    def words(self, function: int) -> Words:
        if function == READ_HOLDING:
            return _Pairs(self._settings)
        mains = self._mains()
        apparent_va = mains.voltage_v * mains.current_a
        measured = {
            0x0000: mains.voltage_v,
            0x0006: mains.current_a,
            0x000C: mains.power_w,
            0x0012: apparent_va,
            0x0018: math.sqrt(max(apparent_va**2 - mains.power_w**2, 0.0)),
            0x001E: mains.power_w / apparent_va if apparent_va > 0 else 1.0,
            0x0046: mains.frequency_hz,
            0x0048: mains.energy_kwh,
            0x0156: mains.energy_kwh,
        }
        return _Pairs(dict.fromkeys(range(0, _LAST_PAIR + 2, 2), 0.0) | measured)

    def write(self, address: int, values: Sequence[int]) -> None:
        if address not in self._settings or len(values) != 2:
            raise ModbusRefusal(ILLEGAL_ADDRESS)
        value = from_float_high_first(*values)
        if not value.is_integer() or int(value) not in _ALLOWED[address]:
            raise ModbusRefusal(ILLEGAL_VALUE)
        self._settings[address] = int(value)


class _Pairs(dict[int, int]):
    """Singles spread over their two registers."""

    def __init__(self, singles: Mapping[int, float]) -> None:
        super().__init__()
        for address, value in singles.items():
            self[address], self[address + 1] = float_high_first(value)
