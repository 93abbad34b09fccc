"""What instruments truly said, and when: kept by those who simulate them, read from frames and lines by other code than
the edge's."""

import math
import re
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

Value = float | str
"""A number, or the reason why there is none."""
Decode = Callable[[bytes], Value]


@dataclass(frozen=True)
class Given:
    """An answer, or something said unasked.

    Attributes:
        at_s: When it was asked for, or began.
        values: By channel.
        whole: It reaches the reader as it was said.
        in_time: And so soon that the reader has to take it.
        queued: It was perhaps asked for earlier: a gateway kept the request until it was done with others.
    """

    at_s: float
    values: Mapping[str, Value]
    whole: bool
    in_time: bool
    queued: bool = False


@dataclass
class Truth:
    """All that was said, by device, in order."""

    given: dict[str, list[Given]] = field(default_factory=dict)

    def note(self, device: str, given: Given) -> None:
        """Take something down."""
        self.given.setdefault(device, []).append(given)


@dataclass(frozen=True)
class Meaning:
    """Where a channel stands in registers, and what they mean.

    Attributes:
        key: The channel.
        function: Function code that reads it.
        address: First register.
        words: How many.
        decode: Makes a value of their bytes.
    """

    key: str
    function: int
    address: int
    words: int
    decode: Decode


def told_by_frame(meanings: Sequence[Meaning], request: bytes, answer: bytes) -> dict[str, Value]:
    """Return what a true answer to a read request says; nothing where it is an exception."""
    function, first, count = request[1], int.from_bytes(request[2:4]), int.from_bytes(request[4:6])
    if answer[1] != function:
        return {}
    content = answer[3:-2]
    found = {}
    for each in meanings:
        at = each.address - first
        if each.function == function and at >= 0 and at + each.words <= count:
            found[each.key] = each.decode(content[2 * at : 2 * (at + each.words)])
    return found


def told_by_wxt(text: bytes) -> dict[str, Value]:
    """Return what a line of a Vaisala transmitter says."""
    found: dict[str, Value] = {}
    for name, value, unit in re.findall(r"([A-Z][a-z])=([0-9.-]+)([A-Z#])", text.decode("latin-1")):
        if name in _WXT:
            found[_WXT[name]] = "device_exception" if unit == "#" else float(value)
    return found


def told_by_gill(text: bytes) -> dict[str, Value]:
    """Return what a line in Gill's format says."""
    fields = text.decode("latin-1").split(",")
    if fields[4] != "00":
        return dict.fromkeys(("wind_direction", "wind_speed"), "device_exception")
    direction: Value = float(fields[1]) if fields[1] else "sensor_missing"
    return {"wind_direction": direction, "wind_speed": float(fields[2])}


def told_by_nmea(sentence: bytes) -> dict[str, Value]:
    """Return what an MDA sentence says."""
    fields = sentence.decode("latin-1").split("*")[0].split(",")
    numbers = {key: fields[at] for key, at in _MDA.items()}
    found: dict[str, Value] = {key: float(text) if text else "sensor_missing" for key, text in numbers.items()}
    return found | {"pressure": float(fields[3]) * 1000}


def _signed(steps: float, missing: int | None = None) -> Decode:
    def decode(content: bytes) -> Value:
        if missing is not None and int.from_bytes(content) == missing:
            return "sensor_missing"
        return int.from_bytes(content, signed=True) * steps

    return decode


def _unsigned(steps: float, missing: int | None = None) -> Decode:
    return lambda content: "sensor_missing" if int.from_bytes(content) == missing else int.from_bytes(content) * steps


def _single(steps: float = 1.0, *, low_first: bool = False) -> Decode:
    def decode(content: bytes) -> Value:
        number = struct.unpack(">f", content[2:] + content[:2] if low_first else content)[0]
        return "not_a_number" if math.isnan(number) else number * steps

    return decode


def _loop(content: bytes) -> Value:
    current_ma = int.from_bytes(content) / 1000
    if not 3.6 < current_ma < 21:
        return "sensor_missing"
    return (current_ma - 4) / 16 if 3.8 <= current_ma <= 20.5 else "out_of_range"


REGISTERS: dict[str, list[Meaning]] = {
    "r4dcb08": [Meaning(f"t{at + 1}", 3, at, 1, _signed(0.1, 0x8000)) for at in range(8)],
    "xy-md02": [Meaning("temperature", 4, 1, 1, _signed(0.1)), Meaning("humidity", 4, 2, 1, _unsigned(0.1))],
    "vaisala-gmp250": [
        Meaning("co2", 3, 0, 2, _single(low_first=True)),
        Meaning("temperature", 3, 4, 2, _single(low_first=True)),
    ],
    "vaisala-hmp": [
        Meaning("humidity", 3, 0, 2, _single(low_first=True)),
        Meaning("temperature", 3, 2, 2, _single(low_first=True)),
        Meaning("dew_point", 3, 6, 2, _single(low_first=True)),
        Meaning("absolute_humidity", 3, 14, 2, _single(0.001, low_first=True)),
        Meaning("mixing_ratio", 3, 16, 2, _single(0.001, low_first=True)),
        Meaning("wet_bulb", 3, 18, 2, _single(low_first=True)),
    ],
    "wsc11": [
        Meaning("wind_speed", 4, 30001, 2, _unsigned(0.1, 0xFFFFFFFF)),
        Meaning("wind_direction", 4, 30201, 2, _unsigned(0.1, 0xFFFFFFFF)),
        Meaning("temperature", 4, 30401, 2, _signed(0.1, 0x7FFFFFFF)),
        Meaning("humidity", 4, 30601, 2, _unsigned(0.1, 0xFFFFFFFF)),
        Meaning("dew_point", 4, 30605, 2, _signed(0.1, 0x7FFFFFFF)),
        Meaning("pressure", 4, 30801, 2, _unsigned(0.01, 0xFFFFFFFF)),
    ],
    "loop-8ch": [Meaning(f"input{at + 1}", 4, at, 1, _loop) for at in range(8)],
    "sdm120": [
        Meaning(key, 4, address, 2, _single())
        for key, address in (
            ("voltage", 0), ("current", 6), ("power", 12), ("frequency", 0x46), ("energy_import", 0x48),
        )
    ],
    "soil-7in1": [
        Meaning("moisture", 3, 0, 1, _unsigned(0.001)),
        Meaning("temperature", 3, 1, 1, _signed(0.1)),
        Meaning("conductivity", 3, 2, 1, _unsigned(0.0001)),
        Meaning("acidity", 3, 3, 1, _unsigned(0.1)),
        *(Meaning(key, 3, 4 + at, 1, _unsigned(1.0)) for at, key in enumerate(("nitrogen", "phosphorus", "potassium"))),
    ],
}  # fmt: skip
_WXT = {
    "Dn": "wind_direction_min", "Dm": "wind_direction", "Dx": "wind_direction_max", "Sn": "wind_speed_min",
    "Sm": "wind_speed", "Sx": "wind_speed_max", "Ta": "temperature", "Ua": "humidity", "Pa": "pressure",
    "Rc": "rain", "Ri": "rain_rate",
}  # fmt: skip
_MDA = {"temperature": 5, "humidity": 9, "dew_point": 11, "wind_direction": 13, "wind_speed": 19}
