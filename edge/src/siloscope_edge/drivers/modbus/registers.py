"""Modbus registers: which requests bring a device's channels, and what the words that come back mean."""

import math
import struct
from collections.abc import Callable, Sequence

from msgspec import Struct

from siloscope_contract.quality import Quality
from siloscope_edge.drivers.modbus.profile import BIT_TABLES, RegisterChannel, RegisterLimits
from siloscope_edge.readings import Judge, Reading, failed, judge_for

FORMATS = {
    "int16": ">h", "uint16": ">H", "int32": ">i", "uint32": ">I", "int64": ">q", "uint64": ">Q",
    "float16": ">e", "float32": ">f", "float64": ">d",
}  # fmt: skip
_PADDING = "\0 "

Decode = Callable[[bytes], Reading]


class Request(Struct, frozen=True):
    """One read of ``count`` registers or bits from ``address``, and the channels (by position) that it brings."""

    table: str
    address: int
    count: int
    channels: tuple[int, ...]


def plan(channels: Sequence[RegisterChannel], limits: RegisterLimits) -> list[Request]:
    """Return the fewest requests that bring all channels within the device's limits, in order of address."""
    requests: list[Request] = []
    order = sorted(range(len(channels)), key=lambda at: (channels[at].table, channels[at].address))
    for at in order:
        channel = channels[at]
        end = channel.address + channel.size
        last = requests[-1] if requests else None
        if last is not None and _joins(last, channel, end, limits):
            count = max(last.count, end - last.address)
            requests[-1] = Request(last.table, last.address, count, (*last.channels, at))
        else:
            requests.append(Request(channel.table, channel.address, end - channel.address, (at,)))
    return requests


def unit_bytes(table: str) -> int:
    """Return how many bytes stand for one register, or for one bit, in what is decoded."""
    return 1 if table in BIT_TABLES else 2


def decoder_for(channel: RegisterChannel) -> Decode:
    """Return what makes a reading of a channel's bytes.

    Registers are taken as they stood on the wire; of a coil or discrete input one byte, 0 or 1.
    """
    judge = judge_for(channel)
    if channel.table in BIT_TABLES:
        return lambda wire: judge(wire[0])
    if channel.type == "string":
        return _text_decoder(channel, judge)
    unpack = _unpacker(channel)
    sentinels = {sentinel.raw: failed(Quality.from_reason(sentinel.reason)) for sentinel in channel.sentinels}
    arrange = _ARRANGEMENTS[channel.byte_order]
    if arrange is None and not sentinels:
        return lambda wire: judge(unpack(wire)[0])  # what most channels are: nothing else in the way

    def decode(wire: bytes) -> Reading:
        ordered = arrange(wire) if arrange is not None else wire
        if sentinels and (known := sentinels.get(int.from_bytes(ordered, "big"))) is not None:
            return known
        return judge(unpack(ordered)[0])

    return decode


def _joins(last: Request, channel: RegisterChannel, end: int, limits: RegisterLimits) -> bool:
    behind = last.address + last.count
    most = limits.bits_per_request if channel.table in BIT_TABLES else limits.registers_per_request
    return (
        channel.table == last.table and channel.address - behind <= limits.gap_registers and end - last.address <= most
    )


def _unpacker(channel: RegisterChannel) -> Callable[[bytes], tuple[float, ...]]:
    """Return what unpacks a number of its registers in the order of ABCD: as `struct` does, a tuple of one."""
    lowest, highest = channel.bits or (channel.bit, channel.bit)
    if lowest is not None and highest is not None:
        mask = (1 << highest - lowest + 1) - 1
        return lambda ordered: (int.from_bytes(ordered, "big") >> lowest & mask,)
    unpack = struct.Struct(FORMATS[channel.type]).unpack
    if (turned := channel.negative_from) is not None:
        return lambda ordered: (value if (value := unpack(ordered)[0]) < turned else turned - value,)
    return unpack


def _text_decoder(channel: RegisterChannel, judge: Judge) -> Decode:
    arrange = _ARRANGEMENTS[channel.byte_order]
    not_a_number = failed(Quality.NOT_A_NUMBER)

    def decode(wire: bytes) -> Reading:
        text = (arrange(wire) if arrange is not None else wire).decode("latin-1").strip(_PADDING)
        if text in channel.texts:
            return judge(channel.texts[text])
        try:
            number = float(text)
        except ValueError:
            return not_a_number
        return judge(number) if math.isfinite(number) else not_a_number

    return decode


def _words_reversed(wire: bytes) -> bytes:
    return b"".join(wire[at : at + 2] for at in range(len(wire) - 2, -1, -2))


def _bytes_swapped(wire: bytes) -> bytes:
    return b"".join(wire[at : at + 2][::-1] for at in range(0, len(wire), 2))


_ARRANGEMENTS: dict[str, Callable[[bytes], bytes] | None] = {
    "ABCD": None,
    "CDAB": _words_reversed,
    "BADC": _bytes_swapped,
    "DCBA": lambda wire: wire[::-1],
}
