"""A coil or a holding register as an output of the configuration."""

from typing import Annotated, Literal

from msgspec import Meta

from siloscope_edge.alarms.outputs import DeviceOutput
from siloscope_process.documents import Document
from siloscope_process.expectations import Place

Address = Annotated[int, Meta(ge=0, le=65535)]
Word = Annotated[int, Meta(ge=0, le=65535)]


class ModbusOutput(DeviceOutput, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A coil or a holding register that the agent writes.

    Attributes:
        coil: The coil's address as on the wire, counted from 0.
        register: The holding register's.
        on_value: What is written to a register to switch it on.
        off_value: And off.
        function: `single` writes with FC05 or FC06, `multiple` with FC15 or FC16, for devices that know no other.
    """

    coil: Address | None = None
    register: Address | None = None
    on_value: Word = 1
    off_value: Word = 0
    function: Literal["single", "multiple"] = "single"

    @property
    def address(self) -> int:
        """Of the coil or the register."""
        return self.coil if self.coil is not None else self.register or 0

    @property
    def point(self) -> str:
        return f"coil {self.coil}" if self.coil is not None else f"register {self.register}"

    @property
    def words(self) -> tuple[str, str]:
        if self.coil is not None:
            code = 5 if self.function == "single" else 15
            return f"{self.point} 1 (FC{code:02})", f"{self.point} 0 (FC{code:02})"
        code = 6 if self.function == "single" else 16
        return f"{self.point} {self.on_value} (FC{code:02})", f"{self.point} {self.off_value} (FC{code:02})"


def check(output: ModbusOutput, document: Document, place: Place) -> None:
    """Refuse what the struct alone cannot.

    Raises:
        Misconfigured: It names no point or two, or on and off are the same.
    """
    if (output.coil is None) == (output.register is None):
        found = "neither" if output.coil is None else "both"
        raise document.fault(place, found, "either a coil or a register")
    if output.coil is not None and (output.on_value, output.off_value) != (1, 0):
        raise document.fault((*place, "on_value"), output.on_value, "none: a coil is 1 or 0")
    if output.on_value == output.off_value:
        raise document.fault((*place, "off_value"), output.off_value, "another value than on_value")
