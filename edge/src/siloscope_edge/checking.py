"""The dry run behind ``siloscope edge check``: what would be read, and what each device answers now."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import TypeVar

import msgspec

from siloscope_contract.quality import Quality
from siloscope_edge.alarms import describing
from siloscope_edge.alarms.outputs import DeviceOutput
from siloscope_edge.attendance import FAILURES_BEFORE_REST
from siloscope_edge.config import Bus
from siloscope_edge.errors import PortUnavailable, ReadFailed, Trouble
from siloscope_edge.guarding import GuardedBus
from siloscope_edge.installation import Installation
from siloscope_edge.instruments import Instrument
from siloscope_edge.profiles import Channel
from siloscope_edge.readings import Reading
from siloscope_process.clock import Clock

T = TypeVar("T")


def described(found: Installation) -> Iterator[str]:
    """Yield the lines that say what a configuration means."""
    config = found.config
    yield f"node {config.node_name}, broker {config.mqtt.host}:{config.mqtt.port}, spool in {config.data_directory}"
    for bus in config.buses:
        settings = " ".join(f"{name}={value}" for name, value in msgspec.structs.asdict(bus.line).items())
        yield f"bus {bus.name}: {bus.kind} {settings}"
        for instrument in found.instruments[bus.name]:
            device, profile = instrument.device, instrument.profile
            asked = ", ".join(found.drivers[bus.name].asks(profile))
            chosen = "".join(f", {option} {choice}" for option, choice in device.options.items())
            what = f"{profile.profile}{chosen}, {device.where}"
            yield f"  {device.name}: {what}, every {instrument.period_s:g} s, asks {asked}"
            yield f"    {' '.join(channel.key for channel in profile.channels)}"
    yield from describing.described(config.alarms, found.outputs)


class DryRun:
    """Reads each device of an installation once.

    Who does not answer is asked as often as an agent asks before it leaves a device alone: a byte that was lost, or a
    computer that was busy, is no failed device.

    Args:
        installation: What to read.
        clock: Paces requests.

    Attributes:
        failed: The devices that brought no good reading.
    """

    def __init__(self, installation: Installation, clock: Clock) -> None:
        self.failed: list[str] = []
        self._installation = installation
        self._clock = clock
        self._troubles: list[Trouble] = []
        self._asked_s = 0.0
        self._times = 0

    async def lines(self) -> AsyncIterator[str]:
        """Yield what each device answers, as it comes; nothing is stored or sent."""
        for bus in self._installation.config.buses:
            instruments = self._installation.instruments[bus.name]
            driver = self._installation.drivers[bus.name]
            port = GuardedBus(bus, driver, instruments, self._clock, self._noted)
            try:
                for instrument in instruments:
                    for line in await self._read(bus, port, instrument):
                        yield line
                    for output in self._asked_of(instrument):
                        yield await self._asked(output, port, instrument)
            finally:
                port.close()

    def _noted(self, _device: str, trouble: Trouble) -> None:
        self._troubles.append(trouble)

    async def _read(self, bus: Bus, port: GuardedBus, instrument: Instrument) -> list[str]:
        self._troubles.clear()
        name = f"{bus.name}/{instrument.name}"
        try:
            readings = await self._patiently(port, lambda: port.read(instrument))
        except (ReadFailed, PortUnavailable) as error:
            self.failed.append(instrument.name)
            return [f"{name}: FAILED: {error}{self._often()}{self._met()}"]
        took_ms = 1000 * (self._clock.monotonic_s() - self._asked_s)
        if all(reading.value is None for reading in readings):
            self.failed.append(instrument.name)
        channels = instrument.profile.channels
        told = [_told(channel, reading) for channel, reading in zip(channels, readings, strict=True)]
        return [f"{name}: answered in {took_ms:.0f} ms{self._often()}{self._met()}", *told]

    def _asked_of(self, instrument: Instrument) -> Iterator[DeviceOutput]:
        for output in self._installation.outputs:
            if isinstance(output, DeviceOutput) and output.device == instrument.name and output.read_back:
                yield output

    async def _asked(self, output: DeviceOutput, port: GuardedBus, instrument: Instrument) -> str:
        """Ask what an output does; it is never switched here."""
        try:
            on = await self._patiently(port, lambda: port.is_on(instrument, output))
        except (ReadFailed, PortUnavailable) as error:
            self.failed.append(output.name)
            return f"  output {output.name}: FAILED: {error}{self._often()}; with read_back: false it is not asked"
        return f"  output {output.name} is {'neither on nor off' if on is None else 'on' if on else 'off'} now"

    async def _patiently(self, port: GuardedBus, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask until there is an answer, a refusal too; a port that cannot be opened is not tried again.

        Raises:
            ReadFailed: There was none, or it was refused.
            PortUnavailable: The port cannot be opened, or vanished each time.
        """
        for self._times in range(1, FAILURES_BEFORE_REST + 1):
            self._asked_s = self._clock.monotonic_s()
            if not port.is_open:
                await port.open()
            try:
                return await ask()
            except (ReadFailed, PortUnavailable) as error:
                refused = isinstance(error, ReadFailed) and error.trouble is Trouble.EXCEPTION
                if refused or self._times == FAILURES_BEFORE_REST:
                    raise
        raise AssertionError("the last try returns or raises")

    def _often(self) -> str:
        return f", asked {self._times} times" if self._times > 1 else ""

    def _met(self) -> str:
        return f" ({', '.join(dict.fromkeys(self._troubles))})" if self._troubles else ""


def _told(channel: Channel, reading: Reading) -> str:
    if reading.value is None:
        return f"  {channel.key:<24} bad: {Quality(reading.quality).reason}"
    doubt = f"  ({Quality(reading.quality).reason})" if reading.quality else ""
    return f"  {channel.key:<24} {reading.value:g} {channel.unit}{doubt}"
