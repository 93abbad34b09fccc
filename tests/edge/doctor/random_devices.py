"""Devices made up by chance: a true encoding of a quantity among registers of other things, read a few times.

What they hold is drawn from ranges written down here, not from what the doctor believes to be usual.
"""

import random
import struct
from collections.abc import Callable

from msgspec import Struct

ORDERS = ("ABCD", "CDAB", "BADC", "DCBA")
_CODES = {
    "int16": ">h", "uint16": ">H", "int32": ">i", "uint32": ">I", "int64": ">q", "uint64": ">Q",
    "float32": ">f", "float64": ">d",
}  # fmt: skip
_TYPES = ["int16"] * 26 + ["uint16"] * 24 + ["float32"] * 30 + ["int32"] * 8 + ["uint32"] * 6 + ["float64"] * 3
_TYPES += ["int64"] * 2 + ["uint64"]

# Quantity: lowest and highest usual value, change between two readings, decimals a device may send.
SITE: dict[str, tuple[float, float, float, tuple[int, ...]]] = {
    "temperature": (-12, 38, 0.06, (1, 1, 1, 2)),
    "relative_humidity": (25, 99, 0.15, (1, 1, 2)),
    "air_pressure": (955, 1042, 0.05, (1, 1, 2)),
    "co2": (390, 6500, 4, (0, 0, 0, 1)),
    "wind_speed": (0.4, 16, 0.4, (1, 2)),
    "wind_direction": (3, 357, 6, (0, 1)),
    "irradiance": (15, 980, 4, (0, 1)),
    "moisture": (0.06, 0.5, 0.0004, (3, 3, 4)),
    "voltage": (216, 244, 0.2, (1, 1, 2)),
    "current": (0.3, 42, 0.03, (2, 3)),
    "power": (60, 22000, 15, (0, 1)),
    "energy_import": (40, 90000, 0.004, (1, 2)),
    "frequency": (49.85, 50.15, 0.01, (2,)),
    "dew_point": (-14, 22, 0.06, (1, 1, 2)),
    "acidity": (4.5, 8.5, 0.02, (1, 2)),
}


class Made(Struct, frozen=True):
    """A made-up device.

    Attributes:
        quantity: What the true register means.
        type: The true type.
        byte_order: The true order.
        scale: The true scale.
        address: Where it is.
        values: What was true at each round.
        words: All its registers, a value a round.
        shown: What its display shows: the value of some round.
    """

    quantity: str
    type: str
    byte_order: str
    scale: float
    address: int
    values: list[float]
    words: dict[int, list[int]]
    shown: str

    @property
    def size(self) -> int:
        """How many registers the value takes."""
        return struct.calcsize(_CODES[self.type]) // 2


def device(chance: random.Random, *, neighbours: int = 8, rounds: int = 3) -> Made:
    """Return a made-up device."""
    quantity = chance.choice(sorted(SITE))
    kind = chance.choice(_TYPES)
    low, high, step, decimals = SITE[quantity]
    top = (1 << 15) - 1 if kind == "int16" else (1 << 16) - 1 if kind == "uint16" else 1 << 40
    fitting = [each for each in decimals if low < top * 10.0**-each]
    digits = chance.choice(fitting)
    low = max(low, 0) if kind.startswith("uint") else low
    scale = 1.0 if kind.startswith("float") else 10.0**-digits
    values = _walk(chance, low, min(high, top * scale), step, rounds, grows=quantity == "energy_import")
    is_rounded = not kind.startswith("float") or chance.random() < 0.5
    values = [round(value, digits) if is_rounded else value for value in values]
    order = chance.choices(ORDERS, (60, 32, 4, 4))[0] if struct.calcsize(_CODES[kind]) > 2 else "ABCD"
    address = chance.randrange(2, neighbours)
    encoded = [_words(kind, order, value, scale) for value in values]
    words = {address + at: [each[at] for each in encoded] for at in range(len(encoded[0]))}
    for at in range(neighbours + 6):
        words.setdefault(at, _other(chance, rounds))
    shown = f"{chance.choice(values):.{digits}f}"
    return Made(quantity, kind, order, scale, address, values, dict(sorted(words.items())), shown)


def _walk(chance: random.Random, low: float, high: float, step: float, rounds: int, *, grows: bool) -> list[float]:
    at = chance.uniform(low, high)
    found = []
    for _ in range(rounds):
        found.append(at)
        move = chance.gauss(0, step)
        at = min(high, max(low, at + (abs(move) if grows else move)))
    return found


def _words(kind: str, order: str, value: float, scale: float) -> list[int]:
    number = value if kind.startswith("float") else round(value / scale)
    wire = struct.pack(_CODES[kind], number)
    words = [wire[at : at + 2] for at in range(0, len(wire), 2)]
    if order in ("CDAB", "DCBA"):
        words.reverse()
    if order in ("BADC", "DCBA"):
        words = [word[::-1] for word in words]
    return [int.from_bytes(word) for word in words]


def _other(chance: random.Random, rounds: int) -> list[int]:
    """Return a register of something else: nothing, a setting, a sensor that is missing, another measurement."""
    made: list[Callable[[], int]] = [
        lambda: 0,
        lambda: chance.choice((1, 2, 3, 9600, 0x8000, 0xFFFF)),
        lambda: chance.randrange(1200),
        lambda: chance.randrange(65536),
    ]
    word = chance.choice(made)()
    moves = chance.random() < 0.4
    return [(word + (chance.randrange(-3, 4) if moves and word else 0)) % 65536 for _ in range(rounds)]
