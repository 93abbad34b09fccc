"""Series made by chance from a seed, with what is wrong in them labelled.

Nothing of it was looked at when levels of shipped rules were chosen; it is what they are measured by.
"""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from siloscope_alerting.backtest.labels import Window

BEGIN = datetime(2026, 1, 5, tzinfo=UTC)
DAYS = 90
HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Made:
    """A series, an hour a value, and the labelled span; of a series in which nothing is wrong there is none."""

    values: list[float]
    windows: list[Window]

    def write(self, folder: Path) -> Path:
        """Write it as a file that a backtest reads."""
        file = folder / "made.csv"
        rows = [f"{(BEGIN + HOUR * hour).isoformat()},{value:.3f}" for hour, value in enumerate(self.values)]
        file.write_text("\n".join(["time,value", *rows]), "utf-8")
        return file


def room(chance: random.Random) -> list[float]:
    """Weeks of work and of rest, days and nights, a slow drift and noise, around 21 °C."""
    drift, values = 0.0, []
    for hour in range(24 * DAYS):
        day, rest = divmod(hour, 24)
        drift = 0.995 * drift + chance.gauss(0, 0.05)
        works = day % 7 < 5
        wave = math.sin((rest - 9) / 24 * 2 * math.pi) if works else -0.8
        values.append(21 + drift + wave + chance.gauss(0, 0.25))
    return values


def machine(chance: random.Random) -> list[float]:
    """A machine at about 30 °C that is warmer under load, with the long waves of its surroundings and noise."""
    load, values = 0.0, []
    phase = chance.uniform(0, 2 * math.pi)
    for hour in range(24 * DAYS):
        load = 0.9 * load + chance.gauss(0, 0.5)
        values.append(30 + 1.5 * math.sin(hour / (24 * 9) * 2 * math.pi + phase) + load + chance.gauss(0, 0.3))
    return values


def grain(chance: random.Random) -> list[float]:
    """A sensor in grain: a season that is felt late and little, next to no days, the resolution of its cable."""
    phase, values = chance.uniform(0, 2 * math.pi), []
    for hour in range(24 * DAYS):
        season = 14 - 4 * math.sin(hour / (24 * 365) * 2 * math.pi + phase)
        daily = 0.15 * math.sin((hour % 24 - 15) / 24 * 2 * math.pi)
        values.append(round((season + daily + chance.gauss(0, 0.06)) / 0.0625) * 0.0625)
    return values


def jump(chance: random.Random, values: list[float]) -> Made:
    """One day lies as a whole far above the others."""
    return _changed(values, *_span(chance, 24), lambda value, _: value + 5)


def fall(chance: random.Random, values: list[float]) -> Made:
    """Half a day of nothing: it was shut down."""
    return _changed(values, *_span(chance, 12), lambda value, _: value - 15)


def flat_day(chance: random.Random, values: list[float]) -> Made:
    """One day is flat in the middle of the usual range: only its rhythm is missing."""
    return _changed(values, *_span(chance, 24), lambda _, at: 21.0 + 0.05 * math.sin(at))


def stuck(chance: random.Random, values: list[float]) -> Made:
    """The sensor says ever the same for three days."""
    begin, end = _span(chance, 72)
    return _changed(values, begin, end, lambda _, __: values[begin])


def drift(chance: random.Random, values: list[float]) -> Made:
    """The sensor drifts away, a tenth of a degree a day, to the end."""
    begin, _ = _span(chance, 24)
    return _changed(values, begin, len(values), lambda value, at: value + at / 24 * 0.1)


def heating(chance: random.Random, values: list[float]) -> Made:
    """A pocket heats by 0.6 °C a day for two weeks."""
    begin, end = _span(chance, 24 * 14)
    return _changed(values, begin, end, lambda value, at: value + at / 24 * 0.6)


def nothing(_: random.Random, values: list[float]) -> Made:
    """Nothing is wrong."""
    return Made(values, [])


def _span(chance: random.Random, hours: int) -> tuple[int, int]:
    """Return where something goes wrong: not within the first five weeks, from which the rest is judged."""
    begin = chance.randrange(24 * 35, 24 * (DAYS - 3) - hours)
    return begin, begin + hours


def _changed(values: list[float], begin: int, end: int, change: Callable[[float, int], float]) -> Made:
    found = list(values)
    for hour in range(begin, end):
        found[hour] = change(values[hour], hour - begin)
    window = (BEGIN + HOUR * begin).isoformat(), (BEGIN + HOUR * (end + 24)).isoformat()
    return Made(found, [window])
