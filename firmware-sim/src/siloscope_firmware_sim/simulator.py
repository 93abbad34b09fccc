"""The simulator: every bus of a world, open on a real port."""

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Protocol

from siloscope_firmware_sim.farm import MODBUS, Bus, Site, World
from siloscope_firmware_sim.fitting import modbus_slave, talker, weather_transmitter
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
    ) -> None:
        self.world = world
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

    def _now_s(self) -> float:
        return self._clock.now_ms() / 1000

    def _line(self, site: Site, bus: Bus, places: Mapping[str, LivePlace]) -> Line:
        traffic = self._meter.on(bus.name)
        terminal = PseudoTerminal(self._terminals / bus.name, baud=bus.baud)
        if bus.wxt is not None:
            masts = [weather_transmitter(each, bus, places[each.place], self._now_s) for each in bus.instruments]
            return AsciiLine(terminal, masts, baud=bus.baud, traffic=traffic)
        if bus.transport not in MODBUS:
            (plan,) = bus.instruments
            instrument = talker(plan, places[plan.place], self._now_s)
            if bus.davis_tcp is None:
                return StreamTerminal(terminal, instrument, baud=bus.baud, traffic=traffic)
            port = bus.davis_tcp.port or self._wished_ports.get(bus.name, 0)
            return StreamServer(bus.name, instrument, port=port, fixed=bool(bus.davis_tcp.port), traffic=traffic)
        slaves = [
            modbus_slave(each, bus, places[each.place], self._now_s, self._memory.of(f"{site.name}/{each.name}"))
            for each in bus.instruments
        ]
        wire = SerialBus(slaves, baud=bus.baud)
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
