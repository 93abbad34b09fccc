"""The doctor from afar: a Modbus line of this node is examined through its owner, within a time, and reads only."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import Meta, Struct

from siloscope_contract.commands import MAX_BUNDLE_BYTES, packed_bundle
from siloscope_edge.config import Bus
from siloscope_edge.drivers.modbus.lines import ModbusLine
from siloscope_edge.readers import Readers
from siloscope_edge.remote.commanding import Answer, ArgumentsWrong
from siloscope_process.clock import Clock
from siloscope_process.expectations import nearest

if TYPE_CHECKING:
    from siloscope_edge.doctor.findings import Findings
    from siloscope_edge.doctor.survey import Questions

LONGEST_S = 240.0
_LAST_REQUEST_S = 10.0
_MOST_LINES = 200
UnitId = Annotated[int, Meta(ge=1, le=255)]


class Examine(Struct, frozen=True, forbid_unknown_fields=True):
    """What to find out.

    Attributes:
        bus: Whose line; its devices are not read meanwhile, and that is declared.
        units: Unit ids to ask; those of the bus and the usual ones where none is named.
        expect: What the displays show, as `23.4:temperature` or `30002=65.1`.
        search: Whether registers are looked for.
        within_s: How long it may take.
    """

    bus: str
    units: Annotated[tuple[UnitId, ...], Meta(max_length=64)] = ()
    expect: Annotated[tuple[Annotated[str, Meta(max_length=100)], ...], Meta(max_length=16)] = ()
    search: bool = True
    within_s: Annotated[float, Meta(ge=5, le=LONGEST_S)] = 60.0


class Examiner:
    """Examines lines.

    Args:
        readers: Who owns them.
        clock: Times answers.
        busy: Held meanwhile: the buses are not changed under it.
    """

    def __init__(self, readers: Readers, clock: Clock, busy: asyncio.Lock) -> None:
        self._readers = readers
        self._clock = clock
        self._busy = busy

    async def examine(self, asked: Examine) -> Answer:
        """Return what was found, in words, and all of it as a bundle.

        Raises:
            ArgumentsWrong: There is no such bus, or it is no Modbus line.
        """
        from siloscope_edge.doctor.telling import lines_of  # who is never asked does not pay for it

        bus = self._bus(asked.bus)
        questions = _questions(asked)
        async with self._busy:
            found = await self._readers.with_port(bus, self._work(bus, questions, asked.within_s), _bound_s(asked))
        lines = list(lines_of(found))[:_MOST_LINES]
        bundle = packed_bundle({"findings": msgspec.to_builtins(found)})
        whole = len(bundle) <= MAX_BUNDLE_BYTES
        return Answer({"ended": found.ended.value, "lines": lines, "whole": whole}, bundle if whole else None)

    def _work(self, bus: Bus, questions: "Questions", within_s: float) -> Callable[[], Awaitable["Findings"]]:
        from siloscope_edge.doctor.examination import examine
        from siloscope_edge.doctor.line_exchange import LineExchange

        line: Any = bus.line

        async def work() -> "Findings":
            def opened(each: ModbusLine) -> LineExchange:
                return LineExchange(each, self._clock)

            return await examine([line], questions, self._clock, opened, within_s=within_s)

        return work

    def _bus(self, name: str) -> Bus:
        buses = {bus.name: bus for bus in self._readers.installation.config.buses}
        if name not in buses:
            raise ArgumentsWrong(f"bus: found {name!r}, expected {nearest(buses, name)}")
        bus = buses[name]
        if not isinstance(bus.line, ModbusLine):
            raise ArgumentsWrong(f"bus: found {name!r}, a line of kind {bus.kind}, expected a Modbus line")
        return bus


def _bound_s(asked: Examine) -> float:
    return asked.within_s + _LAST_REQUEST_S


def _questions(asked: Examine) -> "Questions":
    from siloscope_edge.doctor.clues import clue
    from siloscope_edge.doctor.survey import Questions

    try:
        clues = tuple(clue(each, is_shown=True) for each in asked.expect)
    except ValueError as error:
        raise ArgumentsWrong(f"expect: {error}") from error
    return Questions(units=asked.units or Questions().units, clues=clues, search=asked.search)
