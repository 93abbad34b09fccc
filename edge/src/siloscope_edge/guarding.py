"""A bus whose driver may be anybody's: what it raises by mistake makes one reading bad, and ends nothing."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import structlog

from siloscope_contract.quality import Quality
from siloscope_edge.config import Bus
from siloscope_edge.driver import Driver, Note
from siloscope_edge.errors import EdgeError, PortUnavailable, ReadFailed
from siloscope_edge.instruments import Instrument
from siloscope_edge.ports import InstrumentBus, OutputBus
from siloscope_edge.readings import Reading
from siloscope_process.clock import Clock

_log = structlog.get_logger(__name__)
T = TypeVar("T")


class GuardedBus:
    """A driver's bus that raises only what a bus may raise.

    Args:
        bus: Of the configuration.
        driver: Its driver.
        instruments: What hangs on it.
        clock: Paces requests.
        note: Counts troubles.
    """

    def __init__(self, bus: Bus, driver: Driver, instruments: Sequence[Instrument], clock: Clock, note: Note) -> None:
        self._log = _log.bind(bus=bus.name, driver=driver.name)
        self._where = bus.line.where
        self._inner: InstrumentBus = driver.bus(bus.line, instruments, clock, note)

    @property
    def is_open(self) -> bool:
        return self._inner.is_open

    async def open(self) -> None:
        try:
            await self._inner.open()
        except EdgeError:
            raise
        except Exception as error:
            self._log.exception("driver_failed", during="open")
            raise PortUnavailable(f"{self._where}: the driver failed: {type(error).__name__}: {error}") from error

    def close(self) -> None:
        self._inner.close()

    async def switch(self, instrument: Instrument, output: Any, *, on: bool) -> None:
        await self._of_output(instrument, lambda bus: bus.switch(instrument, output, on=on))

    async def is_on(self, instrument: Instrument, output: Any) -> bool | None:
        return await self._of_output(instrument, lambda bus: bus.is_on(instrument, output))

    async def _of_output(self, instrument: Instrument, ask: Callable[[OutputBus], Awaitable[T]]) -> T:
        if not isinstance(self._inner, OutputBus):
            raise ReadFailed(Quality.BAD, "its driver can switch nothing", answered=True)
        inner = self._inner
        return await self._guarded(instrument, lambda: ask(inner))

    async def read(self, instrument: Instrument) -> Sequence[Reading]:
        readings = await self._guarded(instrument, lambda: self._inner.read(instrument))
        if len(readings) != len(instrument.profile.channels):
            detail = f"the driver gave {len(readings)} readings instead of {len(instrument.profile.channels)}"
            raise ReadFailed(Quality.BAD, detail, answered=True)
        return readings

    async def _guarded(self, instrument: Instrument, ask: Callable[[], Awaitable[T]]) -> T:
        """Return the driver's answer; what it raises that it may not is a failed reading."""
        try:
            return await ask()
        except EdgeError:
            raise
        except Exception as error:
            self._log.exception("driver_failed", device=instrument.name)
            detail = f"the driver failed: {type(error).__name__}: {error}"
            raise ReadFailed(Quality.BAD, detail, answered=True) from error
