"""The simulator: every bus of a world, open on a real port."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Protocol

import structlog

from siloscope_firmware_sim.farm import MODBUS, TALKERS, Bus, Site, World
from siloscope_firmware_sim.faults.schedule import Fault, Faults, Kind
from siloscope_firmware_sim.faults.sensing import Sensing
from siloscope_firmware_sim.faults.talking import FaultyInstrument
from siloscope_firmware_sim.faults.wire import FaultyWire
from siloscope_firmware_sim.fitting import modbus_slave, talker, unit_id, weather_transmitter
from siloscope_firmware_sim.lines.ascii import AsciiLine
from siloscope_firmware_sim.lines.pseudo_terminal import PseudoTerminal
from siloscope_firmware_sim.lines.rtu import RtuLine
from siloscope_firmware_sim.lines.stream import StreamServer, StreamTerminal
from siloscope_firmware_sim.lines.tcp import TcpLine
from siloscope_firmware_sim.lines.tcp_terminal import RtuOverTcp
from siloscope_firmware_sim.lines.traffic import Meter
from siloscope_firmware_sim.memory import Memory
from siloscope_firmware_sim.modbus.bus import SerialBus
from siloscope_firmware_sim.modbus.gateway import Gateway
from siloscope_firmware_sim.places import LivePlace, living
from siloscope_firmware_sim.weather.observations import shipped
from siloscope_firmware_sim.weather.replay import Replay
from siloscope_process.clock import Clock

_log = structlog.get_logger(__name__)
_OF_INSTRUMENTS = (Kind.DEAD, Kind.SLOW, Kind.WRONG_CHECKSUM, Kind.TORN)


class Line(Protocol):
    """A port of one of the transports."""

    @property
    def address(self) -> dict[str, object]: ...
    async def open(self) -> None: ...
    async def close(self) -> None: ...


class Simulator:
    """A world on real ports.

    Args:
        world: What to simulate.
        clock: Time of the world; also the time that answers take.
        terminals: Directory for the links to the pseudo-terminals.
        memory: What the instruments remember.
        wished_ports: TCP ports by bus that would be welcome where the world leaves them open.
        meter: Counts requests.
        plan: Faults, in seconds of the wall clock.
    """

    def __init__(
        self,
        world: World,
        *,
        clock: Clock,
        terminals: Path,
        memory: Memory,
        wished_ports: Mapping[str, int],
        meter: Meter,
        plan: Sequence[Fault] = (),
    ) -> None:
        self.world = world
        self._plan = plan
        self._faults = Faults(plan)
        self._clock = clock
        self._terminals = terminals
        self._memory = memory
        self._wished_ports = wished_ports
        self._meter = meter
        self._open = AsyncExitStack()
        replay = Replay(shipped(world.weather), int(world.epoch.timestamp()))
        self._lines: dict[str, Line] = {}
        self._places: list[LivePlace] = []
        for site in world.sites:
            places = {place.name: living(place, site, world, replay) for place in site.places}
            self._places += places.values()
            self._lines |= {bus.name: self._line(site, bus, places) for bus in site.buses}

    async def start(self) -> None:
        """Open every port.

        Raises:
            PortTaken: A port that the world fixes is not free; what was open is closed again.
        """
        async with AsyncExitStack() as opening:
            for line in self._lines.values():
                await line.open()
                opening.push_async_callback(line.close)
            self._open = opening.pop_all()
        preparing = asyncio.create_task(self._prepare())
        self._open.callback(preparing.cancel)
        for fault in self._plan:
            happening = asyncio.create_task(self._happen(fault))
            self._open.callback(happening.cancel)

    async def stop(self) -> None:
        """Close every port."""
        await self._open.aclose()

    def address(self, bus: Bus) -> dict[str, object]:
        """Return where a reader finds a bus; valid once it is open."""
        return self._lines[bus.name].address

    def buses(self) -> list[tuple[Site, Bus]]:
        """Return every bus with its site."""
        return [(site, bus) for site in self.world.sites for bus in site.buses]

    async def _prepare(self) -> None:
        for place in self._places:
            place.prepare(self._now_s())
            await asyncio.sleep(0)

    async def _happen(self, fault: Fault) -> None:
        """Say when a fault begins and ends; a port that is pulled is away meanwhile, and comes back as another."""
        await self._clock.sleep(fault.at_s - self._now_s())
        _log.info("fault_begins", kind=fault.kind, victim=fault.victim, for_s=round(fault.for_s))
        if fault.kind is Kind.UNPLUGGED:
            await self._lines[fault.victim].close()
        await self._clock.sleep(fault.for_s)
        if fault.kind is Kind.UNPLUGGED:
            await self._lines[fault.victim].open()
        _log.info("fault_ends", kind=fault.kind, victim=fault.victim)

    def _now_s(self) -> float:
        return self._clock.now_ms() / 1000

    def _felt_by(self, instrument: str) -> Callable[[], float]:
        """Return what tells an instrument the time that its elements are at."""
        sensing = Sensing(instrument, self._faults, self._now_s)
        return lambda: sensing.at_s

    def _line(self, site: Site, bus: Bus, places: Mapping[str, LivePlace]) -> Line:
        traffic = self._meter.on(bus.name)
        terminal = PseudoTerminal(self._terminals / bus.name, baud=bus.baud)
        if bus.wxt is not None:
            masts = [
                weather_transmitter(each, bus, places[each.place], self._felt_by(each.name)) for each in bus.instruments
            ]
            return AsciiLine(terminal, masts, baud=bus.baud, traffic=traffic)
        if bus.transport not in MODBUS:
            (plan,) = bus.instruments
            good = talker(plan, places[plan.place], self._felt_by(plan.name))
            instrument = FaultyInstrument(good, plan.name, bus.name, self._faults, self._now_s, self.world.seed)
            if bus.davis_tcp is None:
                return StreamTerminal(terminal, instrument, baud=bus.baud, traffic=traffic)
            port = bus.davis_tcp.port or self._wished_ports.get(bus.name, 0)
            return StreamServer(bus.name, instrument, port=port, fixed=bool(bus.davis_tcp.port), traffic=traffic)
        slaves = [
            modbus_slave(
                each, bus, places[each.place], self._felt_by(each.name), self._memory.of(f"{site.name}/{each.name}")
            )
            for each in bus.instruments
        ]
        names = {unit_id(each): each.name for each in bus.instruments}
        good_wire = SerialBus(slaves, baud=bus.baud)
        wire = FaultyWire(good_wire, bus.name, names, self._faults, self._now_s, self.world.seed)
        if bus.modbus_rtu_tcp is not None:
            return RtuOverTcp(wire, baud=bus.baud, traffic=traffic)
        if bus.modbus_tcp is None:
            return RtuLine(terminal, wire, baud=bus.baud, traffic=traffic)
        return TcpLine(
            bus.name,
            Gateway(wire),
            port=bus.modbus_tcp.port,
            wished_port=self._wished_ports.get(bus.name, 0),
            clock=self._clock,
            traffic=traffic,
        )


def victims(world: World) -> dict[Kind, list[str]]:
    """Return who in a world can suffer from what; names are unique in a site, and mostly in a world."""
    buses = [bus for site in world.sites for bus in site.buses]
    spoken = [bus for bus in buses if bus.wxt is None]
    talking = [each.name for bus in spoken for each in bus.instruments]
    modbus = [each.name for bus in spoken for each in bus.instruments if each.kind not in TALKERS]
    serial = [bus.name for bus in spoken if bus.modbus_tcp is None]
    return {
        **dict.fromkeys(_OF_INSTRUMENTS, talking),
        Kind.EXCEPTIONS: modbus,
        Kind.STUCK: [each.name for bus in buses for each in bus.instruments],
        Kind.NOISE: serial,
        Kind.ECHO: serial,
        Kind.UNPLUGGED: [bus.name for bus in buses],
    }
