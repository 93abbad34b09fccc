"""Instruments that need no port: what they read follows from who, when and which life of the reader, and nothing else.

So an auditor can work out by itself what any sample must have been, and a second reader of the same instrument (a
cloned card, a clock that stepped back) says something else, as two reads of a real instrument do.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

from siloscope_contract.births import ChannelBirth, DeviceBirth, GroupBirth, RetentionClass
from siloscope_contract.packs import Sample
from siloscope_contract.quality import Quality

WIND, RAIN = "wind_direction", "rain"
_RAIN_RESETS_AFTER = 400


@dataclass(frozen=True)
class Instrument:
    """What hangs on a synthetic node.

    Attributes:
        device: Its slug.
        channels: Key, quantity and unit of each.
        halves: It is read in two halves, the second some time later: two samples of one instant.
        vitals: Its samples belong to the other retention class.
    """

    device: str
    channels: Sequence[tuple[str, str, str]]
    halves: bool = False
    vitals: bool = False

    def parts(self) -> list[slice]:
        """Return which channels are read together."""
        middle = len(self.channels) // 2
        return [slice(0, middle), slice(middle, None)] if self.halves else [slice(0, None)]

    def announced(self, period_s: float) -> DeviceBirth:
        """Return what a birth says of it."""
        retention = RetentionClass.VITALS if self.vitals else RetentionClass.MEASUREMENTS
        channels = [ChannelBirth(*each) for each in self.channels]
        return DeviceBirth(self.device, "", "", [GroupBirth("main", period_s, retention, channels)])

    def sample(self, node: str, time_ms: int, life: int, part: slice) -> Sample:
        """Return what it reads at an instant."""
        chosen = self.channels[part]
        readings = [_reading(node, self.device, key, quantity, time_ms, life) for key, quantity, _ in chosen]
        return Sample(
            self.device,
            time_ms,
            tuple(key for key, _, _ in chosen),
            tuple(None if value is None else unit for (value, _), (_, _, unit) in zip(readings, chosen, strict=True)),
            [value for value, _ in readings],
            [code for _, code in readings],
        )


INSTRUMENTS = (
    Instrument("probe", [(f"t{level}", "temperature", "Cel") for level in range(1, 5)]),
    Instrument("mast", [(WIND, WIND, "deg"), ("wind_speed", "wind_speed", "m/s"), (RAIN, RAIN, "mm")]),
    Instrument("air", [(f"rh{spot}", "relative_humidity", "%RH") for spot in range(1, 5)], halves=True),
    Instrument("board", [("uptime", "duration", "s"), ("load", "ratio", "/")], vitals=True),
)
OF_DEVICE = {each.device: each for each in INSTRUMENTS}


def _reading(node: str, device: str, key: str, quantity: str, time_ms: int, life: int) -> tuple[float | None, int]:
    if quantity == RAIN:  # a counter that begins anew now and then
        return time_ms // 1000 % _RAIN_RESETS_AFTER / 5, 0
    digest = blake2b(f"{node} {device} {key} {time_ms} {life}".encode(), digest_size=4).digest()
    chance, number = digest[0], int.from_bytes(digest[1:4], "big")
    if chance < 8:
        return None, int(Quality.SENSOR_MISSING if chance < 4 else Quality.COMM_FAILURE)
    value = number % 3600 / 10 if quantity == WIND else number % 900 / 10
    return value, int(Quality.STEP) if chance < 16 else 0
