"""A survey: who is on an opened bus, what each has, and what that may mean. Bounded in time, stoppable, reads only."""

import asyncio
from collections.abc import Callable

from msgspec import Struct

from siloscope_edge.doctor.areas import TableSearch
from siloscope_edge.doctor.clues import Clue
from siloscope_edge.doctor.exchange import Exchange
from siloscope_edge.doctor.findings import Area, DeviceFindings, Ended, Findings, Presence, TableFindings
from siloscope_edge.doctor.fitting import fitting
from siloscope_edge.doctor.measuring import identity, rest_needed, time_answers, timeout_for
from siloscope_edge.doctor.ranking import rank
from siloscope_edge.doctor.scan import Scan, in_order, line_notes, presence
from siloscope_edge.doctor.seeds import seeds
from siloscope_edge.doctor.session import Interrupted, Session, Tell, nobody
from siloscope_edge.errors import PortUnavailable
from siloscope_process.clock import Clock

TABLES = ("input", "holding", "discrete", "coil")
_WORDS_READ = 256
_AROUND = 4
_WORDS_EVERYWHERE = 64
_LEAST_SHARE_S = 5.0
_MOST_WEIGHING_S, _WEIGHING_SHARE = 10.0, 0.15
"""What is kept of the time to weigh the ways to read registers, which a small computer takes seconds for."""
_ANY_ADDRESSES = (254, 255)


class Questions(Struct, frozen=True, kw_only=True):
    """What a survey is to find out.

    Attributes:
        units: Unit ids to ask, in this order.
        clues: What a technician knows of the values.
        search: Whether registers are looked for; else only who is there.
        tables: In which tables.
        most_registers: Registers of a table that are walked through at most.
        rounds: How often all registers found are read.
        interval_s: Time between two rounds.
        identify: Whether devices are asked who they are (functions 43/14 and 17).
        patience_s: How long a device may think; None: by how those answer that are found.
        thorough: Whether unit ids that are silent to function 3 are asked again with function 4.
    """

    units: tuple[int, ...] = in_order((*range(1, 248), 254, 255))
    clues: tuple[Clue, ...] = ()
    search: bool = True
    tables: tuple[str, ...] = TABLES
    most_registers: int = 500
    rounds: int = 3
    interval_s: float = 1.0
    identify: bool = False
    patience_s: float | None = None
    thorough: bool = False


async def survey(
    exchange: Exchange,
    questions: Questions,
    clock: Clock,
    *,
    within_s: float,
    stop: asyncio.Event | None = None,
    tell: Tell = nobody,
) -> Findings:
    """Find out what is on a bus.

    Args:
        exchange: The bus, opened by its owner; it is not closed here.
        questions: What to find out.
        clock: Times answers.
        within_s: Time that it may take; at most one request's time-out more.
        stop: Set, it ends the survey within one request's time-out.
        tell: Is told how far it is.

    Returns:
        All that was found until it ended; ``ended`` says why.
    """
    until_s = clock.monotonic_s() + within_s
    to_weigh_s = min(_MOST_WEIGHING_S, _WEIGHING_SHARE * within_s) if questions.clues else 0.0
    session = Session(exchange, clock, within_s - to_weigh_s, stop, tell)
    findings = Findings(where=exchange.where)
    try:
        found = await _who_is_there(session, questions, findings)
        await _examine_all(session, questions, found)
    except Interrupted as interruption:
        findings.ended = interruption.why
    except PortUnavailable as error:
        findings.ended = Ended.PORT_LOST
        findings.notes.append(f"The port was lost: {error}")
    for device in findings.devices:
        _sum_up(session, device)
        await asyncio.to_thread(_interpret, questions, device, lambda: clock.monotonic_s() > until_s)
    findings.requests = session.requests
    findings.took_s = round(session.spent_s, 3)
    return findings


async def _who_is_there(session: Session, questions: Questions, findings: Findings) -> list[DeviceFindings]:
    scan = Scan(session, questions.patience_s)
    try:
        await scan.sweep(questions.units, "asking unit ids")
        if scan.silent and (questions.thorough or not scan.found):
            await scan.sweep(tuple(scan.silent), "asking silent unit ids again", (4,))
        await scan.confirm()
    finally:
        healthy = sum(any(each.is_alive for each in outcomes) for outcomes in scan.found.values())
        for unit, outcomes in sorted(scan.found.items()):
            alone = healthy - any(each.is_alive for each in outcomes) == 0
            what, note = presence(outcomes, others_are_fine=not alone)
            findings.devices.append(DeviceFindings(unit_id=unit, presence=what, notes=[note] if note else []))
        findings.silent_units = sorted(scan.silent)
        findings.any_unit = scan.any_unit
        heard = [each for group in scan.found.values() for each in group]
        findings.notes += line_notes(heard, session.echoes, noisy_line=scan.is_noisy)
    return findings.devices


