"""A yard of instruments on virtual ports, each with a voice of its own, and the truth about what they said."""

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from siloscope_edge import profile_files
from siloscope_firmware_sim.faults.schedule import DEVICE_KINDS, NODE_KINDS, Faults, Kind
from siloscope_firmware_sim.faults.sensing import Sensing
from siloscope_firmware_sim.faults.talking import FaultyInstrument, Utterance
from siloscope_firmware_sim.faults.wire import Exchange, FaultyWire
from siloscope_firmware_sim.instruments.field_probes import INPUTS, Soil, loop_8ch, soil_7in1
from siloscope_firmware_sim.instruments.line_talkers import Air, GillWindsonic, NmeaWeather, Wind
from siloscope_firmware_sim.instruments.r4dcb08 import CHANNELS, R4dcb08
from siloscope_firmware_sim.instruments.sdm120 import Mains, Sdm120
from siloscope_firmware_sim.instruments.vaisala_probes import Humidity, gmp252, hmp
from siloscope_firmware_sim.instruments.weather_stations import Weather, wsc11
from siloscope_firmware_sim.instruments.wxt520 import Sky, Wxt520
from siloscope_firmware_sim.instruments.xy_md02 import Air as RoomAir
from siloscope_firmware_sim.instruments.xy_md02 import XyMd02
from siloscope_firmware_sim.lines.rtu import RtuLine
from siloscope_firmware_sim.lines.stream import Instrument, StreamTerminal
from siloscope_firmware_sim.lines.tcp import TcpLine
from siloscope_firmware_sim.lines.tcp_terminal import RtuOverTcp
from siloscope_firmware_sim.modbus.bus import SerialBus, Slave
from siloscope_firmware_sim.modbus.gateway import Gateway
from tests.edge.soak.audit import Watched
from tests.edge.soak.broker import NODE
from tests.edge.soak.kernel import Kernel
from tests.edge.soak.ports import LATENCY_S, Ports, UsbTerminal
from tests.edge.soak.truth import REGISTERS, Given, Truth, Value, told_by_frame, told_by_gill, told_by_nmea, told_by_wxt
from tests.edge.soak.virtual_time import VirtualClock

PERIOD_S = 10.0
GHOST = "ghost"
"""A device of the configuration that was never there."""
_IN_TIME_S = 0.9
"""Every profile waits for a second at least."""
_CLEAR_S = 3.0
"""So long behind a slow answer those of others may be late as well."""

_FOUND_AGAIN_S = 45.0
"""So soon a port is opened again that was away: its back-off, and a period."""
_RESTS_S = 75.0
_LONGEST_TURN_S = 25.0

Make = Callable[["Voice"], Slave]


class Voice:
    """What an instrument tells: other values each second, so that an old one is never taken for a new one.

    Args:
        name: The instrument.
        number: Tells its voice from others.
        sensing: Its elements.
    """

    def __init__(self, name: str, number: int, sensing: Sensing) -> None:
        self.name = name
        self._number = number
        self._sensing = sensing

    def tenths(self, channel: int = 0, *, base: float = 10.0) -> float | None:
        """Return a number from ``base`` to 40 above it, in tenths."""
        return self._sensing.value(lambda at_s: base + (self._steps(at_s, channel) % 401) / 10)

    def sure(self, channel: int = 0, *, base: float = 10.0) -> float:
        """Return the same where an instrument has no way to say that there is none."""
        return base + (self._steps(self._sensing.at_s, channel) % 401) / 10 + self._sensing.drift

    def _steps(self, at_s: float, channel: int) -> int:
        return 13 * int(at_s) + 37 * self._number + 7 * channel


class Line(Protocol):
    """A port of the simulator."""

    @property
    def address(self) -> dict[str, object]: ...
    async def open(self) -> None: ...
    async def close(self) -> None: ...


@dataclass(frozen=True)
class Post:
    """A device at its place.

    Attributes:
        name: Of the device.
        profile: Of the edge.
        kind: Of line.
        line: Its name.
        unit_id: On Modbus.
        make: Makes the Modbus instrument.
    """

    name: str
    profile: str
    line: str
    unit_id: int = 0
    make: Make | None = None


