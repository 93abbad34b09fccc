"""The observation table: one row an hour, in the project's units; None where the station has nothing."""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files

HOUR_S = 3600
DAY_S = 86_400
_M_S_PER_MPH = 0.44704
_MM_PER_INCH = 25.4


@dataclass(frozen=True)
class Observation:
    """One hour at the station.

    Attributes:
        time_s: Epoch seconds, a full hour.
        temperature_c: Air temperature.
        humidity_pct: Relative humidity.
        direction_deg: Where the wind comes from; None when variable or missing.
        speed_m_s: Mean wind speed; 0 is calm.
        gust_m_s: Greatest gust, where one was reported.
        rain_mm: Rain in the hour that ends here.
        pressure_hpa: At sea level.
    """

    time_s: int
    temperature_c: float | None
    humidity_pct: float | None
    direction_deg: float | None
    speed_m_s: float | None
    gust_m_s: float | None
    rain_mm: float
    pressure_hpa: float | None


def shipped(name: str) -> list[Observation]:
    """Return the observations that the package ships under this name, oldest first.

    Raises:
        FileNotFoundError: The package ships no such file.
    """
    with (files("siloscope_firmware_sim") / "weather" / f"{name}.csv").open(encoding="utf-8") as file:
        return list(read(file))


def read(lines: Iterable[str]) -> Iterator[Observation]:
    """Read the CSV form of the NOAA hourly table; lines that begin with # are comments."""
    for row in csv.DictReader(line for line in lines if not line.startswith("#")):
        yield Observation(
            time_s=round(datetime.fromisoformat(row["time_hour"]).astimezone(UTC).timestamp()),
            temperature_c=_celsius(_number(row["temp"])),
            humidity_pct=_number(row["humid"]),
            direction_deg=_number(row["wind_dir"]),
            speed_m_s=_scaled(_number(row["wind_speed"]), _M_S_PER_MPH),
            gust_m_s=_scaled(_number(row["wind_gust"]), _M_S_PER_MPH),
            rain_mm=(_number(row["precip"]) or 0.0) * _MM_PER_INCH,
            pressure_hpa=_number(row["pressure"]),
        )


def _number(text: str) -> float | None:
    return None if text == "NA" else float(text)


def _scaled(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor


def _celsius(fahrenheit: float | None) -> float | None:
    return None if fahrenheit is None else (fahrenheit - 32) / 1.8
