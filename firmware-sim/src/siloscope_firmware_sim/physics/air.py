"""Properties of moist air, and what the sun does to a roof."""

import math

DENSITY_KG_M3 = 1.2
HEAT_J_KG_K = 1006.0
OUTSIDE_CO2_PPM = 420.0
CO2_KG_M3 = 1.84  # density of CO2 at 20 °C and 1013 hPa
_DAY_S = 86_400
_J2000_NOON_S = 946_728_000  # 2000-01-01T12:00:00Z


def saturation_hpa(temperature_c: float) -> float:
    """Return the vapour pressure over water at saturation.

    Source: Magnus formula with the constants of Alduchov and Eskridge 1996, equation 21; -40 to 50 °C.
    """
    return 6.1094 * math.exp(17.625 * temperature_c / (243.04 + temperature_c))


def sun_height(time_s: float, latitude_deg: float, longitude_deg: float) -> float:
    """Return the sine of the sun's elevation (mean solar time; some minutes off, which a roof does not notice).

    Source: Iqbal 1983, equations 1.3.3 (Cooper's declination) and 1.5.1.
    """
    day = (time_s - _J2000_NOON_S) / _DAY_S
    declination = math.radians(23.45 * math.sin(math.radians(360 * (284 + day % 365.25) / 365)))
    hour_angle = 2 * math.pi * (time_s % _DAY_S / _DAY_S - 0.5) + math.radians(longitude_deg)
    latitude = math.radians(latitude_deg)
    return math.sin(latitude) * math.sin(declination) + math.cos(latitude) * math.cos(declination) * math.cos(
        hour_angle
    )


def roof_c(outside_c: float, sine_of_elevation: float) -> float:
    """Return the sol-air temperature of a galvanized roof.

    The observations carry no radiation: half of the clear-sky value is taken for every day. Absorptance 0.6 and an
    outer film of 17 W/(m² K) give 0.035 K per W/m².

    Source: Haurwitz 1945 for the clear sky; ASHRAE Fundamentals 2017, chapter 18, for the sol-air temperature.
    """
    if sine_of_elevation <= 0.01:
        return outside_c
    clear_w_m2 = 1098 * sine_of_elevation * math.exp(-0.057 / sine_of_elevation)
    return outside_c + 0.035 * 0.5 * clear_w_m2