def _room(unit_id: int) -> Make:
    return lambda voice: XyMd02(unit_id, lambda: RoomAir(voice.sure(0), voice.sure(1)))


def _head(unit_id: int) -> Make:
    return lambda voice: R4dcb08(unit_id, lambda: [voice.tenths(at) for at in range(CHANNELS)])


def _weather(voice: Voice) -> Weather:
    speed, direction, temperature, humidity, dew_point = (voice.tenths(at) for at in range(5))
    return Weather(speed, direction, temperature, humidity, dew_point, voice.tenths(5, base=960))


def _humidity(voice: Voice) -> Humidity:
    return Humidity(*(voice.tenths(at) for at in range(6)))


def _loop(voice: Voice) -> list[float]:
    return [0.0 if (now := voice.tenths(at)) is None else now / 4 for at in range(INPUTS)]


def _mains(voice: Voice) -> Mains:
    return Mains(*(voice.sure(at, base=50) for at in range(5)))


def _soil(voice: Voice) -> Soil:
    return Soil(voice.sure(0), voice.sure(1), voice.sure(2) * 10, voice.sure(3) / 10, (30, 20, int(voice.sure(4))))


def _sky(voice: Voice) -> Sky:
    direction, speed = voice.tenths(0), voice.tenths(1, base=6)
    return Sky(
        None if direction is None else (direction, direction * 2, direction * 3),
        None if speed is None else (speed / 2, speed / 1.5, speed),
        voice.tenths(2), voice.tenths(3), voice.tenths(4, base=960), voice.sure(5, base=100), 0.0, voice.tenths(6),
    )  # fmt: skip


def _wind(voice: Voice) -> Wind:
    return Wind(voice.tenths(0), voice.tenths(1))


def _air(voice: Voice) -> Air:
    return Air(voice.sure(0, base=960), voice.sure(1), voice.sure(2), voice.sure(3), Wind(voice.sure(4), voice.sure(5)))


MODBUS = {"heads": "modbus_rtu", "probes": "modbus_rtu", "gateway": "modbus_tcp", "server": "modbus_rtu_tcp"}
TALKING = {"mast": ("wxt", 19200), "wind": ("ascii", 19200), "nmea": ("ascii", 4800)}
POSTS = (
    *(Post(f"head-{at}", "r4dcb08", "heads", at, _head(at)) for at in range(1, 6)),
    *(Post(f"room-{at}", "xy-md02", "heads", at, _room(at)) for at in (11, 12)),
    Post(GHOST, "r4dcb08", "heads", 30),
    Post("co2", "vaisala-gmp250", "probes", 240, lambda voice: gmp252(lambda: voice.tenths(0, base=400), voice.tenths)),
    Post("damp", "vaisala-hmp", "probes", 241, lambda voice: hmp(lambda: _humidity(voice), unit_id=241)),
    *(Post(f"cable-{at}", "r4dcb08", "gateway", at, _head(at)) for at in range(1, 4)),
    Post("thies", "wsc11", "gateway", 20, lambda voice: wsc11(20, lambda: _weather(voice))),
    Post("loop", "loop-8ch", "server", 1, lambda voice: loop_8ch(1, lambda: _loop(voice))),
    Post("meter", "sdm120", "server", 2, lambda voice: Sdm120(2, lambda: _mains(voice))),
    Post("soil", "soil-7in1", "server", 3, lambda voice: soil_7in1(3, lambda: _soil(voice))),
    Post("mast", "wxt520", "mast"),
    Post("wind", "gill-windsonic", "wind"),
    Post("nmea", "nmea-weather", "nmea"),
)
_SOON_S = 0.3


