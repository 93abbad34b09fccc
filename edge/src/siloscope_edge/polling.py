"""Polling a bus: the one owner of its port reads each device in its turn, and nobody waits for the dead."""

from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple, Protocol, TypeVar

import structlog

from siloscope_contract.gaps import Gap, GapKind
from siloscope_contract.packs import Sample
from siloscope_contract.quality import Quality
from siloscope_edge.attendance import Attendance, Turn, whose_turn
from siloscope_edge.conditioning import Conditioning
from siloscope_edge.errands import Errands
from siloscope_edge.errors import PortUnavailable, ReadFailed
from siloscope_edge.instruments import Instrument
from siloscope_edge.metrics import Metrics
from siloscope_edge.ports import InstrumentBus
from siloscope_edge.readings import Columns
from siloscope_edge.rules import rules_for
from siloscope_process.clock import Clock

_log = structlog.get_logger(__name__)
_REOPEN_FIRST_S = 1.0
_REOPEN_AT_MOST_S = 30.0

T = TypeVar("T")
TakeSample = Callable[[Sample], None]
TakeGap = Callable[[Gap], None]


class Onlooker(Protocol):
    """Looks on while buses are read."""

    def begins(self, poller: "Poller") -> None:
        """See that a bus is read from now on."""
        ...

    def saw(self, sample: Sample, took_s: float | None) -> None:
        """See what a device just said, also what is held back; in no time, for the bus waits.

        Args:
            sample: As it was screened.
            took_s: How long the device was asked; None: it was not.
        """
        ...

    def ends(self, poller: "Poller") -> None:
        """See that the bus is read no longer."""
        ...


