"""InfluxDB line protocol: `measurement,tag=value field=value,field=value timestamp`.

A field is a channel, unless the line has a tag that names one: then `value` is its value and `quality` its quality, as
the mirror writes them. The device is a tag, or else the measurement.

Source:
    InfluxDB OSS v2 documentation, "Line protocol": types, escapes and comments.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from siloscope_contract.quantities import QUANTITIES
from siloscope_store.exchange.mapping import Mapping
from siloscope_store.exchange.readings import (
    EXPECTED_QUALITY,
    Block,
    Key,
    Reading,
    Refused,
    code_of,
    failed,
)
from siloscope_store.exchange.text_files import TextFile
from siloscope_store.exchange.times import TimeReader, TimeUnreadable

_TRUE, _FALSE = frozenset({"t", "T", "true", "True", "TRUE"}), frozenset({"f", "F", "false", "False", "FALSE"})
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", re.ASCII)
_INTEGER = re.compile(r"-?\d+[iu]", re.ASCII)
_WHOLE = {"i": range(-(2**63), 2**63), "u": range(2**64)}
_UNESCAPE = re.compile(r"\\([,= ])")
_STRING_UNESCAPE = re.compile(r'\\(["\\])')
_LONGEST_WHOLE = 40  # zeros may lead
_MOST_KEPT = 100_000  # a tag that differs on every line must not fill the memory
_EXPECTED = "measurement[,tag=value…] field=value[,field=value…] timestamp"


class Malformed(ValueError):
    """A line is no line protocol."""


def split_outside(text: str, separator: str) -> list[str]:
    r"""Split where a separator is neither escaped nor within a quoted string.

    >>> split_outside(r'a\ b,c="d e" f', " ")
    ['a\\ b,c="d e"', 'f']

    Raises:
        Malformed: A quote is never closed.
    """
    if "\\" not in text and '"' not in text:
        return text.split(separator)
    parts, begin, quoted, at = [], 0, False, 0
    while at < len(text):
        sign = text[at]
        if sign == "\\":
            at += 1
        elif sign == '"' and (quoted or text[at - 1 : at] == "="):
            quoted = not quoted
        elif sign == separator and not quoted:
            parts.append(text[begin:at])
            begin = at + 1
        at += 1
    if quoted:
        raise Malformed("a quote that is closed")
    return [*parts, text[begin:]]


def pair(text: str) -> tuple[str, str]:
    """Return name and value of a tag or field, the name without its escapes.

    Raises:
        Malformed: One of the two is absent.
    """
    if "\\" not in text:
        name, equals, value = text.partition("=")
    else:
        head, *rest = split_outside(text, "=")
        name, equals, value = unescaped(head), "=" * bool(rest), "=".join(rest)
    if not (name and equals and value):
        raise Malformed(f"{text[:40]!r} as name=value")
    return name, value


def unescaped(text: str) -> str:
    """Return a measurement, tag or field name as it is meant."""
    return _UNESCAPE.sub(r"\1", text) if "\\" in text else text


def field_value(text: str) -> float | str:
    """Return a field's value: numbers and booleans as floats, a string as itself.

    Raises:
        Malformed: It is none of the types.
    """
    if text[:1] == '"' and text[-1:] == '"' and len(text) > 1:
        return _STRING_UNESCAPE.sub(r"\1", text[1:-1])
    if _NUMBER.fullmatch(text):
        value = float(text)
        if value - value == 0.0:
            return value
    elif _INTEGER.fullmatch(text):
        return _whole(text[:-1], text[-1])
    elif text in _TRUE or text in _FALSE:
        return float(text in _TRUE)
    raise Malformed('a float, an integer such as 5i, a boolean or a "string"')


def _whole(text: str, kind: str) -> float:
    if len(text) > _LONGEST_WHOLE or int(text) not in _WHOLE[kind]:
        raise Malformed("an integer of 64 bits" if kind == "i" else "an integer of 64 bits without a sign")
    return float(int(text))


class LineProtocolFile:
    """A file of line protocol.

    Args:
        path: The file.
        mapping: Names of the tags and fields that matter.
        times: The precision of its timestamps.
    """

    def __init__(self, path: Path, mapping: Mapping, times: TimeReader) -> None:
        self._text = TextFile(path, mapping.encoding)
        self._mapping = mapping
        self._times = times
        self._heads: dict[str, tuple[str, dict[str, str]]] = {}
        self._keys: dict[tuple[str, str], Key] = {}

    @property
    def size(self) -> int:
        """Bytes of the file as it lies there."""
        return self._text.size

    def blocks(self, position: int, line: int) -> Iterator[Block]:
        """Yield what the file says, about a mebibyte at a time."""
        for lines in self._text.blocks(position, line):
            block = Block(lines.position, lines.first + len(lines.texts) - 1, done=lines.done)
            for number, text in enumerate(lines.texts, lines.first):
                if text[-1:] == "\r":
                    text = text[:-1]
                if number in lines.bad:
                    block.refused.append(Refused(number, "line", text, lines.bad[number]))
                elif text and text[0] != "#" and not text.isspace():
                    try:
                        self._read(number, text, block)
                    except Malformed as error:
                        block.refused.append(Refused(number, "line", text, f"{error} in {_EXPECTED}"))
            yield block

    def _read(self, number: int, text: str, block: Block) -> None:
        parts = [part for part in split_outside(text, " ") if part]
        if len(parts) != 3:
            raise Malformed("a timestamp" if len(parts) == 2 else "three parts")
        head, fields, stamp = parts
        try:
            time_ms = self._times.read(stamp)
        except TimeUnreadable as error:
            block.refused.append(Refused(number, "timestamp", stamp, str(error)))
            return
        measurement, tags = self._head(head)
        channel = tags.get(self._mapping.channel)
        values = [pair(field) for field in split_outside(fields, ",")]
        if channel is None:
            for name, value in values:
                self._take(number, self._key(head, name, measurement, tags), time_ms, (name, value, 0), block)
            return
        named = dict(values)
        if len(named) < len(values):
            raise Malformed("each field once")
        code = self._code(number, named, block)
        if code is None:
            return
        key = self._key(head, channel, measurement, tags)
        if failed(code):
            block.readings.append(Reading(key, time_ms, None, code, number))
        elif self._mapping.value not in named:
            raise Malformed(f"a field {self._mapping.value!r} beside the tag {self._mapping.channel!r}")
        else:
            found = (self._mapping.value, named[self._mapping.value], code)
            self._take(number, key, time_ms, found, block)

    def _take(self, number: int, key: Key, time_ms: int, found: tuple[str, str, int], block: Block) -> None:
        name, text, code = found
        try:
            value = field_value(text)
        except Malformed as error:
            block.refused.append(Refused(number, name, text, str(error)))
            return
        if isinstance(value, str):
            block.refused.append(Refused(number, name, text, "a number: a string is no measurement"))
        else:
            block.readings.append(Reading(key, time_ms, value, code, number))

    def _code(self, number: int, named: dict[str, str], block: Block) -> int | None:
        text = named.get(self._mapping.quality)
        if text is None:
            return 0
        try:
            return code_of(text[:-1] if _INTEGER.fullmatch(text) else text.strip('"'))
        except ValueError:
            block.refused.append(Refused(number, self._mapping.quality, text, EXPECTED_QUALITY))
            return None

    def _head(self, head: str) -> tuple[str, dict[str, str]]:
        known = self._heads.get(head)
        if known is None:
            measurement, *tags = split_outside(head, ",")
            known = (unescaped(measurement), {name: unescaped(value) for name, value in map(pair, tags)})
            if len(self._heads) < _MOST_KEPT:
                self._heads[head] = known
        return known

    def _key(self, head: str, channel: str, measurement: str, tags: dict[str, str]) -> Key:
        known = self._keys.get((head, channel))
        if known is None:
            said = self._mapping
            found = said.columns.get(channel)
            named = measurement if measurement in QUANTITIES and said.channel in tags else None  # as the mirror does
            known = Key(
                tags.get(said.node_column),
                tags.get(said.device_column) or said.device or measurement,
                (found.channel if found else None) or channel,
                tags.get(said.unit_column) or (found.unit if found else None) or said.unit,
                tags.get(said.quantity_column) or (found.quantity if found else None) or named,
                *((found.group, found.retention_class) if found else (None, None)),
            )
            if len(self._keys) < _MOST_KEPT:
                self._keys[(head, channel)] = known
        return known
