"""R4DCB08: eight DS18B20 probes on one head, the usual end of a temperature cable.

FC03/06. 0x0000-0x0007 temperatures, 0x0008-0x000F corrections, 0x00FD auto-report period, 0x00FE unit id,
0x00FF baud code. A probe that does not answer reads 0x8000. The unit id can be asked for by the address 0xFF.
"""

from collections import ChainMap
from collections.abc import Callable, MutableMapping, Sequence

from siloscope_firmware_sim.errors import ModbusRefusal
from siloscope_firmware_sim.instruments.words import signed, tenths
from siloscope_firmware_sim.modbus.requests import (
    ILLEGAL_ADDRESS,
    ILLEGAL_VALUE,
    READ_HOLDING,
    WRITE_ONE,
    Device,
    Words,
)

CHANNELS = 8
MISSING = 0x8000
ANY_ADDRESS = 0xFF
_CORRECTIONS = range(0x0008, 0x0010)
_AUTO_REPORT = 0x00FD
_UNIT_ID = 0x00FE
_BAUD = 0x00FF
BAUD_CODES = {1200: 0, 2400: 1, 4800: 2, 9600: 3, 19200: 4}
_PROBE_STEP_C = 0.0625
_ALLOWED = {_AUTO_REPORT: range(256), _UNIT_ID: range(1, 248), _BAUD: range(5)}
_ANY_WORD = range(0x10000)

Probes = Callable[[], Sequence[float | None]]


class R4dcb08:
    """One cable head.

    Args:
        unit_id: Its address.
        probes: Returns up to eight temperatures in °C; None, or no entry, is a probe that does not answer.
        baud: Speed that the baud register shows.
        memory: Registers that a master wrote, kept without power.
    """

    functions = frozenset((READ_HOLDING, WRITE_ONE))
    most_registers = 125

    def __init__(
        self, unit_id: int, probes: Probes, *, baud: int = 9600, memory: MutableMapping[int, int] | None = None
    ) -> None:
        delivered = {_AUTO_REPORT: 0, _UNIT_ID: unit_id, _BAUD: BAUD_CODES[baud], **dict.fromkeys(_CORRECTIONS, 0)}
        self._probes = probes
        self._settings = ChainMap({} if memory is None else memory, delivered)
        self._since_report_s = 0.0

    @property
    def device(self) -> Device:
        return self

    @property
    def unit_id(self) -> int:
        """Its address, which a master may change."""
        return self._settings[_UNIT_ID]

    def hears(self, unit_id: int, pdu: bytes) -> bool:
        return unit_id == self.unit_id or (unit_id == ANY_ADDRESS and pdu[1:3] == _UNIT_ID.to_bytes(2))

    def unasked(self, elapsed_s: float) -> bytes | None:
        period_s = self._settings[_AUTO_REPORT]
        self._since_report_s += elapsed_s
        if period_s == 0 or self._since_report_s < period_s:
            return None
        self._since_report_s = 0.0
        words = self._temperatures()
        return bytes((self.unit_id, READ_HOLDING, 2 * CHANNELS)) + b"".join(word.to_bytes(2) for word in words)

    def words(self, function: int) -> Words:
        return {**dict(enumerate(self._temperatures())), **self._settings}

    def write(self, address: int, values: Sequence[int]) -> None:
        value = values[0]
        if address not in self._settings:
            raise ModbusRefusal(ILLEGAL_ADDRESS)
        if value not in _ALLOWED.get(address, _ANY_WORD):
            raise ModbusRefusal(ILLEGAL_VALUE)
        self._settings[address] = value
        self._since_report_s = 0.0

    def _temperatures(self) -> list[int]:
        probes = list(self._probes())[:CHANNELS]
        probes += [None] * (CHANNELS - len(probes))
        corrections = [self._settings[address] for address in _CORRECTIONS]
        return [_word(probe, correction) for probe, correction in zip(probes, corrections, strict=True)]


def _word(probe_c: float | None, correction: int) -> int:
    if probe_c is None:
        return MISSING
    stepped_c = round(probe_c / _PROBE_STEP_C) * _PROBE_STEP_C
    return tenths(stepped_c + signed(correction) / 10)