class Poller:
    """Reads the instruments of one bus, for ever.

    Args:
        name: The bus.
        bus: Its port.
        instruments: What hangs on it.
        clock: Tells when.
        take_sample: Gets a sample of each turn, bad readings included.
        take_gap: Gets a gap record where turns passed unused because the bus was busy.
        metrics: Counts.
        instant_ms: Tells the instant that readings are of; the clock's unless told.
        onlooker: Looks on.
    """

    def __init__(
        self,
        name: str,
        bus: InstrumentBus,
        instruments: Sequence[Instrument],
        clock: Clock,
        take_sample: TakeSample,
        take_gap: TakeGap,
        metrics: Metrics,
        instant_ms: Callable[[], int] | None = None,
        onlooker: Onlooker | None = None,
    ) -> None:
        self.name = name
        self.port_detail = ""
        """Why the port is closed."""
        self.failures: dict[str, str] = {}
        """By device, what went wrong when it was last silent or refused."""
        self._onlooker = onlooker
        self._log = _log.bind(bus=name)
        self._bus = bus
        self._clock = clock
        self._instant_ms = instant_ms or clock.now_ms
        self._take_sample = take_sample
        self._take_gap = take_gap
        self._metrics = metrics
        now_s = clock.monotonic_s()
        self._turns = [
            (instrument, Attendance(instrument.period_s, now_s, instrument.profile.limits.timeout_s))
            for instrument in instruments
        ]
        self._conditionings = {instrument.name: Conditioning(rules_for(instrument)) for instrument in instruments}
        self._attendances = [attendance for _, attendance in self._turns]
        self._shapes = {instrument.name: _Shape.of(instrument) for instrument in instruments}
        self.errands = Errands(clock)
        self._retired = False
        self._reopen_at_s = 0.0
        self._reopen_wait_s = _REOPEN_FIRST_S
        self._failures_in_a_row = 0

    @property
    def turns(self) -> Sequence[tuple[Instrument, Attendance]]:
        """The instruments that are read, and when."""
        return self._turns

    @property
    def port_is_open(self) -> bool:
        """Whether requests can be made."""
        return self._bus.is_open

    async def run(self) -> None:
        """Take turns, and do errands between them, until cancelled or retired."""
        if self._onlooker is not None:
            self._onlooker.begins(self)
        try:
            while not self._retired:
                now_s = self._clock.monotonic_s()
                instrument, attendance = self._turns[whose_turn(self._attendances, now_s)]
                wait_s = attendance.due_s - now_s
                if wait_s > 0:
                    await self.errands.nap(wait_s)
                    if await self.errands.serve():
                        continue
                await self.turn(instrument, attendance)
                await self.errands.serve()
        finally:
            self.errands.close()
            for conditioning in self._conditionings.values():
                for held in conditioning.last():
                    self._take_sample(held)
            self._bus.close()
            if self._onlooker is not None:
                self._onlooker.ends(self)

    async def visit(self, work: Callable[[InstrumentBus], Awaitable[T]], within_s: float) -> T:
        """Have something done with the port between two polls; see `Errands.do`."""

        async def visited() -> T:
            self._reopen_at_s = 0.0
            await self._open_port()
            return await work(self._bus)

        return await self.errands.do(visited, within_s)

    async def retire(self, within_s: float) -> None:
        """End after the poll under way: nothing of it is lost, and the port is free."""

        async def retired() -> None:
            self._retired = True
            self._bus.close()

        await self.errands.do(retired, within_s)

    async def adopt(self, bus: InstrumentBus, instruments: Sequence[Instrument], within_s: float) -> None:
        """Read other instruments, or the same ones otherwise, from the next poll on; those that stay keep their turns.

        Args:
            bus: The port that knows them; the one before is closed.
            instruments: At least one.
            within_s: How long the poll under way may take.
        """

        async def adopted() -> None:
            self._bus.close()
            self._bus, self._reopen_at_s, self._failures_in_a_row = bus, 0.0, 0
            self._exchange(instruments)

        await self.errands.do(adopted, within_s)

    def _exchange(self, instruments: Sequence[Instrument]) -> None:
        staying = {each.name: attendance for each, attendance in self._turns if each in instruments}
        for instrument, _ in self._turns:
            if instrument.name not in staying:
                for held in self._conditionings.pop(instrument.name).last():
                    self._take_sample(held)
        now_s = self._clock.monotonic_s()
        self._turns = [
            (each, staying.get(each.name) or Attendance(each.period_s, now_s, each.profile.limits.timeout_s))
            for each in instruments
        ]
        for each in instruments:
            self._conditionings.setdefault(each.name, Conditioning(rules_for(each)))
        self._shapes = {each.name: _Shape.of(each) for each in instruments}
        self._attendances = [attendance for _, attendance in self._turns]

    async def turn(self, instrument: Instrument, attendance: Attendance) -> None:
        """Read one device, or say that it could not be read."""
        due_s, now_s = attendance.due_s, self._clock.monotonic_s()
        turn, missed = attendance.take(now_s)
        if missed:
            self._take_gap(self._missed(instrument, missed, now_s - due_s))
        await self._ask(instrument, attendance, now_s, resting=turn is Turn.RESTING)

    async def read_now(self, device: str, within_s: float) -> Sample:
        """Read a device between two of its turns, one that rests too, and return what it said; its turns stay.

        Raises:
            KeyError: It is not read here any more.
            TimeoutError: Others took too long before it.
            PortUnavailable: The bus is not read any more.
        """

        async def read() -> Sample:
            instrument, attendance = {each.name: (each, at) for each, at in self._turns}[device]
            self._reopen_at_s = 0.0
            return await self._ask(instrument, attendance, self._clock.monotonic_s(), resting=False)

        return await self.errands.do(read, within_s)

    async def _ask(self, instrument: Instrument, attendance: Attendance, now_s: float, *, resting: bool) -> Sample:
        await self._open_port()
        read_at_ms = self._instant_ms()
        started_s = self._clock.monotonic_s()
        took_s = None
        if resting or not self._bus.is_open:
            readings = _bad(instrument, Quality.COMM_FAILURE)
        else:
            readings = await self._read(instrument, attendance)
            took_s = self._clock.monotonic_s() - started_s
            self._metrics.polled(self.name, instrument.name, took_s)
        self._metrics.read(instrument.name, readings)
        found = self._shapes[instrument.name].sample(instrument.name, read_at_ms, readings)
        conditioned = self._conditionings[instrument.name].take(found)
        self._metrics.conditioned(instrument.name, found.quality, reported=bool(conditioned.samples))
        if self._onlooker is not None:
            self._onlooker.saw(found, took_s)
        for each in conditioned.samples:
            self._take_sample(each)
        attendance.pace(conditioned.period_s, now_s)
        return found

    async def _read(self, instrument: Instrument, attendance: Attendance) -> Columns:
        was_silent = attendance.silent
        asked_s = self._clock.monotonic_s()
        try:
            readings = await self._bus.read(instrument)
        except PortUnavailable as error:
            self._port_lost(str(error))
            return _bad(instrument, Quality.COMM_FAILURE)
        except ReadFailed as error:
            self._failed(instrument, attendance, error, asked_s)
            return _bad(instrument, error.quality)
        self._failures_in_a_row = 0
        self.failures.pop(instrument.name, None)
        attendance.answered(asked_s)
        if was_silent:
            self._log.info("device_answers_again", device=instrument.name)
        return Columns.of(readings)

    def _failed(self, instrument: Instrument, attendance: Attendance, error: ReadFailed, asked_s: float) -> None:
        self.failures[instrument.name] = str(error)
        if error.answered:
            attendance.answered(asked_s)
            self._log.debug("device_refused", device=instrument.name, reason=error.quality.reason, detail=str(error))
            return
        silent = sum(each.silent for each in self._attendances)
        attendance.unanswered(self._clock.monotonic_s(), max(1, silent))
        if attendance.failures == 1 or (attendance.silent and not attendance.failures & attendance.failures - 1):
            self._log.warning("device_silent", device=instrument.name, failures=attendance.failures, detail=str(error))
        self._failures_in_a_row += 1
        if self._failures_in_a_row > max(3, len(self._turns)):
            self._port_lost("nobody answers; opening the port anew")

    async def _open_port(self) -> None:
        if self._bus.is_open or self._clock.monotonic_s() < self._reopen_at_s:
            return
        try:
            await self._bus.open()
        except PortUnavailable as error:
            self.port_detail = str(error)
            if self._reopen_wait_s == _REOPEN_FIRST_S:
                self._log.warning("port_unavailable", detail=str(error))
            self._reopen_at_s = self._clock.monotonic_s() + self._reopen_wait_s
            self._reopen_wait_s = min(self._reopen_wait_s * 2, _REOPEN_AT_MOST_S)
            return
        self._reopen_wait_s = _REOPEN_FIRST_S
        self.port_detail = ""
        self._log.info("port_open")

    def _port_lost(self, detail: str) -> None:
        self._failures_in_a_row = 0
        self.port_detail = detail
        self._bus.close()
        self._reopen_at_s = self._clock.monotonic_s() + _REOPEN_FIRST_S
        self._log.warning("port_closed", detail=detail)

    def _missed(self, instrument: Instrument, missed: int, since_s: float) -> Gap:
        now_ms = self._instant_ms()
        from_ms = now_ms - round(since_s * 1000)  # when the first of them was due
        self._metrics.missed(instrument.name, missed)
        return Gap(GapKind.BUS_ERROR, from_ms, now_ms, device=instrument.name, count=missed, detail="the bus was busy")


class _Shape(NamedTuple):
    """What is the same in all good samples of a device, made once."""

    names: tuple[str, ...]
    units: tuple[str, ...]

    @classmethod
    def of(cls, instrument: Instrument) -> "_Shape":
        """Return an instrument's."""
        channels = instrument.profile.channels
        return cls(tuple(channel.key for channel in channels), tuple(channel.unit for channel in channels))

    def sample(self, device: str, time_ms: int, readings: Columns) -> Sample:
        """Return a device's readings as the sample of that instant."""
        units: tuple[str | None, ...] = self.units
        if None in readings.values:
            found = zip(self.units, readings.values, strict=True)
            units = tuple(unit if value is not None else None for unit, value in found)
        return Sample(device, time_ms, self.names, units, readings.values, readings.quality)


def _bad(instrument: Instrument, quality: Quality) -> Columns:
    channels = len(instrument.profile.channels)
    return Columns([None] * channels, [int(quality)] * channels)
