"""XY-MD02: temperature and humidity of the air (SHT20 element).

FC04: 0x0001 temperature, 0x0002 humidity, both in tenths. FC03/06/16: 0x0101 unit id, 0x0102 baud code, 0x0103 and
0x0104 corrections in tenths.
"""

from collections import ChainMap
from collections.abc import Callable, MutableMapping, Sequence
from typing import NamedTuple

from siloscope_firmware_sim.errors import ModbusRefusal
from siloscope_firmware_sim.instruments.words import signed, tenths
from siloscope_firmware_sim.modbus.requests import (
    ILLEGAL_ADDRESS,
    ILLEGAL_VALUE,
    READ_HOLDING,
    READ_INPUT,
    WRITE_MANY,
    WRITE_ONE,
    Device,
    Words,
)

_UNIT_ID = 0x0101
_BAUD = 0x0102
_CORRECTION_C = 0x0103
_CORRECTION_PCT = 0x0104
BAUD_CODES = {9600: 0, 14400: 1, 19200: 2}
_CORRECTIONS = frozenset((*range(101), *range(0x10000 - 100, 0x10000)))  # -10.0 to 10.0


class Air(NamedTuple):
    """Air as the element feels it: degrees Celsius, percent relative humidity."""

    temperature_c: float
    humidity_pct: float


class XyMd02:
    """One temperature and humidity transmitter.

    Args:
        unit_id: Its address.
        air: Returns the air around it.
        baud: Speed that the baud register shows.
        memory: Registers that a master wrote, kept without power.
    """

    functions = frozenset((READ_HOLDING, READ_INPUT, WRITE_ONE, WRITE_MANY))
    most_registers = 125

    def __init__(
        self, unit_id: int, air: Callable[[], Air], *, baud: int = 9600, memory: MutableMapping[int, int] | None = None
    ) -> None:
        delivered = {_UNIT_ID: unit_id, _BAUD: BAUD_CODES[baud], _CORRECTION_C: 0, _CORRECTION_PCT: 0}
        self._air = air
        self._holding = ChainMap({} if memory is None else memory, delivered)

    @property
    def device(self) -> Device:
        return self

    def hears(self, unit_id: int, pdu: bytes) -> bool:
        return unit_id == self._holding[_UNIT_ID]

    def unasked(self, elapsed_s: float) -> bytes | None:
        return None

    def words(self, function: int) -> Words:
        if function == READ_HOLDING:
            return self._holding
        air = self._air()
        humidity = air.humidity_pct + signed(self._holding[_CORRECTION_PCT]) / 10
        return {
            0x0001: tenths(air.temperature_c + signed(self._holding[_CORRECTION_C]) / 10),
            0x0002: tenths(min(max(humidity, 0.0), 100.0)),
        }

    def write(self, address: int, values: Sequence[int]) -> None:
        wanted = dict(enumerate(values, start=address))
        if not wanted.keys() <= self._holding.keys():
            raise ModbusRefusal(ILLEGAL_ADDRESS)
        if any(value not in _allowed(each) for each, value in wanted.items()):
            raise ModbusRefusal(ILLEGAL_VALUE)
        self._holding.update(wanted)


def _allowed(address: int) -> range | frozenset[int]:
    return {_UNIT_ID: range(1, 248), _BAUD: range(3)}.get(address, _CORRECTIONS)
