"""SenseAir S8: CO2 by infrared absorption. It answers any master that calls 0xFE, so it wants a bus of its own.

FC04: 0x0000 meter status, 0x0001 alarm status, 0x0002 output status, 0x0003 CO2 ppm; the registers behind are reserved
and answered with an illegal address. FC03/06: 0x0000 acknowledgement, 0x0001 command, 0x001F period of the automatic
baseline correction in hours (0 = off).
"""

from collections import ChainMap
from collections.abc import Callable, MutableMapping, Sequence

from siloscope_firmware_sim.errors import ModbusRefusal
from siloscope_firmware_sim.modbus.requests import (
    ILLEGAL_ADDRESS,
    ILLEGAL_VALUE,
    READ_HOLDING,
    READ_INPUT,
    WRITE_ONE,
    Device,
    Words,
)

ANY_ADDRESS = 0xFE
_ACKNOWLEDGEMENT = 0x0000
_COMMAND = 0x0001
_BASELINE_PERIOD = 0x001F
_FACTORY_PERIOD_H = 180
_LONGEST_PERIOD_H = 4800
_HIGHEST_PPM = 10_000
_OUT_OF_RANGE = 0x0020
_CALIBRATIONS = {0x7C06: 0x0020, 0x7C07: 0x0040}  # background and zero, with the bits that acknowledge them


class SenseairS8:
    """One CO2 sensor.

    Args:
        co2_ppm: Returns the concentration at the sensor.
        unit_id: Its own address beside 0xFE; as delivered it has none.
        memory: Registers that a master wrote, kept without power.
    """

    functions = frozenset((READ_HOLDING, READ_INPUT, WRITE_ONE))
    most_registers = 8

    def __init__(
        self,
        co2_ppm: Callable[[], float],
        *,
        unit_id: int = ANY_ADDRESS,
        memory: MutableMapping[int, int] | None = None,
    ) -> None:
        delivered = {_ACKNOWLEDGEMENT: 0, _COMMAND: 0, _BASELINE_PERIOD: _FACTORY_PERIOD_H}
        self._co2_ppm = co2_ppm
        self._unit_id = unit_id
        self._holding = ChainMap({} if memory is None else memory, delivered)

    @property
    def device(self) -> Device:
        return self

    def hears(self, unit_id: int, pdu: bytes) -> bool:
        return unit_id in (ANY_ADDRESS, self._unit_id)

    def unasked(self, elapsed_s: float) -> bytes | None:
        return None

    def words(self, function: int) -> Words:
        if function == READ_HOLDING:
            return self._holding
        ppm = self._co2_ppm()
        status = _OUT_OF_RANGE if ppm > _HIGHEST_PPM else 0
        return {0x0000: status, 0x0001: 0, 0x0002: 0, 0x0003: round(min(max(ppm, 0.0), _HIGHEST_PPM))}

    def write(self, address: int, values: Sequence[int]) -> None:
        value = values[0]
        if address == _BASELINE_PERIOD:
            if value > _LONGEST_PERIOD_H:
                raise ModbusRefusal(ILLEGAL_VALUE)
            self._holding[address] = value
        elif address == _COMMAND:
            self._holding[_ACKNOWLEDGEMENT] |= _CALIBRATIONS.get(value, 0)
        elif address == _ACKNOWLEDGEMENT:
            self._holding[address] = value
        else:
            raise ModbusRefusal(ILLEGAL_ADDRESS)
