"""How fast a device answers, and how much rest it needs between two requests."""

import math

from siloscope_edge.doctor.exchange import IDENTIFICATION, REPORT_ID, read_pdu
from siloscope_edge.doctor.findings import Timing
from siloscope_edge.doctor.session import Session

_RESTS_S = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
_IN_A_ROW = 8
_TIMED = 12
_OBJECTS = {0: "vendor", 1: "product", 2: "revision", 3: "url", 4: "name", 5: "model", 6: "application"}
_READ_DEVICE_IDENTIFICATION = 14


async def rest_needed(session: Session, unit_id: int, function: int, address: int, count: int) -> float | None:
    """Return the shortest rest with which so many requests in a row are all answered; None where none was enough.

    Raises:
        Interrupted: The time is over.
        PortUnavailable: The port is gone.
    """
    usual_s, record = session.rest_s, session.record(unit_id)
    pdu = read_pdu(function, address, count)
    try:
        for rest_s in _RESTS_S:
            session.progress(f"unit {unit_id}: rest between requests", _RESTS_S.index(rest_s), len(_RESTS_S))
            session.rest_s, record.rest_s = rest_s, 0.0
            for _ in range(_IN_A_ROW):
                if not (await session.ask(unit_id, pdu, session.record(unit_id).patience_s)).is_alive:
                    break
            else:
                record.rest_s = rest_s
                return rest_s
            await session.pause(max(usual_s, 0.1))
        return None
    finally:
        session.rest_s = usual_s


async def time_answers(session: Session, unit_id: int, function: int, address: int, count: int) -> None:
    """Ask for the same a few times, so that there is a distribution to speak of.

    Raises:
        Interrupted: The time is over.
        PortUnavailable: The port is gone.
    """
    for at in range(_TIMED):
        session.progress(f"unit {unit_id}: timing answers", at, _TIMED)
        await session.ask(unit_id, read_pdu(function, address, count), session.record(unit_id).patience_s)


def timeout_for(timing: Timing) -> float:
    """Return a time-out that leaves a device room: four times what it takes nearly always, at least 0.2 s.

    >>> timeout_for(Timing(20, 20.0, 25.0, 31.0)), timeout_for(Timing(20, 90.0, 100.0, 180.0))
    (0.2, 0.8)
    """
    return max(0.2, math.ceil(4 * timing.p95_ms / 100) / 10)


async def identity(session: Session, unit_id: int) -> dict[str, str]:
    """Return what a device says of itself by the functions 43/14 and 17, as far as it knows them.

    Raises:
        Interrupted: The time is over.
        PortUnavailable: The port is gone.
    """
    found: dict[str, str] = {}
    patience_s = session.record(unit_id).patience_s
    for level in (1, 2):
        pdu = bytes((IDENTIFICATION, _READ_DEVICE_IDENTIFICATION, level, 0))
        found |= objects_in((await session.ask(unit_id, pdu, patience_s)).pdu)
    report = (await session.ask(unit_id, bytes((REPORT_ID,)), patience_s)).pdu
    if len(report) > 2 and report[0] == REPORT_ID:
        found["report"] = _text(report[2 : 2 + report[1]])
    return found


def objects_in(pdu: bytes) -> dict[str, str]:
    """Return the objects of an answer to function 43/14; nothing where it is none.

    Source: MODBUS Application Protocol V1.1b3, 6.21.
    """
    if len(pdu) < 7 or pdu[0] != IDENTIFICATION or pdu[1] != _READ_DEVICE_IDENTIFICATION:
        return {}
    found = {}
    at = 7
    for _ in range(pdu[6]):
        if at + 2 > len(pdu):
            break
        number, size = pdu[at], pdu[at + 1]
        found[_OBJECTS.get(number, f"object {number}")] = _text(pdu[at + 2 : at + 2 + size])
        at += 2 + size
    return found


def _text(raw: bytes) -> str:
    shown = raw.decode("ascii", "replace").strip("\0 ")
    return shown if shown.isprintable() and "�" not in shown else raw.hex(" ")