async def _examine_all(session: Session, questions: Questions, devices: list[DeviceFindings]) -> None:
    if not questions.search:
        return
    usable = [each for each in devices if each.presence in (Presence.DEVICE, Presence.UNSTEADY)]
    for at, device in enumerate(usable):
        share_s = max(_LEAST_SHARE_S, session.left_s / (len(usable) - at))
        with session.share(share_s) as mine:
            await _examine(session, questions, device)
        if mine.is_over:
            device.notes.append(f"Its share of the time ({share_s:.0f} s) was over before all was asked.")


async def _examine(session: Session, questions: Questions, device: DeviceFindings) -> None:
    unit = device.unit_id
    if questions.identify:
        device.identity = await identity(session, unit)
    for table in questions.tables:
        search = TableSearch(session, unit, table, seeds(table, _clued(questions, table)), questions.most_registers)
        device.tables.append(search.found)
        await search.run()
        if not search.found.areas:
            device.tables.remove(search.found)
    if device.tables:
        first = device.tables[0]
        place = (unit, first.function, first.areas[0].first, first.width)
        device.rest_s = await rest_needed(session, *place)
        await time_answers(session, *place)
        await _read_words(session, questions, device)


async def _read_words(session: Session, questions: Questions, device: DeviceFindings) -> None:
    """Read all that was found, some rounds of it."""
    for number in range(questions.rounds):
        session.progress(f"unit {device.unit_id}: reading values", number, questions.rounds)
        began_s = session.spent_s
        for table in device.tables:
            for area in _worth_reading(table, _clued(questions, table.table)):
                await _read_area(session, device.unit_id, table, area)
        if number < questions.rounds - 1:
            await session.pause(questions.interval_s - (session.spent_s - began_s))


async def _read_area(session: Session, unit_id: int, table: TableFindings, area: Area) -> None:
    at = area.first
    while at <= area.last:
        count = min(table.most_per_request or 1, area.last + 1 - at)
        answer = await session.read(unit_id, table.function, at, count)
        if isinstance(answer, bytes):
            for address, word in enumerate(_values(table, answer, count), at):
                table.words.setdefault(address, []).append(word)
        at += count


def _values(table: TableFindings, answer: bytes, count: int) -> list[int]:
    if table.function in (1, 2):
        return [answer[at // 8] >> at % 8 & 1 for at in range(count)]
    return [int.from_bytes(answer[at : at + 2]) for at in range(0, 2 * count, 2)]


def _worth_reading(table: TableFindings, clued: list[int]) -> list[Area]:
    """Return what is read of a table: all where that is little, else its beginnings and what the clues name."""
    if table.answers_everywhere:
        areas = [Area(0, _WORDS_EVERYWHERE - 1)]
        for at in sorted(clued):
            first, last = max(areas[-1].last + 1, at - _AROUND), min(0xFFFF, at + 2 * _AROUND)
            if first <= last:
                areas.append(Area(first, last))
        return areas
    areas, left = [], _WORDS_READ
    for area in table.areas:
        size = min(area.size, left)
        if size:
            areas.append(Area(area.first, area.first + size - 1))
        left -= size
    return areas


def _clued(questions: Questions, table: str) -> list[int]:
    places = [clue.places() or {} for clue in questions.clues]
    return sorted({address for each in places for named, address in each if named == table})


def _interpret(questions: Questions, device: DeviceFindings, enough: Callable[[], bool]) -> None:
    words = {table.table: table.words for table in device.tables}
    if not any(words.values()):
        return
    device.rankings = [rank(clue, words, questions.interval_s, enough) for clue in questions.clues]
    if device.rankings and enough():
        device.notes.append("The time was over before all ways to read its registers were weighed.")
    device.fitting = fitting(device.tables)


def _sum_up(session: Session, device: DeviceFindings) -> None:
    record = session.record(device.unit_id)
    if device.unit_id in _ANY_ADDRESSES and session.exchange.framing == "rtu":
        device.notes.append(
            f"{device.unit_id} is an any-address of some makers: the device may have an id of its own as well, and "
            "must be alone on the line where it is read by this one."
        )
    device.answers, device.broken, device.silent = record.answers, record.broken, record.silent
    device.timing = record.timing
    if device.presence in (Presence.DEVICE, Presence.UNSTEADY) and record.collides:
        device.presence = Presence.TWO_DEVICES
        device.notes = [
            "The same requests are broken each time and all others are sound: very likely two devices with this unit "
            "id that differ in some registers. Unplug one and try again."
        ]
    if device.timing is not None:
        device.timeout_s = timeout_for(device.timing)
