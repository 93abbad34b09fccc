"""Instruments that talk in lines, on a wire: asked for a line, or listened to."""

from collections.abc import Sequence
from functools import partial

from siloscope_contract.quality import Quality
from siloscope_edge.asking import Asker, all_of, line_from
from siloscope_edge.driver import Note
from siloscope_edge.drivers.ascii.device import AsciiDevice
from siloscope_edge.drivers.ascii.lines import Reader, refused
from siloscope_edge.drivers.ascii.profile import AsciiProfile, Message
from siloscope_edge.errors import ReadFailed
from siloscope_edge.instruments import Instrument
from siloscope_edge.readings import Reading, failed
from siloscope_edge.wires import Line
from siloscope_process.clock import Clock


class _Talker:
    """A device, and how its lines are read."""

    def __init__(self, device: AsciiDevice, profile: AsciiProfile) -> None:
        self.reader = Reader(profile, profile.address if device.address is None else device.address)
        self.listening = profile.listening if device.listening is None else device.listening
        self.start = profile.frame.start.encode()
        self.end = profile.frame.end.encode()
        self.channels = len(profile.channels)


class AsciiBus(Asker):
    """A wire with instruments that talk in lines."""

    def __init__(self, line: Line, instruments: Sequence[Instrument], clock: Clock, note: Note) -> None:
        super().__init__(line, clock, note)
        self._talkers: dict[str, _Talker] = {}
        for each in instruments:
            if isinstance(each.device, AsciiDevice) and isinstance(each.profile, AsciiProfile):
                self._talkers[each.name] = _Talker(each.device, each.profile)

    async def read(self, instrument: Instrument) -> Sequence[Reading]:
        talker = self._talkers[instrument.name]
        found, troubles = await (self._listen if talker.listening else self._ask_all)(instrument, talker)
        if not found and troubles:
            raise next(iter(troubles.values()))
        readings = [failed(Quality.COMM_FAILURE)] * talker.channels
        for message in talker.reader.needed:
            for at in talker.reader.positions(message):
                if message.name in troubles:
                    readings[at] = failed(troubles[message.name].quality)
                elif at in found:
                    readings[at] = found[at]
        return readings

    async def _ask_all(
        self, instrument: Instrument, talker: _Talker
    ) -> tuple[dict[int, Reading], dict[str, ReadFailed]]:
        asks = {message.name: partial(self._ask, instrument, talker, message) for message in talker.reader.needed}
        answers = await all_of({name: partial(self.patiently, instrument, ask) for name, ask in asks.items()})
        found: dict[int, Reading] = {}
        troubles: dict[str, ReadFailed] = {}
        for name, answer in answers.items():
            if isinstance(answer, ReadFailed):
                troubles[name] = answer
            else:
                found |= answer
        return found, troubles

    async def _ask(self, instrument: Instrument, talker: _Talker, message: Message) -> dict[int, Reading]:
        line = await self.line_after(instrument, talker.reader.query(message), talker.end)
        answer = talker.reader.message_of(line)
        if answer is None or answer[0].name != message.name:
            raise refused(line, f"not the answer to {message.name or 'the query'}")
        return talker.reader.readings(*answer)

    async def _listen(
        self, instrument: Instrument, talker: _Talker
    ) -> tuple[dict[int, Reading], dict[str, ReadFailed]]:
        """Wait for the next line of each kind: what came before the turn is older than its time would say."""
        deadline_s = self.clock.monotonic_s() + instrument.profile.limits.timeout_s
        wanted = {message.name for message in talker.reader.needed}
        found: dict[int, Reading] = {}
        torn: ReadFailed | None = None
        self.wire.forget()
        beginning_known = bool(talker.start)
        while wanted:
            try:
                line = await self._next_line(instrument, talker, deadline_s)
            except ReadFailed as error:
                self.note(instrument.name, error.trouble)
                return found, dict.fromkeys(wanted, torn or error)
            if not beginning_known:
                beginning_known = True  # this one may have begun before we listened
                continue
            try:
                heard = talker.reader.message_of(line)
                if heard is not None and heard[0].name in wanted:
                    found |= talker.reader.readings(*heard)
                    wanted.discard(heard[0].name)
            except ReadFailed as error:
                self.note(instrument.name, error.trouble)
                torn = error
        return found, {}

    async def _next_line(self, instrument: Instrument, talker: _Talker, deadline_s: float) -> bytes:
        left_s = max(deadline_s - self.clock.monotonic_s(), 0.001)
        return await self.heard(instrument, lambda buffer: line_from(buffer, talker.end), left_s)
