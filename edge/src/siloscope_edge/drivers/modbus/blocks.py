"""Registers that stand side by side and mean the same kind of thing are unpacked and judged at once.

What most of a large device's channels are: one type, one order, one scale, one range. A block with a value that is not
good is decoded channel by channel, so that each reading says what it would say alone.
"""

import struct
from array import array
from collections.abc import Callable, Sequence

from siloscope_edge.drivers.modbus.profile import BIT_TABLES, RegisterChannel
from siloscope_edge.drivers.modbus.registers import FORMATS, Decode, Request, decoder_for, unit_bytes
from siloscope_edge.readings import judge_all_for

_TWO_WORDS = 2


class Block:
    """Neighbouring channels of a request.

    Args:
        request: Which brings them.
        channels: All of the profile.
        positions: Of those of the block, one behind the other.
    """

    def __init__(self, request: Request, channels: Sequence[RegisterChannel], positions: Sequence[int]) -> None:
        width = unit_bytes(request.table)
        self._channels = [channels[at] for at in positions]
        first, last = self._channels[0], self._channels[-1]
        begin = width * (first.address - request.address)
        self._bytes = slice(begin, width * (last.address + last.size - request.address))
        self._at = slice(positions[0], positions[-1] + 1)
        self._good = [0] * len(positions)
        self._size = width * first.size
        self._swapped = first.byte_order == "CDAB"
        self._decoders: list[Decode] | None = None
        self._judge_all = judge_all_for(first) if len(positions) > 1 else None
        self._unpack: Callable[[bytes], tuple[float, ...]] | None = None
        if self._judge_all is not None:
            self._unpack = struct.Struct(f">{len(positions)}{FORMATS[first.type][1]}").unpack

    def read(self, wire: bytes, values: list[float | None], quality: list[int]) -> None:
        """Put the readings where they belong among all of the device."""
        found = wire[self._bytes]
        if self._unpack is not None and self._judge_all is not None:
            good = self._judge_all(self._unpack(_words_swapped(found) if self._swapped else found))
            if good is not None:
                values[self._at], quality[self._at] = good, self._good
                return
        if self._decoders is None:  # most blocks of large devices never need them
            self._decoders = [decoder_for(channel) for channel in self._channels]
        for place, decode in enumerate(self._decoders):
            begin, at = place * self._size, self._at.start + place
            values[at], quality[at] = decode(found[begin : begin + self._size])


def blocks(request: Request, channels: Sequence[RegisterChannel]) -> list[Block]:
    """Return the blocks of a request, each as long as it can be."""
    runs: list[list[int]] = []
    for at in request.channels:
        last = runs[-1][-1] if runs else None
        if last is not None and at == last + 1 and _alike(channels[last], channels[at]):
            runs[-1].append(at)
        else:
            runs.append([at])
    return [Block(request, channels, run) for run in runs]


def _alike(one: RegisterChannel, other: RegisterChannel) -> bool:
    """Whether one stands right behind the other and is unpacked and judged as it is."""
    if one.table in BIT_TABLES or one.type not in FORMATS or other.address != one.address + one.size:
        return False
    if one.byte_order not in ("ABCD", "CDAB") or (one.byte_order == "CDAB" and one.size != _TWO_WORDS):
        return False
    plain = not any((one.sentinels, other.sentinels, one.negative_from, other.negative_from, one.loop, other.loop))
    return plain and _judged_by(one) == _judged_by(other)


def _judged_by(channel: RegisterChannel) -> tuple[object, ...]:
    return (
        channel.type,
        channel.byte_order,
        channel.quantity,
        channel.scale,
        channel.offset,
        channel.valid,
        channel.resolution,
    )


def _words_swapped(wire: bytes) -> bytes:
    words = array("H", wire)
    words[0::2], words[1::2] = words[1::2], words[0::2]
    return words.tobytes()
