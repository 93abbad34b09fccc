"""``siloscope edge doctor``: what a technician asks for, and what is shown. Wires, decides nothing."""

import argparse
import asyncio
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from siloscope_edge.adapters import PortFinder
from siloscope_edge.doctor.areas import FUNCTIONS
from siloscope_edge.doctor.clues import Clue, clue
from siloscope_edge.doctor.draft import draft
from siloscope_edge.doctor.examination import examine
from siloscope_edge.doctor.findings import DeviceFindings, Ended, Findings
from siloscope_edge.doctor.holders import holders_of_connection, holders_of_file
from siloscope_edge.doctor.line_exchange import LineExchange
from siloscope_edge.doctor.scan import in_order
from siloscope_edge.doctor.screen import Screen
from siloscope_edge.doctor.settings import BAUDS, FORMATS, host_lines, in_words, serial_lines
from siloscope_edge.doctor.survey import TABLES, Questions
from siloscope_edge.doctor.telling import lines_of, minutes
from siloscope_edge.drivers.modbus.lines import ModbusLine
from siloscope_edge.errors import PortUnavailable
from siloscope_process.clock import SystemClock
from siloscope_process.errors import USAGE, Stop, Unavailable
from siloscope_process.signals import run_until_stopped

_SERIAL_WITHIN_S, _HOST_WITHIN_S = 300.0, 120.0
_MODBUS_PORT = 502
_INTERRUPTED = 130
_REGISTERS, _MANY_REGISTERS = 500, 4000
T = TypeVar("T")


def run(args: argparse.Namespace) -> int:
    """Do what the command line says, and return the exit code.

    Raises:
        Stop: An argument cannot be meant, the port is somebody else's or not there, or nobody answered.
    """
    lines = _lines(args)
    questions = _questions(args)
    within_s = args.within or (_SERIAL_WITHIN_S if args.port else _HOST_WITHIN_S)
    if args.draft is not None and not args.draft.is_dir():
        raise _wrong("draft", args.draft, "a directory that exists")
    if args.port or not args.beside:
        _refuse_held(args, lines[0])
    found = _examined(args, lines, questions, within_s)
    _show(args, found)
    for device in found.devices if args.draft is not None else []:
        if device.tables:
            sys.stderr.write(f"wrote {_written(args.draft, found, device)}\n")
    if found.ended is Ended.STOPPED:
        return _INTERRUPTED
    if not found.devices:
        raise Unavailable(f"nobody answered at {found.where}; wiring (A and B), power, unit id and speed come first")
    return 0


def _examined(args: argparse.Namespace, lines: Sequence[ModbusLine], questions: Questions, within_s: float) -> Findings:
    clock = SystemClock()
    screen = Screen(sys.stderr)
    screen.say(_intention(lines, questions, within_s))
    kept: list[Findings] = []

    async def main(stop: asyncio.Event) -> int:
        def opened(line: ModbusLine) -> LineExchange:
            return LineExchange(line, clock, wake=args.wake)

        kept.append(await examine(lines, questions, clock, opened, within_s=within_s, stop=stop, tell=screen.show))
        return 0

    try:
        code = run_until_stopped(main)
    except PortUnavailable as error:
        raise Unavailable(f"{error}{_hint(error)}") from error
    finally:
        screen.clear()
    if not kept:
        raise Stop("stopped", code)
    return kept[0]


def _show(args: argparse.Namespace, found: Findings) -> None:
    if args.json:
        sys.stdout.write(f"{msgspec.json.format(msgspec.json.encode(found)).decode()}\n")
        return
    sys.stdout.writelines(f"{line}\n" for line in lines_of(found))


def _intention(lines: Sequence[ModbusLine], questions: Questions, within_s: float) -> str:
    settings = in_words(lines[0]) if len(lines) == 1 else f"{len(lines)} settings, {in_words(lines[0])} first"
    units = len(questions.units)
    return (
        f"{lines[0].where}: {settings}; {units} unit id{'s' if units > 1 else ''}.\n"
        f"Reads only. At most {minutes(within_s)}; Ctrl-C ends it and shows what was found."
    )


def _lines(args: argparse.Namespace) -> list[ModbusLine]:
    if args.port:
        bauds = [_one("baud", each, _baud) for each in _listed(args.baud)]
        formats = [_one("format", each, _format) for each in _listed(args.format)]
        return list(serial_lines(args.port, bauds, formats, args.rs485))
    host, _, port = args.host.rpartition(":") if args.host.count(":") == 1 else (args.host, "", "")
    number = int(port) if port.isdigit() else 0 if port else _MODBUS_PORT
    if not host or not 0 < number < 65536:
        raise _wrong("host", args.host, "HOST or HOST:PORT")
    return host_lines(host, number, args.framing)


