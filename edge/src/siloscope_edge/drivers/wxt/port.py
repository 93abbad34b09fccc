"""Vaisala transmitters on a wire: a checked query and a line at a time."""

from collections.abc import Sequence
from functools import partial

from siloscope_contract.quality import Quality
from siloscope_edge.addresses import AddressedDevice
from siloscope_edge.asking import Asker, all_of, line_from
from siloscope_edge.driver import Note
from siloscope_edge.drivers.wxt.lines import command, fields
from siloscope_edge.drivers.wxt.profile import FieldChannel, WxtProfile
from siloscope_edge.errors import ReadFailed
from siloscope_edge.instruments import Instrument
from siloscope_edge.readings import Judge, Reading, failed, judge_for
from siloscope_edge.wires import Line
from siloscope_process.clock import Clock

_END = b"\n"


class WxtBus(Asker):
    """A wire with transmitters in their polled ASCII protocol."""

    def __init__(self, line: Line, instruments: Sequence[Instrument], clock: Clock, note: Note) -> None:
        super().__init__(line, clock, note)
        self._judges: dict[str, list[tuple[FieldChannel, Judge]]] = {
            instrument.name: [(channel, judge_for(channel)) for channel in instrument.profile.channels]
            for instrument in instruments
            if isinstance(instrument.profile, WxtProfile)
        }

    async def read(self, instrument: Instrument) -> Sequence[Reading]:
        judges = self._judges[instrument.name]
        queries = dict.fromkeys(channel.query.lower() for channel, _ in judges)
        asks = {query: partial(self._ask, instrument, query) for query in queries}
        answers = await all_of({query: partial(self.patiently, instrument, ask) for query, ask in asks.items()})
        return [_reading(answers[channel.query.lower()], channel, judge) for channel, judge in judges]

    async def _ask(self, instrument: Instrument, query: str) -> dict[str, float | None]:
        device = instrument.device
        address = device.address if isinstance(device, AddressedDevice) else ""
        line = await self.answer(instrument, command(address, query), partial(_said, address + query))
        return fields(line, address, query)


def _said(head: str, buffer: bytearray) -> bytes | None:
    """Take the first line that can be the answer; noise may hold a line feed."""
    while (line := line_from(buffer, _END)) is not None:
        if head.encode() in line or line.isascii():
            return line
    return None


def _reading(answer: dict[str, float | None] | ReadFailed, channel: FieldChannel, judge: Judge) -> Reading:
    if isinstance(answer, ReadFailed):
        return failed(answer.quality)
    if channel.field not in answer:
        return failed(Quality.SENSOR_MISSING)  # the transmitter is not set up to report it
    value = answer[channel.field]
    return judge(value) if value is not None else failed(Quality.DEVICE_EXCEPTION)
