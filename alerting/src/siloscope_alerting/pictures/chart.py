"""A reading over some hours as a small PNG: its line, the level that it passed, and when the alert fired."""

from collections.abc import Iterable, Sequence
from io import BytesIO
from math import isfinite
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec
from PIL import Image, ImageDraw, ImageFont

from siloscope_alerting.pictures.axes import time_marks, value_marks

WIDTH, HEIGHT = 480, 160
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 8, 20, 18
_PAPER, _INK, _SOFT, _GRID = "#ffffff", "#161b13", "#4b5344", "#e3decf"
_LINE, _LEVEL, _CLEAR, _BAND = "#17633a", "#8c1c10", "#8d8f7e", "#fde4de"
_MOST_TITLE = 60


class PictureOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be drawn.

    Attributes:
        title: Drawn where the font has its letters; the message says it anyway.
        unit: As readers see it: `°C`.
        time_zone: IANA name; local times stand below the chart.
        points: (UTC milliseconds, value), oldest first; NaN = failed, and breaks the line.
        level: The level that alarms, or the two of a band.
        clear: The level or band that clears.
        bands: (from, to) in UTC milliseconds: when it fired.
        longest_gap_ms: Further apart than this no line joins two points; None = it joins all.
    """

    title: str
    unit: str
    time_zone: str = "Etc/UTC"
    points: Sequence[tuple[int, float]] = ()
    level: float | tuple[float, float] | None = None
    clear: float | tuple[float, float] | None = None
    bands: Sequence[tuple[int, int]] = ()
    longest_gap_ms: int | None = None


class _Frame(NamedTuple):
    """The plot's own coordinates."""

    from_ms: int
    to_ms: int
    low: float
    high: float

    def x(self, at_ms: float) -> int:
        return round(_LEFT + (at_ms - self.from_ms) / (self.to_ms - self.from_ms) * (WIDTH - _LEFT - _RIGHT - 1))

    def y(self, value: float) -> int:
        return round(HEIGHT - _BOTTOM - 1 - (value - self.low) / (self.high - self.low) * (HEIGHT - _TOP - _BOTTOM - 1))


def draw(order: PictureOrder) -> bytes:
    """Return the chart as a PNG of 480 × 160 pixels, a few KiB.

    Raises:
        ValueError: There is nothing to draw: no point is a finite number; or there is no such time zone.
    """
    finite = [value for _, value in order.points if isfinite(value)]
    if not finite:
        raise ValueError(f"{order.title!r}: there is no reading to draw")
    frame = _frame(order, finite)
    image = Image.new("RGB", (WIDTH, HEIGHT), _PAPER)
    pen = ImageDraw.Draw(image)
    _bands(pen, frame, order.bands)
    _axes(pen, frame, ZoneInfo(order.time_zone))
    for value in _levels(order.clear):
        _dashed(pen, frame.y(value), _CLEAR, on=3, off=4)
    for value in _levels(order.level):
        _dashed(pen, frame.y(value), _LEVEL, on=7, off=3)
    for piece in _pieces(order):
        _line(pen, [(frame.x(at_ms), frame.y(value)) for at_ms, value in piece])
    _heading(pen, order)
    written = BytesIO()
    image.quantize(64).save(written, "PNG", optimize=True)
    return written.getvalue()


def _levels(level: float | tuple[float, float] | None) -> tuple[float, ...]:
    if level is None:
        return ()
    return level if isinstance(level, tuple) else (level,)


def _frame(order: PictureOrder, finite: Sequence[float]) -> _Frame:
    values = [*finite, *_levels(order.level), *_levels(order.clear)]
    low, high = min(values), max(values)
    room = (high - low) * 0.08 or max(abs(high) * 0.05, 0.5)
    first, last = order.points[0][0], order.points[-1][0]
    return _Frame(first, max(last, first + 60_000), low - room, high + room)


def _bands(pen: ImageDraw.ImageDraw, frame: _Frame, bands: Iterable[tuple[int, int]]) -> None:
    for from_ms, to_ms in bands:
        left, right = frame.x(max(from_ms, frame.from_ms)), frame.x(min(to_ms, frame.to_ms))
        if right >= left:
            pen.rectangle((left, _TOP, max(right, left + 1), HEIGHT - _BOTTOM), fill=_BAND)


def _axes(pen: ImageDraw.ImageDraw, frame: _Frame, zone: ZoneInfo) -> None:
    small = _font(11)
    for value, text in value_marks(frame.low, frame.high):
        pen.line((_LEFT, frame.y(value), WIDTH - _RIGHT, frame.y(value)), fill=_GRID)
        pen.text((_LEFT - 5, frame.y(value)), text, fill=_SOFT, font=small, anchor="rm")
    for at_ms, text in time_marks(frame.from_ms, frame.to_ms, zone):
        x = frame.x(at_ms)
        pen.line((x, HEIGHT - _BOTTOM, x, HEIGHT - _BOTTOM + 3), fill=_SOFT)
        if x > WIDTH - 20:
            continue  # half of it would be cut off
        pen.text((x, HEIGHT - 2), text, fill=_SOFT, font=small, anchor="mb")
    pen.line((_LEFT, HEIGHT - _BOTTOM, WIDTH - _RIGHT, HEIGHT - _BOTTOM), fill=_SOFT)


def _dashed(pen: ImageDraw.ImageDraw, y: int, colour: str, *, on: int, off: int) -> None:
    for x in range(_LEFT, WIDTH - _RIGHT, on + off):
        pen.line((x, y, min(x + on - 1, WIDTH - _RIGHT), y), fill=colour)


def _pieces(order: PictureOrder) -> list[list[tuple[int, float]]]:
    """Return the runs of points that a line may join."""
    pieces: list[list[tuple[int, float]]] = [[]]
    for at_ms, value in order.points:
        gap = pieces[-1] and order.longest_gap_ms is not None and at_ms - pieces[-1][-1][0] > order.longest_gap_ms
        if gap or not isfinite(value):
            pieces.append([])
        if isfinite(value):
            pieces[-1].append((at_ms, value))
    return [piece for piece in pieces if piece]


def _line(pen: ImageDraw.ImageDraw, points: Sequence[tuple[int, int]]) -> None:
    """Draw a run; of the many points of one column the first, highest, lowest and last are drawn."""
    if len(points) == 1:
        x, y = points[0]
        pen.ellipse((x - 1, y - 1, x + 1, y + 1), fill=_LINE)
        return
    columns: dict[int, list[int]] = {}
    for x, y in points:
        columns.setdefault(x, []).append(y)
    path = [(x, y) for x, ys in columns.items() for y in (ys[0], min(ys), max(ys), ys[-1])]
    pen.line(path, fill=_LINE, width=2, joint="curve")


def _heading(pen: ImageDraw.ImageDraw, order: PictureOrder) -> None:
    font = _font(12)
    title = order.title if len(order.title) <= _MOST_TITLE else f"{order.title[: _MOST_TITLE - 3]}..."
    texts = [text for text in (title, order.unit) if _drawable(text, font)]
    pen.text((6, 3), " · ".join(texts) if _drawable("·", font) else ", ".join(texts), fill=_INK, font=font)


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Return DejaVu where the system has it, for its Cyrillic; else Pillow's own, which has ASCII and a few signs."""
    try:
        return ImageFont.truetype("DejaVuSans.ttf", size)
    except OSError:
        return ImageFont.load_default(size)


def _drawable(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> bool:
    """Whether the font has every letter: otherwise readers would see boxes."""
    missing = bytes(font.getmask("\ufffe"))
    return all(letter == " " or bytes(font.getmask(letter)) != missing for letter in set(text))