def _questions(args: argparse.Namespace) -> Questions:
    units = in_order(unit for each in _listed(args.units) for unit in _one("units", each, _span))
    tables = tuple(_one("tables", each, _table) for each in _listed(args.tables))
    for name, least in (("within", 1), ("timeout", 0.005), ("reads", 1), ("interval", 0)):
        if getattr(args, name) is not None and not getattr(args, name) >= least:
            raise _wrong(name, getattr(args, name), f"at least {least:g}")
    usual = Questions()
    return Questions(
        units=units or usual.units,
        clues=_clues(args),
        search=not args.scan_only,
        tables=tables or TABLES,
        most_registers=_MANY_REGISTERS if args.thorough else _REGISTERS,
        rounds=args.reads,
        interval_s=args.interval,
        identify=args.identify,
        patience_s=args.timeout,
        thorough=args.thorough,
    )


def _clues(args: argparse.Namespace) -> tuple[Clue, ...]:
    named = [_one("quantity", each, lambda text: clue(text, is_shown=False)) for each in args.quantity]
    alone = named[0].quantity if len(named) == 1 and named[0].register is None else ""
    shown = [
        _one("expect", each, lambda text: clue(text, is_shown=True, default_quantity=alone)) for each in args.expect
    ]
    return tuple(shown) if alone and shown else (*shown, *named)


def _refuse_held(args: argparse.Namespace, line: ModbusLine) -> None:
    try:
        path = PortFinder(args.port).path() if args.port else ""
    except PortUnavailable as error:
        raise Unavailable(str(error)) from error
    # Who made a pseudo-terminal holds both its ends; the lock tells whether it is read.
    pseudo = os.path.realpath(path).startswith("/dev/pts/")
    held = [] if pseudo else holders_of_file(path) if args.port else holders_of_connection(line.end[0], line.end[1])  # type: ignore[index]  # a host's end is a pair
    if held:
        beside = "" if args.port else "; or say --beside to ask beside it"
        raise Unavailable(f"{line.where} is in use: {held[0].told}{beside}")


def _hint(error: PortUnavailable) -> str:
    text = str(error)
    if "lock" in text:
        return " (another program reads it: stop that first, as sudo systemctl stop siloscope-edge)"
    if "Permission" in text or "Errno 13" in text:
        return " (run it with sudo, or join the group: sudo adduser $USER dialout)"
    if "Errno 111" in text:
        return " (nobody listens there: is it the right address and port, and switched on?)"
    return ""


def _written(directory: Path, found: Findings, device: DeviceFindings) -> Path:
    """Write a draft under a name that is free, and return its file."""
    number = 1
    while (file := directory / f"unit-{device.unit_id}{f'-{number}' if number > 1 else ''}.yaml").exists():
        number += 1
    try:
        file.write_text(draft(found, device, file.stem), encoding="utf-8")
    except OSError as error:
        raise Unavailable(f"{file}: {error.strerror}; expected a directory to write in") from error
    return file


def _listed(text: str | None) -> list[str]:
    return [each.strip() for each in text.split(",")] if text else []


def _one(name: str, text: str, read: Callable[[str], T]) -> T:
    try:
        return read(text)
    except ValueError as error:
        told = str(error)
        raise _wrong(name, text, told if told.startswith(("one of", "whole", "unit")) else None, told) from None


def _baud(text: str) -> int:
    if not text.isdigit() or not 300 <= int(text) <= 1_000_000:
        raise ValueError(f"one of {', '.join(map(str, sorted(BAUDS)))}, or another from 300 to 1000000")
    return int(text)


def _format(text: str) -> str:
    if text.upper() not in (*FORMATS, "8E2", "8O2"):
        raise ValueError(f"one of {', '.join(FORMATS)}")
    return text.upper()


def _table(text: str) -> str:
    if text not in FUNCTIONS:
        raise ValueError(f"one of {', '.join(TABLES)}")
    return text


def _span(text: str) -> range:
    first, _, last = text.partition("-")
    if not first.isdigit() or (last and not last.isdigit()) or not 1 <= int(first) <= int(last or first) <= 255:
        raise ValueError("unit ids from 1 to 255, as 1-10,240")
    return range(int(first), int(last or first) + 1)


def _wrong(name: str, found: object, expected: str | None, told: str = "") -> Stop:
    return Stop(f"--{name}: found {str(found)!r}, expected {expected}" if expected else f"--{name}: {told}", USAGE)
