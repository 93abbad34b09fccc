"""The dry run behind ``siloscope edge check``: what would be read, and what each device answers now."""

from collections.abc import AsyncIterator, Iterator

import msgspec

from siloscope_contract.quality import Quality
from siloscope_edge.alarms import describing
from siloscope_edge.alarms.outputs import DeviceOutput
from siloscope_edge.config import Bus
from siloscope_edge.errors import PortUnavailable, ReadFailed, Trouble
from siloscope_edge.guarding import GuardedBus
from siloscope_edge.installation import Installation
from siloscope_edge.instruments import Instrument
from siloscope_edge.ports import InstrumentBus
from siloscope_edge.profiles import Channel
from siloscope_edge.readings import Reading
from siloscope_process.clock import Clock


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

    async def _read(self, bus: Bus, port: InstrumentBus, instrument: Instrument) -> list[str]:
        self._troubles.clear()
        name = f"{bus.name}/{instrument.name}"
        started_s = self._clock.monotonic_s()
        try:
            if not port.is_open:
                await port.open()
            readings = await port.read(instrument)
        except (ReadFailed, PortUnavailable) as error:
            self.failed.append(instrument.name)
            return [f"{name}: FAILED: {error}{self._met()}"]
        took_ms = 1000 * (self._clock.monotonic_s() - started_s)
        if all(reading.value is None for reading in readings):
            self.failed.append(instrument.name)
        channels = instrument.profile.channels
        told = [_told(channel, reading) for channel, reading in zip(channels, readings, strict=True)]
        return [f"{name}: answered in {took_ms:.0f} ms{self._met()}", *told]

    def _asked_of(self, instrument: Instrument) -> Iterator[DeviceOutput]:
        for output in self._installation.outputs:
            if isinstance(output, DeviceOutput) and output.device == instrument.name and output.read_back:
                yield output

    async def _asked(self, output: DeviceOutput, port: GuardedBus, instrument: Instrument) -> str:
        """Ask what an output does; it is never switched here."""
        try:
            if not port.is_open:
                await port.open()
            on = await port.is_on(instrument, output)
        except (ReadFailed, PortUnavailable) as error:
            self.failed.append(output.name)
            return f"  output {output.name}: FAILED: {error}; with read_back: false it is not asked"
        return f"  output {output.name} is {'neither on nor off' if on is None else 'on' if on else 'off'} now"

    def _met(self) -> str:
        return f" ({', '.join(self._troubles)})" if self._troubles else ""


def _told(channel: Channel, reading: Reading) -> str:
    if reading.value is None:
        return f"  {channel.key:<24} bad: {Quality(reading.quality).reason}"
    doubt = f"  ({Quality(reading.quality).reason})" if reading.quality else ""
    return f"  {channel.key:<24} {reading.value:g} {channel.unit}{doubt}"
