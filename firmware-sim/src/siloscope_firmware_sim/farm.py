"""What a world file says: sites, places, buses and the instruments on them.

Field names are the words of the file. `siloscope_firmware_sim.world_file` reads one; `default_world()` is the farm that
the package ships.
"""

from collections.abc import Mapping
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

Name = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
Count = Annotated[int, Meta(ge=1)]
Percent = Annotated[float, Meta(ge=0, le=100)]
GrainMoisture = Annotated[float, Meta(ge=11, le=26)]
Seconds = Annotated[float, Meta(gt=0)]
TcpPort = Annotated[int, Meta(ge=0, le=65535)]
UnitId = Annotated[int, Meta(ge=1, le=254)]
Kind = Literal[
    "r4dcb08", "xy-md02", "senseair-s8", "sdm120", "vaisala-gmp250", "vaisala-hmp", "loop-8ch",
    "compact-weather", "wsc11", "wxt520", "gill-windsonic", "nmea-weather", "davis-vantage",
]  # fmt: skip
Baud = Literal[1200, 2400, 4800, 9600, 14400, 19200]

MODBUS = ("modbus_tcp", "modbus_rtu", "modbus_rtu_tcp")
TRANSPORTS = (*MODBUS, "wxt", "ascii", "davis", "davis_tcp")
TALKERS: Mapping[str, tuple[str, ...]] = {
    "wxt520": ("wxt",),
    "gill-windsonic": ("ascii",),
    "nmea-weather": ("ascii",),
    "davis-vantage": ("davis", "davis_tcp"),
}
"""Instruments that do not speak Modbus, and the transports that they speak on."""


