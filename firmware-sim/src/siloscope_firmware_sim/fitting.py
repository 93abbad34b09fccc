"""Fitting instruments: which instrument of a world file reads what of which place, and which channels it has."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from siloscope_firmware_sim.farm import Bin, Bus, Instrument, Place
from siloscope_firmware_sim.instruments import sky_words
from siloscope_firmware_sim.instruments.davis_vantage import DavisVantage
from siloscope_firmware_sim.instruments.field_probes import INPUTS, loop_8ch
from siloscope_firmware_sim.instruments.line_talkers import GillWindsonic, NmeaWeather
from siloscope_firmware_sim.instruments.r4dcb08 import CHANNELS, R4dcb08
from siloscope_firmware_sim.instruments.sdm120 import Sdm120
from siloscope_firmware_sim.instruments.senseair_s8 import ANY_ADDRESS, SenseairS8
from siloscope_firmware_sim.instruments.vaisala_probes import UNIT_ID as VAISALA_ID
from siloscope_firmware_sim.instruments.vaisala_probes import gmp252, hmp
from siloscope_firmware_sim.instruments.weather_stations import compact, wsc11
from siloscope_firmware_sim.instruments.wxt520 import Wxt520
from siloscope_firmware_sim.instruments.xy_md02 import Air, XyMd02
from siloscope_firmware_sim.lines.stream import Instrument as Talker
from siloscope_firmware_sim.memory import Settings
from siloscope_firmware_sim.modbus.bus import Slave
from siloscope_firmware_sim.places import LiveBin, LiveMast, LivePlace

Seconds = Callable[[], float]

KEYS: Mapping[str, tuple[str, ...]] = {
    "r4dcb08": tuple(f"t{channel}" for channel in range(1, CHANNELS + 1)),
    "xy-md02": ("temperature", "humidity"),
    "senseair-s8": ("co2",),
    "sdm120": ("voltage", "current", "power", "frequency", "energy_import"),
    "wxt520": (
        "wind_direction",
        "wind_direction_min",
        "wind_direction_max",
        "wind_speed",
        "wind_speed_min",
        "wind_speed_max",
        "temperature",
        "humidity",
        "pressure",
        "rain",
        "rain_rate",
    ),
    "vaisala-gmp250": ("co2", "temperature"),
    "vaisala-hmp": ("humidity", "temperature", "dew_point", "absolute_humidity", "mixing_ratio", "wet_bulb"),
    "loop-8ch": tuple(f"input{channel}" for channel in range(1, INPUTS + 1)),
    "compact-weather": (
        "wind_speed",
        "wind_force",
        "wind_direction",
        "humidity",
        "temperature",
        "noise",
        "pressure",
        "illuminance",
        "rain",
        "solar",
    ),
    "wsc11": ("wind_speed", "wind_direction", "temperature", "humidity", "dew_point", "pressure"),
    "gill-windsonic": ("wind_direction", "wind_speed"),
    "nmea-weather": ("pressure", "temperature", "humidity", "dew_point", "wind_direction", "wind_speed"),
    "davis-vantage": (
        "pressure",
        "temperature_inside",
        "humidity_inside",
        "temperature",
        "humidity",
        "dew_point",
        "wind_speed",
        "wind_direction",
        "wind_speed_10min",
        "wind_gust",
        "rain_day",
        "rain_rate",
        "solar",
        "uv",
        "console_battery",
    ),
}
_OWN_ADDRESSES = {"senseair-s8": ANY_ADDRESS, "vaisala-gmp250": VAISALA_ID, "vaisala-hmp": VAISALA_ID}


class Misfit(Exception):
    """An instrument hangs where it cannot measure; `world_check` refuses such a world before."""


@dataclass(frozen=True)
class Channel:
    """One measured quantity and its spot in the place."""

    key: str
    cable: int | None = None
    level: int | None = None
    spot: str | None = None


def channels(instrument: Instrument, place: Place) -> list[Channel]:
    """Return the channels that are connected, in the order of the registers."""
    keys = KEYS[instrument.kind]
    if isinstance(place, Bin) and instrument.kind in ("r4dcb08", "loop-8ch"):
        return [Channel(key, instrument.cable, level) for level, key in enumerate(keys[: place.levels], start=1)]
    return [Channel(key, spot=instrument.spot) for key in keys]


def unit_id(plan: Instrument) -> int:
    """Return the unit id of a Modbus instrument: the one of the file, or that of its maker."""
    return plan.unit_id or _OWN_ADDRESSES.get(plan.kind, ANY_ADDRESS)


def modbus_slave(plan: Instrument, bus: Bus, place: LivePlace, now: Seconds, memory: Settings) -> Slave:
    """Return a Modbus instrument at its place, reading it at the time that ``now`` says."""
    if isinstance(place, LiveMast):
        return _on_mast(plan, place, now)
    if isinstance(place, LiveBin) and plan.kind in ("r4dcb08", "sdm120", "loop-8ch"):
        return _in_bin(plan, bus, place, now, memory)
    if isinstance(place, LiveBin):
        return _in_air(plan, bus, lambda: place.head_air(now()), lambda: place.head_co2_ppm(now()), memory)
    return _in_air(plan, bus, lambda: place.air(plan.spot, now()), lambda: place.co2_ppm(now()), memory)


def talker(plan: Instrument, place: LivePlace, now: Seconds) -> Talker:
    """Return an instrument that is alone on its line, on a mast."""
    if isinstance(place, LiveMast):
        if plan.kind == "gill-windsonic":
            return GillWindsonic(lambda: sky_words.wind(place.sky(now())))
        if plan.kind == "nmea-weather":
            return NmeaWeather(lambda: sky_words.air(place.sky(now())))
        if plan.kind == "davis-vantage":
            return DavisVantage(lambda: sky_words.console(place.sky(now())))
    raise Misfit(f"{plan.name}: a {plan.kind} cannot measure on {plan.place}")


def weather_transmitter(plan: Instrument, bus: Bus, place: LivePlace, now: Seconds) -> Wxt520:
    """Return a transmitter on its mast."""
    if not isinstance(place, LiveMast):
        raise Misfit(f"{plan.name}: a {plan.kind} stands on a mast, not in {plan.place}")
    return Wxt520(plan.address, lambda: place.sky(now()), baud=bus.baud)


def _on_mast(plan: Instrument, place: LiveMast, now: Seconds) -> Slave:
    if plan.kind == "compact-weather":
        return compact(unit_id(plan), lambda: sky_words.weather(place.sky(now())))
    if plan.kind == "wsc11":
        return wsc11(unit_id(plan), lambda: sky_words.weather(place.sky(now())))
    raise Misfit(f"{plan.name}: a {plan.kind} cannot measure on {plan.place}")


def _in_bin(plan: Instrument, bus: Bus, place: LiveBin, now: Seconds, memory: Settings) -> Slave:
    cable = plan.cable or 1
    if plan.kind == "r4dcb08":
        return R4dcb08(unit_id(plan), lambda: place.cable_c(cable, now()), baud=bus.baud, memory=memory)
    if plan.kind == "loop-8ch":
        return loop_8ch(unit_id(plan), lambda: [_loop_ma(each) for each in place.cable_c(cable, now())])
    return Sdm120(unit_id(plan), lambda: place.mains(now()), baud=bus.baud, memory=memory)


def _in_air(
    plan: Instrument, bus: Bus, air: Callable[[], Air], co2_ppm: Callable[[], float], memory: Settings
) -> Slave:
    if plan.kind == "xy-md02":
        return XyMd02(unit_id(plan), air, baud=bus.baud, memory=memory)
    if plan.kind == "senseair-s8":
        return SenseairS8(co2_ppm, unit_id=unit_id(plan), memory=memory)
    if plan.kind == "vaisala-gmp250":
        return gmp252(co2_ppm, lambda: air().temperature_c, unit_id=unit_id(plan))
    if plan.kind == "vaisala-hmp":
        return hmp(lambda: sky_words.humidity(air()), unit_id=unit_id(plan))
    raise Misfit(f"{plan.name}: a {plan.kind} cannot measure in {plan.place}")


def _loop_ma(temperature_c: float | None) -> float:
    """Return what a transmitter of -50 to 100 °C draws; nothing where its probe does not answer."""
    return 0.0 if temperature_c is None else 4 + 16 * (temperature_c + 50) / 150
