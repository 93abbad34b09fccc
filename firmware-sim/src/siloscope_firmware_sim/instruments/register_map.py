"""An instrument that only shows registers: what most probes are to a master."""

from collections.abc import Callable, Sequence

from siloscope_firmware_sim.errors import ModbusRefusal
from siloscope_firmware_sim.modbus.requests import ILLEGAL_ADDRESS, Device, Words


class RegisterMap:
    """A slave whose registers nobody can write.

    Args:
        unit_id: Its address.
        function: The one read function that it knows.
        content: Returns every register that it has, all of the same instant.
        most_registers: Most registers that one read may ask for.
    """

    def __init__(self, unit_id: int, function: int, content: Callable[[], Words], *, most_registers: int = 125) -> None:
        self.functions = frozenset((function,))
        self.most_registers = most_registers
        self._unit_id = unit_id
        self._content = content

    @property
    def device(self) -> Device:
        return self

    def hears(self, unit_id: int, pdu: bytes) -> bool:
        return unit_id == self._unit_id

    def unasked(self, elapsed_s: float) -> bytes | None:
        return None

    def words(self, function: int) -> Words:
        return self._content()

    def write(self, address: int, values: Sequence[int]) -> None:
        raise ModbusRefusal(ILLEGAL_ADDRESS)