def victims() -> Mapping[Kind, Sequence[str]]:
    """Return who can suffer from what."""
    devices = [each.name for each in POSTS if each.name != GHOST]
    lines = [*MODBUS, *TALKING]
    polled = [each for each in lines if each not in ("wind", "nmea")]
    return {
        **dict.fromkeys(DEVICE_KINDS, devices),
        Kind.EXCEPTIONS: [each.name for each in POSTS if each.make],
        Kind.NOISE: [each for each in lines if each != "gateway"],
        Kind.ECHO: [each for each in polled if each != "gateway"],
        Kind.UNPLUGGED: lines,
        **{key: [NODE.node] for key in NODE_KINDS},
    }


class Yard:
    """The instruments.

    Args:
        ports: Of the computer that reads them.
        faults: What is wrong when.
        seed: For what is left to chance.
    """

    def __init__(self, ports: Ports, faults: Faults, seed: int) -> None:
        self.truth = Truth()
        self._ports = ports
        self._faults = faults
        self._seed = seed
        self._clock = VirtualClock(Kernel().wall_ms)
        self.lines: dict[str, Line] = {}
        self.adapters: dict[str, UsbTerminal] = {}
        self._slow_until_s: dict[str, float] = {}

    async def open(self) -> None:
        """Open all lines."""
        for name in MODBUS:
            self.lines[name] = self._modbus(name)
        for name, (_, baud) in TALKING.items():
            self.lines[name] = self._talking(name, baud)
        for line in self.lines.values():
            await line.open()

    async def close(self) -> None:
        """Close all lines."""
        for line in self.lines.values():
            await line.close()

    async def unplug(self, line: str) -> None:
        """Pull an adapter, or switch a server off."""
        if line in self.adapters:
            self._ports.pull(self.adapters[line])
        else:
            await self.lines[line].close()

    async def plug(self, line: str) -> None:
        """Undo it; an adapter gets the next name."""
        if line in self.adapters:
            self._ports.plug(self.adapters[line])
        else:
            await self.lines[line].open()

    def buses(self) -> list[dict[str, Any]]:
        """Return what the agent's configuration says."""
        kinds = MODBUS | {name: kind for name, (kind, _) in TALKING.items()}
        return [
            {
                "name": line,
                kind: self.lines[line].address,
                "devices": [_configured(each) for each in POSTS if each.line == line],
            }
            for line, kind in kinds.items()
        ]

    def watched(self) -> dict[str, Watched]:
        """Return what the audit must know of each device."""
        found = {}
        for each in POSTS:
            profile = profile_files.read(profile_files.catalogue()[each.profile])
            resolution = {channel.key: channel.resolution or 0.0 for channel in profile.channels}
            listened = each.line in ("wind", "nmea")
            turn_s = profile.limits.timeout_s + 0.1 if listened else _LONGEST_TURN_S
            found[each.name] = Watched(PERIOD_S, resolution, _SOON_S, turn_s, listened)
        return found

    def _now_s(self) -> float:
        return asyncio.get_running_loop().time()

    def _voice(self, name: str) -> Voice:
        number = next(at for at, each in enumerate(POSTS) if each.name == name)
        return Voice(name, number, Sensing(name, self._faults, self._now_s))

    def _adapter(self, name: str) -> UsbTerminal:
        self.adapters[name] = adapter = UsbTerminal(name.upper(), self._seed)
        self._ports.plug(adapter)
        return adapter

    def _modbus(self, name: str) -> Line:
        posts = [each for each in POSTS if each.line == name]
        slaves = [each.make(self._voice(each.name)) for each in posts if each.make is not None]
        baud = 9600 if name != "probes" else 19200
        good = SerialBus(slaves, baud=baud)
        names = {each.unit_id: each.name for each in posts}
        wire = FaultyWire(
            good, name, names, self._faults, self._now_s, self._seed, lambda exchange: self._exchanged(name, exchange)
        )
        if name == "gateway":
            port = self._clock
            return TcpLine(name, Gateway(wire), port=502, wished_port=0, clock=port, traffic=Uncounted())
        if name == "server":
            return RtuOverTcp(wire, baud=baud, traffic=Uncounted())
        return RtuLine(self._adapter(name), wire, baud=baud, traffic=Uncounted())

    def _talking(self, name: str, baud: int) -> Line:
        voice = self._voice(name)
        good: Instrument
        if name == "mast":
            good = Lines(Wxt520("0", lambda: _sky(voice)))
        elif name == "wind":
            good = GillWindsonic(lambda: _wind(voice))
        else:
            good = NmeaWeather(lambda: _air(voice))
        faulty = FaultyInstrument(
            good, name, name, self._faults, self._now_s, self._seed, lambda said: self._uttered(name, said)
        )
        return StreamTerminal(self._adapter(name), faulty, baud=baud, traffic=Uncounted())

    def _exchanged(self, line: str, exchange: Exchange) -> None:
        now_s = self._now_s()
        profile = next(each.profile for each in POSTS if each.name == exchange.device)
        values = told_by_frame(REGISTERS[profile], exchange.request, exchange.told.frame)
        sent = exchange.sent
        whole = sent is not None and (
            sent.frame == exchange.told.frame if line == "gateway" else exchange.told.frame in sent.frame
        )
        after_s = sent.after_s if sent is not None else 0.0
        if self._faults.on(Kind.SLOW, exchange.device, now_s):
            self._slow_until_s[line] = now_s + after_s + _CLEAR_S
        behind_slow = now_s < self._slow_until_s.get(line, 0.0)
        sure = whole and not behind_slow and after_s < _IN_TIME_S and self._stays(line, now_s, now_s + after_s)
        queued = behind_slow and line == "gateway"
        self.truth.note(exchange.device, Given(now_s, values, whole, sure, queued))

    def _uttered(self, name: str, said: Utterance) -> None:
        now_s = self._now_s()
        values, part = _told(name, said.told)
        whole = bool(part) and part in said.sent
        if said.after_s:
            self._slow_until_s[name] = now_s + said.after_s + _CLEAR_S
        if not said.sent:
            self._slow_until_s[name] = now_s + _RESTS_S  # nobody listens to one that was silent lately
        heard = self.adapters[name].is_read or now_s - self.adapters[name].plugged_s > _FOUND_AGAIN_S
        sure = whole and heard and now_s >= self._slow_until_s.get(name, 0.0) and self._stays(name, now_s, now_s)
        at_s = now_s if name == "mast" else now_s + said.after_s  # who is asked answers of then
        self.truth.note(name, Given(at_s, values, whole, sure))

    def _stays(self, line: str, from_s: float, to_s: float) -> bool:
        """Say whether a line is plugged in for long enough to hand an answer over."""
        return not any(
            self._faults.on(Kind.UNPLUGGED, line, at_s)
            for at_s in (from_s - 0.1, from_s, (from_s + to_s) / 2, to_s + 2 * LATENCY_S)
        )


