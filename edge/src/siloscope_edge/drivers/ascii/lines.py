"""Reading lines: a line whose frame, checksum, number of fields or numbers are wrong is refused whole. Pure."""

import re
from collections.abc import Sequence

from siloscope_contract.quality import Quality
from siloscope_edge.checksums import BEHIND_LINES
from siloscope_edge.drivers.ascii.profile import AsciiProfile, Frame, LineChannel, Message
from siloscope_edge.errors import ReadFailed, Trouble
from siloscope_edge.readings import Judge, Reading, failed, judge_for

_NUMBER = re.compile(r"(?P<number>[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)\s*(?P<unit>.*)")
_SHOWN_BYTES = 80


class Reader:
    """Reads the lines of one device.

    Args:
        profile: How they look.
        address: Of the device, for ``{address}``.
    """

    def __init__(self, profile: AsciiProfile, address: str) -> None:
        self._frame = profile.frame
        self.messages = profile.messages
        self._patterns = {
            message.name: {
                number: re.compile(pattern.replace("{address}", re.escape(address)))
                for number, pattern in message.match.items()
            }
            for message in profile.messages
        }
        self._channels: dict[str, list[tuple[int, LineChannel, Judge]]] = {each.name: [] for each in profile.messages}
        for at, channel in enumerate(profile.channels):
            name = channel.message or profile.messages[0].name
            self._channels[name].append((at, channel, judge_for(channel)))
        self._address = address

    @property
    def needed(self) -> list[Message]:
        """The messages that bring a channel."""
        return [message for message in self.messages if self._channels[message.name]]

    def query(self, message: Message) -> bytes:
        """Return what asks for a message."""
        return message.query.replace("{address}", self._address).encode("latin-1")

    def positions(self, message: Message) -> list[int]:
        """Return which channels a message brings."""
        return [at for at, _, _ in self._channels[message.name]]

    def message_of(self, line: bytes) -> tuple[Message, list[str]] | None:
        """Return which message a line is, and its fields; None for a sound line of another kind.

        Raises:
            ReadFailed: The line is torn or its checksum is wrong.
        """
        fields = split(body_of(line, self._frame), self._frame.separator)
        for message in self.messages:
            patterns = self._patterns[message.name].items()
            if all(number < len(fields) and pattern.fullmatch(fields[number]) for number, pattern in patterns):
                if message.fields is not None and len(fields) != message.fields:
                    raise refused(line, f"{len(fields)} fields instead of {message.fields}", Trouble.SHORT_FRAME)
                return message, fields
        return None

    def readings(self, message: Message, fields: Sequence[str]) -> dict[int, Reading]:
        """Return the readings that a message brings, by the position of their channel.

        Raises:
            ReadFailed: A field is neither a number nor empty, or its unit is unknown: nothing of the line is used.
        """
        status = message.status
        if status is not None and _at(fields, status.field) not in status.good:
            return dict.fromkeys(self.positions(message), failed(Quality.DEVICE_EXCEPTION))
        return {at: _reading(channel, judge, fields) for at, channel, judge in self._channels[message.name]}


def body_of(line: bytes, frame: Frame) -> str:
    """Return what a line says, without frame and checksum.

    Raises:
        ReadFailed: It is not framed so, or its checksum is wrong.
    """
    said = line
    if frame.start:
        _, start, said = line.rpartition(frame.start.encode())
        if not start:
            raise refused(line, f"no {frame.start!r} at its beginning", Trouble.SHORT_FRAME)
    try:
        text = said.decode("ascii").removesuffix(frame.end)
    except UnicodeDecodeError:
        raise refused(line, "not ASCII", Trouble.NOISE) from None
    if frame.checksum == "none":
        return text.removesuffix(frame.stop)
    size, calculated = BEHIND_LINES[frame.checksum]
    body, given = (text[:-size], text[-size:]) if len(text) > size else ("", text)
    if frame.stop:
        if not body.endswith(frame.stop):
            raise refused(line, f"no {frame.stop!r} before its checksum", Trouble.SHORT_FRAME)
        body = body.removesuffix(frame.stop)
    right = calculated((frame.start + body + frame.stop if frame.checksum == "sum16" else body).encode())
    if given != right and (frame.checksum == "sdi12" or given.upper() != right):
        raise refused(line, f"checksum {given!r}, calculated {right!r}", Trouble.WRONG_CHECKSUM)
    return body


def split(body: str, separator: str) -> list[str]:
    """Return the fields of a line."""
    return body.split() if separator == " " else [each.strip() for each in body.split(separator)]


def refused(line: bytes, why: str, trouble: Trouble = Trouble.WRONG_CONTENT) -> ReadFailed:
    """Return the error for a line of which nothing is used."""
    detail = f"line {line[:_SHOWN_BYTES]!r} refused: {why}"
    return ReadFailed(Quality.INVALID_FRAME, detail, answered=True, trouble=trouble)


def _reading(channel: LineChannel, judge: Judge, fields: Sequence[str]) -> Reading:
    text = _named(fields, channel.field) if isinstance(channel.field, str) else _at(fields, channel.field)
    if not text or text in channel.missing:
        return failed(Quality.SENSOR_MISSING)
    line = ",".join(fields).encode()
    match = _NUMBER.fullmatch(text)
    behind = channel.units and channel.unit_field is None
    if match is None or (match["unit"] and not behind):
        raise refused(line, f"{text!r} in field {channel.field} is no number")
    if not channel.units:
        return judge(float(match["number"]))
    unit = match["unit"] if channel.unit_field is None else _at(fields, channel.unit_field)
    if unit not in channel.units:
        raise refused(line, f"unit {unit!r} of field {channel.field}; expected one of {', '.join(channel.units)}")
    return judge(float(match["number"]) * channel.units[unit])


def _at(fields: Sequence[str], number: int) -> str:
    return fields[number] if -len(fields) <= number < len(fields) else ""


def _named(fields: Sequence[str], name: str) -> str:
    return next((each.partition("=")[2].strip() for each in fields if each.partition("=")[0].strip() == name), "")
