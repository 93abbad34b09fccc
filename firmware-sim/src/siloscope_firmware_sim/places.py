"""The places of a world, alive: what an instrument at a spot of a bin, a cold room or a mast would feel at a time.

Times are epoch seconds. Each sensor carries a small constant error of its own and a little noise, both from the seed.
"""

from collections.abc import Callable
from random import Random

from siloscope_firmware_sim.farm import Bin, Place, Room, Site, World
from siloscope_firmware_sim.instruments.sdm120 import Mains
from siloscope_firmware_sim.instruments.wxt520 import Sky
from siloscope_firmware_sim.instruments.xy_md02 import Air
from siloscope_firmware_sim.physics import air
from siloscope_firmware_sim.physics.bin_shape import BinShape
from siloscope_firmware_sim.physics.cold_room import ColdRoom, ColdRoomPlan
from siloscope_firmware_sim.physics.doors import DoorBook
from siloscope_firmware_sim.physics.fan import FanRule
from siloscope_firmware_sim.physics.grain import Charge, GrainModel, Outside
from siloscope_firmware_sim.physics.season import Season
from siloscope_firmware_sim.physics.wander import wander
from siloscope_firmware_sim.weather.observations import DAY_S, HOUR_S
from siloscope_firmware_sim.weather.replay import Replay

_ROUNDS_A_SEASON = 2
_PROBE_ERROR_C = 0.15
_WORST_PROBE_C = 0.4
_POWER_FACTOR = 0.86


class LiveBin:
    """A bin with grain in it.

    Args:
        plan: What the world file says of it.
        site: Where it stands.
        world: Seed, epoch and mains.
        replay: The weather.
    """

    def __init__(self, plan: Bin, site: Site, world: World, replay: Replay) -> None:
        self._plan = plan
        self._world = world
        self._key = f"{site.name}/{plan.name}"
        self._shape = BinShape(plan.diameter_m, plan.eave_height_m, plan.cables, plan.levels, plan.grain_levels)
        self._missing = {(each.cable, each.level) for each in plan.missing_probes}
        self._errors_c = {
            (cable, level): _probe_error_c(Random(f"{world.seed}/{self._key}/{cable}/{level}"))
            for cable in range(1, plan.cables + 1)
            for level in range(1, plan.levels + 1)
        }
        epoch_s = int(world.epoch.timestamp())
        self._season = Season(
            GrainModel(self._shape, _charge(plan, self._shape, Random(f"{world.seed}/{self._key}"))),
            FanRule(enabled=plan.fan is not None and plan.fan.mode == "automatic"),
            _weather_at(site, replay),
            filled_s=epoch_s // HOUR_S * HOUR_S + plan.filled_day * DAY_S,
            length_s=_ROUNDS_A_SEASON * replay.period_s,
            epoch_s=epoch_s,
        )

    def prepare(self, time_s: float) -> None:
        """Compute the season now, so that the first reader need not wait for it."""
        self._season.at(time_s)

    def cable_c(self, cable: int, time_s: float) -> list[float | None]:
        """Return what the probes of a cable feel, lowest first; None for one that does not answer."""
        shape, now = self._shape, self._season.at(time_s)
        grain = [now.cells_c[shape.cell(cable, level)] for level in range(1, shape.grain_levels + 1)]
        felt = grain + [now.head_c] * (shape.levels - shape.grain_levels)
        return [
            None if (cable, level) in self._missing else value + self._errors_c[cable, level]
            for level, value in enumerate(felt, start=1)
        ]

    def head_air(self, time_s: float) -> Air:
        """Return the air under the roof."""
        now = self._season.at(time_s)
        jitter = wander(self._world.seed, f"{self._key}/air", time_s, 120)
        return Air(now.head_c + 0.1 * jitter, min(now.head_humidity_pct + 0.3 * jitter, 100.0))

    def head_co2_ppm(self, time_s: float) -> float:
        """Return the CO2 under the roof."""
        return self._season.at(time_s).head_co2_ppm + 6 * wander(self._world.seed, f"{self._key}/co2", time_s, 90)

    def mains(self, time_s: float) -> Mains:
        """Return what the fan draws, as its meter sees it."""
        now = self._season.at(time_s)
        seed, rated_w = self._world.seed, self._plan.fan.power_w if self._plan.fan else 0.0
        voltage = self._world.mains_v + 3 * wander(seed, "mains", time_s, 300)
        power = rated_w * (1 + 0.015 * wander(seed, f"{self._key}/fan", time_s, 60)) if now.fan_runs else 0.0
        frequency = self._world.mains_hz + 0.02 * wander(seed, "frequency", time_s, 30)
        current = power / voltage / _POWER_FACTOR
        return Mains(voltage, current, power, frequency, rated_w * now.fan_hours / 1000)


