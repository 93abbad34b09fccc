"""Modbus registers: which requests bring a device's channels, and what the words that come back mean."""

import struct
from collections.abc import Callable, Sequence

from msgspec import Struct

from siloscope_contract.quality import Quality
from siloscope_edge.profiles import WORDS, Limits, RegisterChannel
from siloscope_edge.readings import Reading, failed, judge_for

_FORMATS = {
    "int16": ">h", "uint16": ">H", "int32": ">i", "uint32": ">I", "int64": ">q", "uint64": ">Q",
    "float32": ">f", "float64": ">d",
}  # fmt: skip

Decode = Callable[[bytes], Reading]


class Request(Struct, frozen=True):
    """One read of ``count`` registers from ``address``, and the channels (by position) that it brings."""

    table: str
    address: int
    count: int
    channels: tuple[int, ...]


def plan(channels: Sequence[RegisterChannel], limits: Limits) -> list[Request]:
    """Return the fewest requests that bring all channels within the device's limits, in order of address."""
    requests: list[Request] = []
    order = sorted(range(len(channels)), key=lambda at: (channels[at].table, channels[at].address))
    for at in order:
        channel = channels[at]
        end = channel.address + WORDS[channel.type]
        last = requests[-1] if requests else None
        if last is not None and _joins(last, channel, end, limits):
            count = max(last.count, end - last.address)
            requests[-1] = Request(last.table, last.address, count, (*last.channels, at))
        else:
            requests.append(Request(channel.table, channel.address, end - channel.address, (at,)))
    return requests


def decoder_for(channel: RegisterChannel) -> Decode:
    """Return what makes a reading of a channel's bytes, as they stood on the wire."""
    form = struct.Struct(_FORMATS[channel.type])
    sentinels = {sentinel.raw: failed(Quality.from_reason(sentinel.reason)) for sentinel in channel.sentinels}
    judge = judge_for(channel)
    arrange = _ARRANGEMENTS[channel.byte_order]

    def decode(wire: bytes) -> Reading:
        ordered = arrange(wire) if arrange is not None else wire
        if sentinels and (known := sentinels.get(int.from_bytes(ordered, "big"))) is not None:
            return known
        return judge(form.unpack(ordered)[0])

    return decode


def _joins(last: Request, channel: RegisterChannel, end: int, limits: Limits) -> bool:
    behind = last.address + last.count
    return (
        channel.table == last.table
        and channel.address - behind <= limits.gap_registers
        and end - last.address <= limits.registers_per_request
    )


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
