"""A whole examination of a port: finding its settings first, then the survey; what the command does."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

from msgspec.structs import replace

from siloscope_edge.doctor.exchange import READ_HOLDING, READ_INPUT, Exchange, read_pdu
from siloscope_edge.doctor.findings import Ended, Findings
from siloscope_edge.doctor.framing import frames_in
from siloscope_edge.doctor.session import Interrupted, Progress, Session, Tell, nobody
from siloscope_edge.doctor.settings import as_configured, in_words
from siloscope_edge.doctor.survey import Questions, survey
from siloscope_edge.drivers.modbus.lines import ModbusLine, ModbusRtu
from siloscope_process.clock import Clock

_FIRST_UNITS = 10
_OTHER_FUNCTION_UNITS = 1
_PATIENCE_S = 0.2
_LISTEN_S = 0.3
_SHARE_OF_SEARCH = 0.5


class Opened(Exchange, Protocol):
    """An exchange with an end."""

    async def __aenter__(self) -> Exchange: ...

    async def __aexit__(self, *_: object) -> None: ...


Open = Callable[[ModbusLine], Opened]


async def examine(
    lines: Sequence[ModbusLine],
    questions: Questions,
    clock: Clock,
    open_line: Open,
    *,
    within_s: float,
    stop: asyncio.Event | None = None,
    tell: Tell = nobody,
) -> Findings:
    """Find out which settings a port speaks, and then what is on it.

    Args:
        lines: The settings to try, the most usual first.
        questions: What to find out.
        clock: Times answers.
        open_line: Opens one.
        within_s: Time that all of it may take.
        stop: Set, it ends soon.
        tell: Is told how far it is.

    Raises:
        PortUnavailable: The port cannot be opened at all.
    """
    began_s = clock.monotonic_s()
    search = _Search(lines, questions, clock, open_line, began_s, within_s, stop, tell)
    found = Findings(where=lines[0].where)
    for line in lines if len(lines) == 1 else await search.run():
        left_s = within_s - (clock.monotonic_s() - began_s)
        async with open_line(line) as exchange:
            found = await survey(exchange, questions, clock, within_s=left_s, stop=stop, tell=search.told_anew(tell))
        search.requests += found.requests
        if found.devices:
            found.line = as_configured(line)
        if found.devices or found.ended is not Ended.COMPLETE:
            break
    found.ended = search.ended if search.ended is not Ended.COMPLETE else found.ended
    found.tried_lines = search.tried or [in_words(line) for line in lines[:1]]
    found.notes = [*search.notes, *found.notes]
    found.requests = search.requests
    found.took_s = round(clock.monotonic_s() - began_s, 3)
    return found


class _Search:
    """Asks the usual unit ids with one setting after the other, until one brings a sound answer."""

    def __init__(
        self,
        lines: Sequence[ModbusLine],
        questions: Questions,
        clock: Clock,
        open_line: Open,
        began_s: float,
        within_s: float,
        stop: asyncio.Event | None,
        tell: Tell,
    ) -> None:
        self.tried: list[str] = []
        self.notes: list[str] = []
        self.requests = 0
        self.ended = Ended.COMPLETE
        self._lines = lines
        self._questions = questions
        self._clock = clock
        self._open = open_line
        self._began_s = began_s
        self._within_s = within_s
        self._stop = stop
        self._tell = tell

    async def run(self) -> Sequence[ModbusLine]:
        """Return the settings that brought an answer; where none did, all, for a sweep of all unit ids."""
        units = self._questions.units[:_FIRST_UNITS]
        for at, line in enumerate(self._lines):
            left_s = self._within_s * _SHARE_OF_SEARCH - (self._clock.monotonic_s() - self._began_s)
            if left_s <= 0:
                break
            self.tried.append(in_words(line))
            async with self._open(line) as exchange:
                session = Session(exchange, self._clock, left_s, self._stop)
                try:
                    self._progress(f"trying {in_words(line)}", at)
                    if await self._answers(session, line, units):
                        return [line]
                except Interrupted as interruption:
                    if interruption.why is not Ended.TIME:
                        self.ended = interruption.why
                        return []
                    break
                finally:
                    self.requests += session.requests
        return self._lines

    def told_anew(self, tell: Tell) -> Tell:
        """Return what tells progress with the time and the requests of the search added."""
        spent_s = self._clock.monotonic_s() - self._began_s
        return lambda step: tell(
            replace(
                step, spent_s=step.spent_s + spent_s, within_s=self._within_s, requests=step.requests + self.requests
            )
        )

    async def _answers(self, session: Session, line: ModbusLine, units: Sequence[int]) -> bool:
        if isinstance(line, ModbusRtu):
            heard = await session.exchange.listen(_LISTEN_S)
            if heard:
                talks = list(frames_in(heard))
                if talks:
                    spoken = ", ".join(str(unit) for unit in sorted({frame[0] for frame in talks}))
                    self.notes.append(f"Somebody talks unasked at {in_words(line)}: unit {spoken}, or another master.")
                    return True
                self.notes.append(
                    f"{len(heard)} bytes came unasked at {in_words(line)}, and make no sense at that speed."
                )
        asked = [(unit, READ_HOLDING) for unit in units]
        asked += [(unit, READ_INPUT) for unit in units[:_OTHER_FUNCTION_UNITS]]
        for unit, function in asked:
            outcome = await session.ask(unit, read_pdu(function, 0, 1), self._questions.patience_s or _PATIENCE_S)
            if outcome.is_alive or set(outcome.late) & set(units):
                return True
        return False

    def _progress(self, what: str, at: int) -> None:
        spent_s = self._clock.monotonic_s() - self._began_s
        self._tell(Progress(what, at, len(self._lines), spent_s, self._within_s, self.requests, 0))