class LiveRoom:
    """A cold room with produce in it."""

    def __init__(self, plan: Room, site: Site, world: World) -> None:
        self._seed = world.seed
        self._key = f"{site.name}/{plan.name}"
        solar_offset_s = round(site.longitude / 15) * HOUR_S
        self._room = ColdRoom(
            ColdRoomPlan(plan.volume_m3, plan.setpoint_c, plan.hysteresis_k, plan.goods_kg),
            DoorBook(world.seed, self._key, offset_s=solar_offset_s, openings_a_day=plan.openings_a_day),
            anchor_s=int(world.epoch.timestamp()) // HOUR_S * HOUR_S + plan.cleaned_at_h * HOUR_S,
        )

    def prepare(self, time_s: float) -> None:
        """Step to this time now, so that the first reader need not wait for it."""
        self._room.at(time_s)

    def air(self, spot: str | None, time_s: float) -> Air:
        """Return the air at a spot: a little warmer near the door, each spot with its own noise."""
        now = self._room.at(time_s)
        near_door = spot is not None and "door" in spot.lower()
        jitter = wander(self._seed, f"{self._key}/{spot}", time_s, 60)
        temperature = now.air_c + 0.15 * jitter + (0.6 if near_door else 0.0)
        dried = air.saturation_hpa(now.air_c) / air.saturation_hpa(temperature)
        return Air(temperature, min(now.humidity_pct * dried + 0.4 * jitter, 100.0))

    def co2_ppm(self, time_s: float) -> float:
        """Return the CO2 in the room."""
        return self._room.at(time_s).co2_ppm + 5 * wander(self._seed, f"{self._key}/co2", time_s, 90)


class LiveMast:
    """A weather mast in the replayed weather."""

    def __init__(self, replay: Replay) -> None:
        self._replay = replay

    def prepare(self, time_s: float) -> None:
        """Do nothing: the weather is at hand."""

    def sky(self, time_s: float) -> Sky:
        """Return what a weather transmitter feels; what the station did not know is missing here too."""
        seen = self._replay.observed(time_s)
        return Sky(
            direction_deg=seen.direction_deg,
            speed_m_s=seen.speed_m_s,
            temperature_c=seen.temperature_c,
            humidity_pct=seen.humidity_pct,
            pressure_hpa=seen.pressure_hpa,
            rain_mm=seen.rain_mm,
            rain_s=seen.rain_s,
            rain_rate_mm_h=seen.rain_rate_mm_h,
        )


LivePlace = LiveBin | LiveRoom | LiveMast


def living(plan: Place, site: Site, world: World, replay: Replay) -> LivePlace:
    """Return a place of the world file, alive."""
    if isinstance(plan, Bin):
        return LiveBin(plan, site, world, replay)
    if isinstance(plan, Room):
        return LiveRoom(plan, site, world)
    return LiveMast(replay)


def _weather_at(site: Site, replay: Replay) -> Callable[[float], Outside]:
    def outside(time_s: float) -> Outside:
        ambient = replay.ambient(time_s)
        sun = air.sun_height(replay.source_time_s(time_s), site.latitude, site.longitude)
        roof_c = air.roof_c(ambient.temperature_c, sun)
        return Outside(ambient.temperature_c, ambient.humidity_pct, ambient.speed_m_s, roof_c)

    return outside


def _probe_error_c(draw: Random) -> float:
    """Return what a DS18B20 is off by: within 0.5 °C from -10 to 85 °C by its data sheet, mostly much less."""
    return min(max(draw.gauss(0, _PROBE_ERROR_C), -_WORST_PROBE_C), _WORST_PROBE_C)


def _charge(plan: Bin, shape: BinShape, draw: Random) -> Charge:
    """Return a filling: loads differ by a degree and by tenths of a percent; wet spots are what the file says."""
    moisture = [plan.moisture_pct + draw.gauss(0, 0.15) for _ in range(shape.cells)]
    loads = [draw.gauss(0, 1.0) for _ in range(plan.grain_levels)]
    temperature = [plan.filled_c + loads[cell // plan.cables] + draw.gauss(0, 0.3) for cell in range(shape.cells)]
    for spot in plan.wet_spots:
        moisture[shape.cell(spot.cable, spot.level)] = spot.moisture_pct
        temperature[shape.cell(spot.cable, spot.level)] += spot.warmer_k
    share = tuple(plan.core_flow_share if cable == 1 else 1.0 for cable in range(1, plan.cables + 1))
    cfm_per_bushel = plan.fan.cfm_per_bushel if plan.fan else 0.1
    return Charge(tuple(temperature), tuple(moisture), share, cfm_per_bushel)
