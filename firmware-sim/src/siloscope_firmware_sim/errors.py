"""Everything the simulator raises.

* SimulatorError
  - WorldRefused       the world file is wrong: says file, line, what was found and what was expected
  - PortTaken          a port that the world asks for cannot be opened
* ModbusRefusal        not a failure: a slave's answer with an exception code, as a real device gives it
"""

from pathlib import Path


class SimulatorError(Exception):
    """The simulator cannot start; the message is one sentence for the person who started it."""


class WorldRefused(SimulatorError):
    """A world file cannot be used.

    Args:
        file: The world file.
        line: Line in it, 1-based; None where the file as a whole is wrong.
        complaint: What was found there and what was expected.
    """

    def __init__(self, file: Path, line: int | None, complaint: str) -> None:
        self.file = file
        self.line = line
        self.complaint = complaint
        super().__init__(f"{file}: {complaint}" if line is None else f"{file}, line {line}: {complaint}")


class PortTaken(SimulatorError):
    """A bus cannot have the port that the world gives it."""

    def __init__(self, bus: str, port: str, reason: str) -> None:
        super().__init__(f"bus {bus!r} cannot open {port}: {reason}")


class ModbusRefusal(Exception):
    """A slave declines a request with one of the protocol's exception codes."""

    def __init__(self, code: int) -> None:
        self.code = code
        super().__init__(f"Modbus exception {code:#04x}")
