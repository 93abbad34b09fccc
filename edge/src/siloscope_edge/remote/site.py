"""The running agent, as remote configuration sees it: reading a device once, changing to others, what has come up."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from typing import Protocol

import structlog

from siloscope_contract.quality import Quality
from siloscope_edge.config import Bus
from siloscope_edge.errors import PortUnavailable, ReadFailed
from siloscope_edge.installation import Installation
from siloscope_edge.instruments import Instrument
from siloscope_edge.readers import MakePort, Readers

_log = structlog.get_logger(__name__)
_READ_WITHIN_S = 120.0


class Link(Protocol):
    """What sends, as far as a change of configuration concerns it."""

    @property
    def introductions(self) -> int:
        """How often a broker has acknowledged what this node is."""
        ...

    def change_to(self, installation: Installation) -> None:
        """Announce other devices before anything of them is sent; connect anew where the broker is to be."""
        ...


class RunningSite:
    """Changes what runs.

    Args:
        readers: The buses.
        link: To the broker.
        port: Makes a port for a dry run.
        changed: Told before anything of another installation is read.
    """

    def __init__(
        self, readers: Readers, link: Link, port: MakePort, changed: Callable[[Installation], Awaitable[None]]
    ) -> None:
        self._readers = readers
        self._link = link
        self._make_port = port
        self._changed = changed
        self._introduced_at = 0  # a trial that goes on after a start waits for the first introduction
        self._awaited: set[str] = set()

    async def dry_run(self, candidate: Installation, devices: Sequence[tuple[Bus, Instrument]]) -> list[str]:
        """Read devices once each, and return what is wrong with those that bring no good reading.

        Each is read through the owner of its port, between two polls; others wait for one time-out at most.
        """
        reasons = []
        for bus, instrument in devices:
            if (reason := await self._read_once(candidate, bus, instrument)) is not None:
                reasons.append(f"bus {bus.name}, device {instrument.name}: found {reason}, expected a good reading")
        return reasons

    async def change_to(self, installation: Installation) -> None:
        """Announce and read what an installation says, from now on."""
        self._introduced_at = self._link.introductions
        self._link.change_to(installation)
        await self._changed(installation)
        await self._readers.change_to(installation)

    def watch(self, devices: Collection[str]) -> None:
        """Look from now on whether these devices come up."""
        self._awaited = set(devices)

    async def missing(self, within_s: float) -> list[str]:
        """Ask the devices that are awaited, for so long, and return what has not come up since the last change."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                for device in sorted(self._awaited):
                    if await self._answers(device):
                        self._awaited.discard(device)
        found = [f"device {name}: found no good reading, expected one" for name in sorted(self._awaited)]
        if self._link.introductions <= self._introduced_at:
            found.append("link: found no broker that acknowledged this node, expected one")
        return found

    async def _answers(self, device: str) -> bool:
        owner = self._readers.owner_of(device)
        if owner is None:
            return False
        try:
            sample = await owner[0].read_now(device, _READ_WITHIN_S)
        except (KeyError, TimeoutError, PortUnavailable):
            return False
        return any(value is not None for value in sample.values)

    async def _read_once(self, candidate: Installation, bus: Bus, instrument: Instrument) -> str | None:
        async def read() -> str | None:
            port = self._make_port(bus, candidate.drivers[bus.name], [instrument])
            try:
                await port.open()
                readings = await port.read(instrument)
            finally:
                port.close()
            if any(reading.value is not None for reading in readings):
                return None
            return " and ".join(sorted({Quality(reading.quality).reason for reading in readings})) + " only"

        try:
            return await self._readers.with_port(bus, read, _READ_WITHIN_S)
        except (ReadFailed, PortUnavailable) as error:
            return str(error)
        except TimeoutError:
            return f"no end within {_READ_WITHIN_S:g} s"
        except Exception as error:  # a driver may be anybody's, and a version that is retained would end each start
            _log.exception("dry_run_failed", bus=bus.name, device=instrument.name)
            return f"{type(error).__name__}: {error}"