class WetSpot(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A pocket that went in too wet: where it is, how wet (percent wet basis) and how much warmer than the rest."""

    cable: Count
    level: Count
    moisture_pct: GrainMoisture
    warmer_k: Annotated[float, Meta(ge=0, le=30)] = 0.0


class Fan(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The aeration fan of a bin.

    Attributes:
        power_w: What it draws while it runs.
        cfm_per_bushel: What it moves; 0.1 is usual for storage.
        mode: `automatic` follows the rule; `off` is a fan that somebody switched off.
    """

    power_w: Annotated[float, Meta(gt=0)] = 2200.0
    cfm_per_bushel: Annotated[float, Meta(gt=0, le=1)] = 0.1
    mode: Literal["automatic", "off"] = "automatic"


class MissingProbe(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A probe that does not answer."""

    cable: Count
    level: Count


class Bin(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="bin"):
    """A grain bin.

    Attributes:
        diameter_m, eave_height_m: Inner dimensions.
        cables: One in the middle, the others on a ring.
        levels: Probes on each cable, level 1 lowest.
        grain_levels: Levels below the surface of the grain.
        moisture_pct, filled_c: Of the grain when it went in.
        filled_day: Days from the world's epoch to a filling; the season repeats.
        core_flow_share: Share of its air that the column of fines in the middle passes.
    """

    name: Name
    title: str
    diameter_m: Annotated[float, Meta(ge=3, le=40)]
    eave_height_m: Annotated[float, Meta(ge=2, le=40)]
    cables: Annotated[int, Meta(ge=3, le=5)]
    levels: Annotated[int, Meta(ge=2, le=8)] = 8
    grain_levels: Annotated[int, Meta(ge=1, le=8)] = 7
    moisture_pct: GrainMoisture = 13.5
    filled_c: Annotated[float, Meta(ge=-10, le=45)] = 18.0
    filled_day: Annotated[int, Meta(ge=0)] = 0
    core_flow_share: Annotated[float, Meta(gt=0, le=1)] = 0.5
    wet_spots: tuple[WetSpot, ...] = ()
    missing_probes: tuple[MissingProbe, ...] = ()
    fan: Fan | None = None


class Room(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="cold_room"):
    """A cold room.

    Attributes:
        volume_m3: Air in it.
        setpoint_c, hysteresis_k: What the thermostat keeps.
        goods_kg: Produce in it.
        openings_a_day: How often people open the door.
        cleaned_at_h: UTC hour of the week at which the weekly cleaning ends, from the world's epoch.
    """

    name: Name
    title: str
    volume_m3: Annotated[float, Meta(ge=5, le=5000)] = 72.0
    setpoint_c: Annotated[float, Meta(ge=-30, le=20)] = 3.0
    hysteresis_k: Annotated[float, Meta(gt=0, le=10)] = 2.0
    goods_kg: Annotated[float, Meta(ge=0)] = 3000.0
    openings_a_day: Annotated[int, Meta(ge=0, le=200)] = 24
    cleaned_at_h: Annotated[int, Meta(ge=0, lt=168)] = 8


class Mast(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="mast"):
    """A weather mast."""

    name: Name
    title: str


Place = Bin | Room | Mast


class ModbusTcp(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A Modbus TCP gateway on 127.0.0.1; port 0 takes a free one. `baud` is the wire behind it."""

    port: TcpPort = 0
    baud: Baud = 9600


class ModbusRtu(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A pseudo-terminal with Modbus RTU slaves. Linux refuses parity on one, so there is none."""

    baud: Baud = 9600
    parity: Literal["N"] = "N"
    stop_bits: Literal[1, 2] = 1


class ModbusRtuTcp(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A terminal server on a free port of 127.0.0.1, with Modbus RTU slaves on the line behind it."""

    baud: Baud = 9600


class Wxt(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A pseudo-terminal with a Vaisala transmitter, 8N1."""

    baud: Baud = 19200


class Ascii(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A pseudo-terminal with one instrument that talks in lines, 8N1."""

    baud: Baud = 19200


class Davis(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A pseudo-terminal with a Davis console, 8N1."""

    baud: Baud = 19200


class DavisTcp(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A Davis console behind a TCP port of 127.0.0.1; port 0 takes a free one."""

    port: TcpPort = 0
    baud: Baud = 19200


Transport = ModbusTcp | ModbusRtu | ModbusRtuTcp | Wxt | Ascii | Davis | DavisTcp


class Instrument(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One instrument.

    Attributes:
        kind: What it is; equals the name of the edge's profile.
        unit_id: Its Modbus address; an S8 without one answers to 254, a Vaisala probe to 240.
        address: Address character of a weather transmitter.
        place: Where it measures.
        cable: Which cable an `r4dcb08` is the head of.
        spot: Where in the place, in words, for anything that is no cable.
        period_s: How often a reader should ask it.
    """

    name: Name
    kind: Kind
    place: Name
    title: str = ""
    unit_id: UnitId | None = None
    address: Annotated[str, Meta(pattern=r"^[0-9A-Za-z]$")] = "0"
    cable: Count | None = None
    spot: str | None = None
    period_s: Seconds = 30.0


class Bus(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One port, with exactly one of the transports."""

    name: Name
    instruments: Annotated[tuple[Instrument, ...], Meta(min_length=1)]
    modbus_tcp: ModbusTcp | None = None
    modbus_rtu: ModbusRtu | None = None
    modbus_rtu_tcp: ModbusRtuTcp | None = None
    wxt: Wxt | None = None
    ascii: Ascii | None = None
    davis: Davis | None = None
    davis_tcp: DavisTcp | None = None

    @property
    def transports(self) -> dict[str, Transport]:
        """The transports that the file gives it; one, once the world is checked."""
        found = {name: getattr(self, name) for name in TRANSPORTS}
        return {name: each for name, each in found.items() if each is not None}

    @property
    def transport(self) -> str:
        """The name of the one that it has."""
        return next(iter(self.transports))

    @property
    def baud(self) -> int:
        """Speed of its wire."""
        return next(iter(self.transports.values())).baud


class Site(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A farm, elevator or market hall with one node that reads its buses."""

    name: Name
    title: str
    time_zone: Annotated[str, Meta(pattern=r"^[A-Z][A-Za-z]+(/[A-Z][A-Za-z_-]+){1,2}$|^UTC$")]
    latitude: Annotated[float, Meta(ge=-90, le=90)]
    longitude: Annotated[float, Meta(ge=-180, le=180)]
    node: Name
    places: tuple[Place, ...]
    buses: tuple[Bus, ...]

    def place(self, name: str) -> Place:
        """Return a place by name."""
        return next(place for place in self.places if place.name == name)


class World(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that a simulator simulates; the same world at the same time gives the same readings.

    Attributes:
        seed: Of everything random.
        epoch: When the weather's first round and the first season began; meters count from here.
        weather: Name of the observations that are replayed.
    """

    name: Name
    organisation: Name = "demo"
    seed: int = 1
    epoch: datetime
    weather: Literal["lga_2013_11"] = "lga_2013_11"
    mains_v: Annotated[float, Meta(gt=0, le=500)] = 240.0
    mains_hz: Annotated[float, Meta(gt=0, le=100)] = 60.0
    sites: Annotated[tuple[Site, ...], Meta(min_length=1)] = field(default=())


def default_world_file() -> Path:
    """Return the world file that the package ships."""
    return Path(str(files("siloscope_firmware_sim") / "farm.yaml"))
