"""What a mast or a room feels, in the words of each instrument: other units, dew points, what follows from humidity."""

import math

from siloscope_firmware_sim.instruments.davis_vantage import Seen
from siloscope_firmware_sim.instruments.line_talkers import Air as NmeaAir
from siloscope_firmware_sim.instruments.line_talkers import Wind
from siloscope_firmware_sim.instruments.vaisala_probes import Humidity
from siloscope_firmware_sim.instruments.weather_stations import Weather
from siloscope_firmware_sim.instruments.wxt520 import Sky
from siloscope_firmware_sim.instruments.xy_md02 import Air
from siloscope_firmware_sim.physics.air import saturation_hpa

_SEA_LEVEL_HPA = 1013.25


def dew_point_c(temperature_c: float, humidity_pct: float) -> float:
    """Return the temperature at which the air would be saturated: the Magnus formula of `saturation_hpa`, inverted.

    >>> round(dew_point_c(20.0, 50.0), 1)
    9.3
    """
    logarithm = math.log(max(humidity_pct, 0.1) / 100 * saturation_hpa(temperature_c) / 6.1094)
    return 243.04 * logarithm / (17.625 - logarithm)


def wind(sky: Sky) -> Wind:
    """Return the mean wind."""
    direction = sky.direction_deg[1] if sky.direction_deg is not None else None
    return Wind(direction, sky.speed_m_s[1] if sky.speed_m_s is not None else None)


def weather(sky: Sky) -> Weather:
    """Return what a compact station feels."""
    felt = wind(sky)
    dew_c = _dew_c(sky)
    return Weather(
        felt.speed_m_s,
        felt.direction_deg,
        sky.temperature_c,
        sky.humidity_pct,
        dew_c,
        sky.pressure_hpa,
        rain_mm=sky.rain_mm,
    )


def air(sky: Sky) -> NmeaAir:
    """Return what an NMEA instrument feels."""
    return NmeaAir(sky.pressure_hpa, sky.temperature_c, sky.humidity_pct, _dew_c(sky), wind(sky))


def console(sky: Sky) -> Seen:
    """Return what a Davis console shows; clicks are those of a 0.2 mm gauge, and it stands in a warm office."""
    felt, dew_c = wind(sky), _dew_c(sky)
    return Seen(
        barometer_inhg=None if sky.pressure_hpa is None else sky.pressure_hpa / 33.8638866667,
        inside_f=70.0,
        inside_pct=40,
        outside_f=None if sky.temperature_c is None else _fahrenheit(sky.temperature_c),
        outside_pct=None if sky.humidity_pct is None else round(min(sky.humidity_pct, 100)),
        wind_mph=None if felt.speed_m_s is None else round(felt.speed_m_s / 0.44704),
        direction_deg=None if felt.direction_deg is None else round(felt.direction_deg) % 360 or 360,
        dew_point_f=None if dew_c is None else round(_fahrenheit(dew_c)),
        rain_clicks=round(sky.rain_mm / 0.2) % 0xFFFF,
        rain_clicks_h=round((sky.rain_rate_mm_h or 0) / 0.2),
    )


def humidity(felt: Air) -> Humidity:
    """Return what an HMP probe derives at the pressure of the sea level.

    Source: vapour pressure by Magnus; absolute humidity 216.7 e/T (ideal gas); mixing ratio 622 e/(p - e); wet bulb by
    Stull 2011, equation 1.
    """
    temperature, relative = felt.temperature_c, felt.humidity_pct
    vapour_hpa = relative / 100 * saturation_hpa(temperature)
    wet_bulb = (
        temperature * math.atan(0.151977 * math.sqrt(relative + 8.313659))
        + math.atan(temperature + relative)
        - math.atan(relative - 1.676331)
        + 0.00391838 * relative**1.5 * math.atan(0.023101 * relative)
        - 4.686035
    )
    return Humidity(
        relative,
        temperature,
        dew_point_c(temperature, relative),
        216.7 * vapour_hpa / (temperature + 273.15),
        622 * vapour_hpa / (_SEA_LEVEL_HPA - vapour_hpa),
        wet_bulb,
    )


def _dew_c(sky: Sky) -> float | None:
    if sky.temperature_c is None or sky.humidity_pct is None:
        return None
    return dew_point_c(sky.temperature_c, sky.humidity_pct)


def _fahrenheit(celsius: float) -> float:
    return celsius * 1.8 + 32
