"""SDI-12 sensors behind an ASCII adapter: a measurement is started, waited for, and its data fetched.

The adapter makes break, marking and the 1200 baud 7E1 of the sensor bus; this side is plain text. While a sensor
measures, its port waits: SDI-12 1.4 allows concurrent measurements (C), which are waited for all the same.
"""

from collections.abc import Sequence
from functools import partial

from siloscope_contract.quality import Quality
from siloscope_edge.addresses import AddressedDevice
from siloscope_edge.asking import Asker, all_of, line_from
from siloscope_edge.driver import Note
from siloscope_edge.drivers.sdi12.lines import Started, is_checked, refused, started, values
from siloscope_edge.drivers.sdi12.profile import Sdi12Profile, ValueChannel
from siloscope_edge.errors import ReadFailed, Trouble
from siloscope_edge.instruments import Instrument
from siloscope_edge.readings import Judge, Reading, failed, judge_for
from siloscope_edge.wires import Line
from siloscope_process.clock import Clock

_END = b"\n"
_DATA_COMMANDS = 10


class _Sensor:
    """A device, and what is asked of it."""

    def __init__(self, device: AddressedDevice, profile: Sdi12Profile) -> None:
        self.address = device.address
        self.longest_s = profile.longest_measurement_s
        self.channels: list[tuple[ValueChannel, Judge]] = [(each, judge_for(each)) for each in profile.channels]
        self.commands = list(dict.fromkeys(each.command for each in profile.channels))


class Sdi12Bus(Asker):
    """An adapter with sensors."""

    def __init__(self, line: Line, instruments: Sequence[Instrument], clock: Clock, note: Note) -> None:
        super().__init__(line, clock, note)
        self._sensors: dict[str, _Sensor] = {}
        for each in instruments:
            if isinstance(each.device, AddressedDevice) and isinstance(each.profile, Sdi12Profile):
                self._sensors[each.name] = _Sensor(each.device, each.profile)

    async def read(self, instrument: Instrument) -> Sequence[Reading]:
        sensor = self._sensors[instrument.name]
        asks = {command: partial(self._measured, instrument, sensor, command) for command in sensor.commands}
        answers = await all_of({command: partial(self.patiently, instrument, ask) for command, ask in asks.items()})
        return [_reading(answers[channel.command], channel, judge) for channel, judge in sensor.channels]

    async def _measured(self, instrument: Instrument, sensor: _Sensor, command: str) -> list[float]:
        checked = is_checked(command)
        line = await self._line(instrument, f"{sensor.address}{command}!")
        if command.startswith("R"):
            return values(line, sensor.address, checked=checked)
        begun = started(line, sensor.address)
        if begun.values == 0:
            raise ReadFailed(Quality.DEVICE_EXCEPTION, f"{command}: the sensor has no values for it", answered=True)
        if begun.seconds > sensor.longest_s:
            detail = f"{command} takes {begun.seconds} s; longest_measurement_s is {sensor.longest_s:g}"
            raise ReadFailed(Quality.DEVICE_EXCEPTION, detail, answered=True)
        await self._finished(instrument, sensor, begun, concurrent=command.startswith("C"))
        return await self._fetched(instrument, sensor, begun, checked=checked)

    async def _finished(self, instrument: Instrument, sensor: _Sensor, begun: Started, *, concurrent: bool) -> None:
        """Wait for the service request of a sensor that is ready early; else as long as it said."""
        if not begun.seconds:
            return
        if concurrent:
            await self.clock.sleep(begun.seconds)
            return
        try:
            line = await self.heard(instrument, partial(line_from, end=_END), begun.seconds)
        except ReadFailed as error:
            if error.answered:
                raise
            return  # some adapters swallow it: the time is over all the same
        if line.strip() != sensor.address.encode():
            raise refused(line, "no service request", Trouble.UNSOLICITED)

    async def _fetched(self, instrument: Instrument, sensor: _Sensor, begun: Started, *, checked: bool) -> list[float]:
        found: list[float] = []
        for number in range(_DATA_COMMANDS):
            line = await self._line(instrument, f"{sensor.address}D{number}!")
            more = values(line, sensor.address, checked=checked)
            found += more
            if len(found) >= begun.values:
                return found
            if not more:
                raise refused(line, f"{len(found)} values in all instead of {begun.values}")
        raise ReadFailed(Quality.INVALID_FRAME, f"fewer than {begun.values} values", answered=True)

    async def _line(self, instrument: Instrument, command: str) -> bytes:
        return await self.line_after(instrument, command.encode(), _END)


def _reading(answer: list[float] | ReadFailed, channel: ValueChannel, judge: Judge) -> Reading:
    if isinstance(answer, ReadFailed):
        return failed(answer.quality)
    if channel.value >= len(answer) or answer[channel.value] in channel.missing:
        return failed(Quality.SENSOR_MISSING)
    return judge(answer[channel.value])
