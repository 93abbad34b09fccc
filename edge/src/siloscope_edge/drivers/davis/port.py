"""A Davis Vantage console on a wire: woken, then asked for one packet of each kind that its profile needs."""

from collections.abc import Sequence
from functools import partial

from siloscope_contract.quality import Quality
from siloscope_edge.asking import Asker, all_of
from siloscope_edge.driver import Note
from siloscope_edge.drivers.davis.packets import PacketName, taken, values
from siloscope_edge.drivers.davis.profile import DavisProfile, PacketChannel
from siloscope_edge.errors import ReadFailed
from siloscope_edge.instruments import Instrument
from siloscope_edge.readings import Judge, Reading, failed, judge_for
from siloscope_edge.wires import Line
from siloscope_process.clock import Clock

_COMMANDS: dict[PacketName, bytes] = {"loop": b"LOOP 1\n", "loop2": b"LPS 2 1\n"}
_WAKE = b"\n"
_AWAKE = b"\n\r"
_WAKE_WITHIN_S = 1.2
_WAKE_TRIES = 3
_ACK = 0x06
_NAK = 0x21
"""Also what a console answers to a command that its firmware does not know."""


class DavisBus(Asker):
    """A serial port, or TCP port 22222 of a WeatherLink IP, with one console."""

    def __init__(self, line: Line, instruments: Sequence[Instrument], clock: Clock, note: Note) -> None:
        super().__init__(line, clock, note)
        self._judges: dict[str, list[tuple[PacketChannel, Judge]]] = {
            instrument.name: [(channel, judge_for(channel)) for channel in instrument.profile.channels]
            for instrument in instruments
            if isinstance(instrument.profile, DavisProfile)
        }

    async def read(self, instrument: Instrument) -> Sequence[Reading]:
        judges = self._judges[instrument.name]
        await self._wake(instrument)
        names = dict.fromkeys(channel.packet for channel, _ in judges)
        asks = {name: partial(self._packet, instrument, name) for name in names}
        packets = await all_of({name: partial(self.patiently, instrument, ask) for name, ask in asks.items()})
        return [_reading(packets[channel.packet], channel, judge) for channel, judge in judges]

    async def _wake(self, instrument: Instrument) -> None:
        for tries_left in range(_WAKE_TRIES - 1, -1, -1):
            try:
                await self.answer(instrument, _WAKE, _awake, timeout_s=_WAKE_WITHIN_S, echoes=False)
                return
            except ReadFailed as error:
                if not tries_left:
                    self.note(instrument.name, error.trouble)
                    raise

    async def _packet(self, instrument: Instrument, name: PacketName) -> dict[str, float | None]:
        if await self.answer(instrument, _COMMANDS[name], _acknowledgement, echoes=False) != _ACK:
            detail = f"the console does not know {_COMMANDS[name].decode().strip()!r}"
            raise ReadFailed(Quality.DEVICE_EXCEPTION, detail, answered=True)
        return values(await self.heard(instrument, taken), name)


def _awake(buffer: bytearray) -> bool | None:
    at = buffer.find(_AWAKE)
    if at < 0:
        return None
    del buffer[: at + len(_AWAKE)]
    return True


def _acknowledgement(buffer: bytearray) -> int | None:
    """Take the byte that answers a command; a late line feed, carriage return of the waking is passed over."""
    for at, byte in enumerate(buffer):
        if byte in (_ACK, _NAK):
            del buffer[: at + 1]
            return byte
    return None


def _reading(packet: dict[str, float | None] | ReadFailed, channel: PacketChannel, judge: Judge) -> Reading:
    if isinstance(packet, ReadFailed):
        return failed(packet.quality)
    value = packet[channel.field]
    return judge(value) if value is not None else failed(Quality.SENSOR_MISSING)
