"""A board of eight relays: coils 0 to 7, read by FC01, switched by FC05 and FC15; without power all fall off."""

from collections.abc import Sequence

from siloscope_firmware_sim.errors import ModbusRefusal
from siloscope_firmware_sim.modbus.requests import (
    ILLEGAL_ADDRESS,
    READ_COILS,
    WRITE_COIL,
    WRITE_COILS,
    Device,
    Words,
)

RELAYS = 8


class Relay8ch:
    """One board.

    Args:
        unit_id: Its address.

    Attributes:
        on: What each relay does.
        moves: How often a relay moved: a relay lasts for some hundred thousand of them.
    """

    functions = frozenset((READ_COILS, WRITE_COIL, WRITE_COILS))
    most_registers = RELAYS

    def __init__(self, unit_id: int) -> None:
        self.on = [False] * RELAYS
        self.moves = 0
        self._unit_id = unit_id

    @property
    def device(self) -> Device:
        return self

    def hears(self, unit_id: int, pdu: bytes) -> bool:
        return unit_id == self._unit_id

    def unasked(self, elapsed_s: float) -> bytes | None:
        return None

    def words(self, function: int) -> Words:
        return dict(enumerate(map(int, self.on)))

    def write(self, address: int, values: Sequence[int]) -> None:
        wanted = dict(enumerate(map(bool, values), start=address))
        if not wanted.keys() <= set(range(RELAYS)):
            raise ModbusRefusal(ILLEGAL_ADDRESS)
        for relay, on in wanted.items():
            self.moves += self.on[relay] is not on
            self.on[relay] = on

    def lose_power(self) -> None:
        """Let all relays fall off."""
        self.on = [False] * RELAYS
