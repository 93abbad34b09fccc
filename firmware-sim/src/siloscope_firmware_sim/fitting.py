"""Fitting instruments: which instrument of a world file reads what of which place, and which channels it has."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from siloscope_firmware_sim.farm import Bin, Bus, Instrument, Place
from siloscope_firmware_sim.instruments.r4dcb08 import CHANNELS, R4dcb08
from siloscope_firmware_sim.instruments.sdm120 import Sdm120
from siloscope_firmware_sim.instruments.senseair_s8 import ANY_ADDRESS, SenseairS8
from siloscope_firmware_sim.instruments.wxt520 import Wxt520
from siloscope_firmware_sim.instruments.xy_md02 import XyMd02
from siloscope_firmware_sim.memory import Settings
from siloscope_firmware_sim.modbus.bus import Slave
from siloscope_firmware_sim.places import LiveBin, LiveMast, LivePlace, LiveRoom

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
}


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
    if isinstance(place, Bin) and instrument.kind == "r4dcb08":
        return [Channel(key, instrument.cable, level) for level, key in enumerate(keys[: place.levels], start=1)]
    return [Channel(key, spot=instrument.spot) for key in keys]


def modbus_slave(plan: Instrument, bus: Bus, place: LivePlace, now: Seconds, memory: Settings) -> Slave:
    """Return a Modbus instrument at its place, reading it at the time that ``now`` says."""
    unit_id = plan.unit_id or ANY_ADDRESS
    if isinstance(place, LiveBin):
        return _in_bin(plan, unit_id, bus, place, now, memory)
    if isinstance(place, LiveRoom) and plan.kind == "xy-md02":
        return XyMd02(unit_id, lambda: place.air(plan.spot, now()), baud=bus.baud, memory=memory)
    if isinstance(place, LiveRoom) and plan.kind == "senseair-s8":
        return SenseairS8(lambda: place.co2_ppm(now()), unit_id=unit_id, memory=memory)
    raise Misfit(f"{plan.name}: a {plan.kind} cannot measure in {plan.place}")


def weather_transmitter(plan: Instrument, bus: Bus, place: LivePlace, now: Seconds) -> Wxt520:
    """Return a transmitter on its mast."""
    if not isinstance(place, LiveMast):
        raise Misfit(f"{plan.name}: a {plan.kind} stands on a mast, not in {plan.place}")
    return Wxt520(plan.address, lambda: place.sky(now()), baud=bus.baud)


def _in_bin(plan: Instrument, unit_id: int, bus: Bus, place: LiveBin, now: Seconds, memory: Settings) -> Slave:
    if plan.kind == "r4dcb08":
        cable = plan.cable or 1
        return R4dcb08(unit_id, lambda: place.cable_c(cable, now()), baud=bus.baud, memory=memory)
    if plan.kind == "xy-md02":
        return XyMd02(unit_id, lambda: place.head_air(now()), baud=bus.baud, memory=memory)
    if plan.kind == "senseair-s8":
        return SenseairS8(lambda: place.head_co2_ppm(now()), unit_id=unit_id, memory=memory)
    if plan.kind == "sdm120":
        return Sdm120(unit_id, lambda: place.mains(now()), baud=bus.baud, memory=memory)
    raise Misfit(f"{plan.name}: a {plan.kind} cannot measure in {plan.place}")