class Lines:
    """An instrument that answers commands, as a port wants it: bytes in, bytes out."""

    def __init__(self, transmitter: Wxt520) -> None:
        self._transmitter = transmitter
        self._bytes = b""

    def feed(self, data: bytes) -> bytes:
        *lines, rest = (self._bytes + data).split(b"\r\n")
        self._bytes = rest[-64:]
        return b"".join(self._transmitter.answer(line) or b"" for line in lines)

    def unasked(self, elapsed_s: float) -> bytes:
        return b""


class Uncounted:
    """Counts nothing."""

    def request(self, *, answered: bool) -> None: ...


def _told(name: str, told: bytes) -> tuple[dict[str, Value], bytes]:
    """Return what was said, and the bytes that say it."""
    if name == "mast":
        return told_by_wxt(told), told
    if name == "wind":
        return told_by_gill(told), told
    sentence = re.search(rb"\$..MDA.*?\r\n", told)
    assert sentence is not None
    return told_by_nmea(sentence[0]), sentence[0]


def _configured(post: Post) -> dict[str, Any]:
    found: dict[str, Any] = {"name": post.name, "profile": post.profile, "period_s": PERIOD_S}
    if post.line in MODBUS:
        found["unit_id"] = post.unit_id
    if post.line == "mast":
        found["address"] = "0"
    return found
