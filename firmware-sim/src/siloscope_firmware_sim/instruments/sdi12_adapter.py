"""An adapter with SDI-12 sensors behind it: `0MC!` in plain text, answered as the sensor answers on its bus.

Source: SDI-12 specification 1.4, section 4.4.
"""

import re
from collections.abc import Callable, Mapping, Sequence

from siloscope_firmware_sim.modbus.checksum import three_characters

_COMMAND = re.compile(r"(?P<address>[0-9A-Za-z])(?P<what>I|M|MC|C|CC|R\d|RC\d|D(?P<page>\d))?")
_VALUES_A_LINE = 3
_END = b"\r\n"

Values = Callable[[], Sequence[float]]


class Sdi12Adapter:
    """The text side of an adapter.

    Args:
        sensors: What each address measures.
        seconds: How long a measurement takes; the service request comes at once all the same.
        echoes: Whether it sends commands back.
    """

    def __init__(self, sensors: Mapping[str, Values], *, seconds: int = 0, echoes: bool = False) -> None:
        self._sensors = dict(sensors)
        self._seconds = seconds
        self._echoes = echoes
        self._measured: dict[str, list[float]] = {}
        self._checked: dict[str, bool] = {}
        self._text = ""

    def feed(self, data: bytes) -> bytes:
        """Take what came, and return what is answered."""
        *commands, rest = (self._text + data.decode("latin-1")).split("!")
        self._text = rest[-16:]
        return b"".join(self._answer(each.strip()) for each in commands)

    def unasked(self, elapsed_s: float) -> bytes:
        return b""

    def _answer(self, command: str) -> bytes:
        echo = f"{command}!".encode() if self._echoes else b""
        match = _COMMAND.fullmatch(command)
        if match is None or match["address"] not in self._sensors:
            return echo
        return echo + self._obey(match["address"], match["what"] or "", match["page"])

    def _obey(self, address: str, what: str, page: str | None) -> bytes:
        if what == "":
            return address.encode() + _END
        if what == "I":
            return f"{address}14SILOSIM SIM12 001".encode() + _END
        if page is not None:
            return self._line(address, self._measured.get(address, []), int(page), self._checked.get(address, False))
        values = list(self._sensors[address]())
        if what.startswith("R"):
            return self._line(address, values, 0, what.startswith("RC"), whole=True)
        self._measured[address], self._checked[address] = values, what.endswith("C") and what != "C"
        digits = 2 if what.startswith("C") else 1
        begun = f"{address}{self._seconds:03d}{len(values):0{digits}d}".encode() + _END
        ready = address.encode() + _END if self._seconds and not what.startswith("C") else b""
        return begun + ready

    def _line(self, address: str, values: Sequence[float], page: int, checked: bool, *, whole: bool = False) -> bytes:
        part = values if whole else values[page * _VALUES_A_LINE : (page + 1) * _VALUES_A_LINE]
        text = (address + "".join(f"{value:+.3f}".rstrip("0").rstrip(".") for value in part)).encode()
        return text + (three_characters(text) if checked else b"") + _END
