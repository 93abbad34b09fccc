"""The pollers of an installation, one a bus, which can become those of another while they run."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from siloscope_edge.config import Bus
from siloscope_edge.driver import Driver
from siloscope_edge.errors import PortUnavailable
from siloscope_edge.installation import Installation
from siloscope_edge.instruments import Instrument
from siloscope_edge.polling import Poller
from siloscope_edge.ports import InstrumentBus

T = TypeVar("T")
MakePoller = Callable[[Bus, Driver, Sequence[Instrument]], Poller]
MakePort = Callable[[Bus, Driver, Sequence[Instrument]], InstrumentBus]
_POLL_WITHIN_S = 120.0
"""A poll under way is over by then, whatever the device does; else it is broken off."""


@dataclass(frozen=True)
class _Owner:
    """Who reads a bus."""

    bus: Bus
    instruments: tuple[Instrument, ...]
    poller: Poller
    task: asyncio.Task[None]


class Readers:
    """Reads all buses of an installation.

    Args:
        installation: What to read.
        poller: Makes the owner of a bus.
        port: Makes a port, still closed.
    """

    def __init__(self, installation: Installation, poller: MakePoller, port: MakePort) -> None:
        self.installation = installation
        self._make_poller = poller
        self._make_port = port
        self._owners: dict[str, _Owner] = {}
        self._group: asyncio.TaskGroup | None = None

    async def run(self) -> None:
        """Read until cancelled.

        Raises:
            Exception: Whatever a poller raised.
        """
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                for bus in self.installation.config.buses:
                    self._begin(self.installation, bus)
                await asyncio.Event().wait()
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None
        finally:
            self._group = None

    def owner_of(self, device: str) -> tuple[Poller, Instrument] | None:
        """Return who reads a device."""
        for owner in self._owners.values():
            for instrument in owner.instruments:
                if instrument.name == device:
                    return owner.poller, instrument
        return None

    def described(self, now_s: float) -> list[dict[str, Any]]:
        """Return how each bus and each device on it does, for people."""
        return [
            {
                "bus": name,
                "line": owner.bus.line.where,
                "open": owner.poller.port_is_open,
                "detail": owner.poller.port_detail,
                "devices": [
                    {
                        "device": instrument.name,
                        "profile": instrument.profile.profile,
                        "period_s": attendance.period_s,
                        "due_in_s": round(attendance.due_s - now_s, 3),
                        "failures_in_a_row": attendance.failures,
                        "silent": attendance.silent,
                        "heard": attendance.heard,
                        "last_failure": owner.poller.failures.get(instrument.name, ""),
                    }
                    for instrument, attendance in owner.poller.turns
                ],
            }
            for name, owner in self._owners.items()
        ]

    async def with_port(self, bus: Bus, work: Callable[[], Awaitable[T]], within_s: float) -> T:
        """Do something while nobody uses the line of a bus: its owner lends it between two polls, where it has one.

        Raises:
            TimeoutError: It took longer.
            Exception: Whatever ``work`` raised.
        """
        owner = next((each for each in self._owners.values() if each.bus.line.end == bus.line.end), None)
        if owner is None:
            async with asyncio.timeout(within_s):
                return await work()

        async def lent(port: InstrumentBus) -> T:
            port.close()
            return await work()

        return await owner.poller.visit(lent, within_s)

    async def change_to(self, installation: Installation) -> None:
        """Read what another installation says. What is the same in both is read on as if nothing had happened."""
        buses = {bus.name: bus for bus in installation.config.buses}
        staying = {name for name, owner in self._owners.items() if _is_same(owner, installation)}
        adopting = {
            name
            for name, owner in self._owners.items()
            if name not in staying and name in buses and buses[name].line.end == owner.bus.line.end
        }
        # Made before anything is changed: the driver may be anybody's and may fail at it.
        ports = {name: self._port(installation, buses[name]) for name in adopting}
        leaving = [name for name in self._owners if name not in staying | adopting]
        await asyncio.gather(*(self._end(name) for name in leaving))
        await asyncio.gather(*(self._adopt(name, ports[name], installation, buses[name]) for name in adopting))
        self.installation = installation
        for bus in installation.config.buses:
            if bus.name not in self._owners:
                self._begin(installation, bus)

    def _port(self, installation: Installation, bus: Bus) -> InstrumentBus:
        return self._make_port(bus, installation.drivers[bus.name], installation.instruments[bus.name])

    def _begin(self, installation: Installation, bus: Bus) -> None:
        assert self._group is not None, "reading has begun"
        instruments = installation.instruments[bus.name]
        poller = self._make_poller(bus, installation.drivers[bus.name], instruments)
        self._owners[bus.name] = _Owner(bus, instruments, poller, self._group.create_task(poller.run()))

    async def _end(self, name: str) -> None:
        owner = self._owners.pop(name)
        try:
            await owner.poller.retire(_POLL_WITHIN_S)
        except (TimeoutError, PortUnavailable):
            owner.task.cancel()
        await asyncio.wait([owner.task])

    async def _adopt(self, name: str, port: InstrumentBus, installation: Installation, bus: Bus) -> None:
        owner, instruments = self._owners[name], installation.instruments[name]
        try:
            await owner.poller.adopt(port, instruments, _POLL_WITHIN_S)
        except (TimeoutError, PortUnavailable):
            await self._end(name)
            return
        self._owners[name] = _Owner(bus, instruments, owner.poller, owner.task)


def _is_same(owner: _Owner, installation: Installation) -> bool:
    same_bus = any(bus == owner.bus for bus in installation.config.buses)
    return same_bus and installation.instruments.get(owner.bus.name) == owner.instruments
