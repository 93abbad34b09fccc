"""The picture of a message: small, true to size, and never a reason why a message does not go out."""

from io import BytesIO
from math import nan, sin
from typing import Any

import msgspec
import pytest
from PIL import Image, ImageFont

from siloscope_alerting.pictures import chart
from siloscope_alerting.pictures.chart import PictureOrder, draw

BEGIN_MS = 1_767_225_600_000
LINE, LEVEL, BAND = (23, 99, 58), (140, 28, 16), (253, 228, 222)
ORDER = PictureOrder(
    title="Bin 7, cable 2",
    unit="°C",
    time_zone="Europe/Kyiv",
    points=[(BEGIN_MS + minute * 60_000, 24 + 6 * sin(minute / 90)) for minute in range(720)],
    level=28.0,
    clear=26.0,
    bands=[(BEGIN_MS + 100 * 60_000, BEGIN_MS + 200 * 60_000)],
)


def picture(order: PictureOrder) -> Image.Image:
    return Image.open(BytesIO(draw(order))).convert("RGB")


def pixels(image: Image.Image, colour: tuple[int, int, int]) -> set[tuple[int, int]]:
    """Return where a colour is, but for what the palette makes of it."""
    close = [
        (x, y)
        for y in range(image.height)
        for x in range(image.width)
        if sum(abs(a - b) for a, b in zip(pixel(image, x, y), colour, strict=True)) < 24
    ]
    return set(close)


def pixel(image: Image.Image, x: int, y: int) -> tuple[int, int, int]:
    found: Any = image.getpixel((x, y))
    return int(found[0]), int(found[1]), int(found[2])


def test_a_picture_without_a_reading_is_refused() -> None:
    with pytest.raises(ValueError, match="no reading to draw"):
        draw(PictureOrder(title="Bin 7", unit="°C", points=[(BEGIN_MS, nan)]))


def test_a_picture_is_small_in_both_ways() -> None:
    image = picture(ORDER)
    assert image.size == (480, 160)
    assert len(draw(ORDER)) < 8_000
    many = [(BEGIN_MS + second * 1000, 24 + 6 * sin(second / 5)) for second in range(100_000)]
    assert len(draw(msgspec.structs.replace(ORDER, points=many))) < 40_000


def test_the_line_lies_above_the_level_where_it_fired() -> None:
    image = picture(msgspec.structs.replace(ORDER, bands=[]))
    level_ys = {y for _, y in pixels(image, LEVEL)}
    assert len(level_ys) <= 2
    assert any(y < min(level_ys) for _, y in pixels(image, LINE))


def test_when_it_fired_is_shaded() -> None:
    xs = [x for x, _ in pixels(picture(ORDER), BAND)]
    assert 44 + 0.10 * 428 < min(xs) < 44 + 0.18 * 428
    assert 44 + 0.24 * 428 < max(xs) < 44 + 0.31 * 428
    assert not pixels(picture(msgspec.structs.replace(ORDER, bands=[])), BAND)


@pytest.mark.parametrize("broken", ["gap", "failed"])
def test_no_line_joins_what_a_gap_parts(broken: str) -> None:
    inside = range(300, 420)
    points = [
        (at_ms, nan if minute in inside else value)
        for minute, (at_ms, value) in enumerate(ORDER.points)
        if broken == "failed" or minute not in inside
    ]
    order = msgspec.structs.replace(ORDER, points=points, bands=[], longest_gap_ms=120_000)
    columns = {x for x, _ in pixels(picture(order), LINE)}
    assert not columns & set(range(44 + 185, 44 + 245))
    assert columns & set(range(44, 44 + 170))
    assert columns & set(range(44 + 255, 470))


@pytest.mark.parametrize(
    "change",
    [
        {"points": [(BEGIN_MS, 21.0)]},
        {"points": [(BEGIN_MS, 0.0), (BEGIN_MS + 60_000, 0.0)], "level": None, "clear": None},
        {"level": (2.0, 8.0), "clear": (2.5, 7.5)},
        {"title": "Зерносховище 7, кабель 2: " + "дуже довга назва " * 20},
        {"bands": [(0, BEGIN_MS), (BEGIN_MS + 10**12, BEGIN_MS + 2 * 10**12)]},
        {"points": [(BEGIN_MS, -1e15), (BEGIN_MS + 60_000, 1e15)]},
        {"points": [(BEGIN_MS, 1e-9), (BEGIN_MS + 60_000, 2e-9)], "level": None, "clear": None},
    ],
)
def test_odd_orders_are_drawn(change: dict[str, Any]) -> None:
    assert picture(msgspec.structs.replace(ORDER, **change)).size == (480, 160)


def test_letters_that_the_font_has_not_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chart, "_font", ImageFont.load_default)
    known, unknown = (picture(msgspec.structs.replace(ORDER, title=each, unit="")) for each in ("Bin 7", "Бункер 7"))
    ink = [
        sum(pixel(each, x, y) != (255, 255, 255) for x in range(200) for y in range(18)) for each in (known, unknown)
    ]
    assert ink[0] > 50
    assert ink[1] == 0
