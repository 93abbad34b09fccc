"""Modbus servers that are not ours: modbus-tk over a serial line and TCP, uModbus and pyModbusTCP.

Each refuses in its own way; the doctor finds what they serve all the same.
"""

import asyncio
import os
import socket
import struct
import threading
import time
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from socketserver import TCPServer

import pytest
import serial
from modbus_tk import defines, modbus_rtu, modbus_tcp
from pyModbusTCP.server import DataBank, ModbusServer
from umodbus.server.tcp import RequestHandler, get_server

from siloscope_deploy.servers.ports import free_port
from siloscope_edge.doctor.clues import Clue
from siloscope_edge.doctor.examination import examine
from siloscope_edge.doctor.findings import Area, DeviceFindings, Ended, Findings, Presence
from siloscope_edge.doctor.line_exchange import LineExchange
from siloscope_edge.doctor.settings import host_lines, serial_lines
from siloscope_edge.doctor.survey import Questions
from siloscope_edge.drivers.modbus.lines import ModbusLine
from siloscope_process.clock import SystemClock

pytestmark = pytest.mark.filterwarnings("ignore:isSet:DeprecationWarning")  # of modbus-tk's

TEMPERATURE = struct.unpack(">2H", struct.pack(">f", -123.45))
QUESTIONS = Questions(
    units=(1, 2, 3),
    clues=(Clue("temperature", "-123.45"),),
    tables=("input", "holding"),
    rounds=2,
    interval_s=0.0,
    patience_s=0.15,
)


async def examined(lines: list[ModbusLine], questions: Questions = QUESTIONS) -> Findings:
    clock = SystemClock()
    return await examine(lines, questions, clock, lambda line: LineExchange(line, clock), within_s=60)


def check(device: DeviceFindings, table: str, address: int, order: str) -> None:
    """The value is found where it is, in its order, and nothing else is taken for it."""
    (ranking,) = device.rankings
    guess = ranking.groups[0][0]
    assert (ranking.verdict, guess.table, guess.address) == ("clear", table, address)
    assert (guess.type, guess.byte_order, guess.scale) == ("float32", order, 1.0)


def until_it_listens(port: int) -> None:
    deadline_s = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except ConnectionRefusedError:
            assert time.monotonic() < deadline_s
            time.sleep(0.01)
        else:
            return


@pytest.fixture
def tk_tcp() -> Iterator[int]:
    """modbus-tk keeps silent for unit ids that it does not have, and refuses what is not in a block."""
    port = free_port()
    server = modbus_tcp.TcpServer(port=port, address="127.0.0.1", timeout_in_sec=1)
    slave = server.add_slave(2)
    slave.add_block("readings", defines.ANALOG_INPUTS, 100, 12)
    slave.add_block("more", defines.ANALOG_INPUTS, 120, 4)
    slave.set_values("readings", 106, list(TEMPERATURE[::-1]))
    server.start()
    until_it_listens(port)
    yield port
    server.stop()


async def test_modbus_tk_over_tcp(tk_tcp: int) -> None:
    found = await examined(host_lines("127.0.0.1", tk_tcp, "tcp"))
    (device,) = found.devices
    assert (device.unit_id, device.presence, found.ended) == (2, Presence.DEVICE, Ended.COMPLETE)
    (table,) = device.tables
    assert table.areas == [Area(100, 111), Area(120, 123)]
    assert (table.gap, table.most_per_request) == (0, 12)
    check(device, "input", 106, "CDAB")


@contextmanager
def crossed_terminals(baud: int) -> Iterator[tuple[str, str]]:
    """Two pseudo-terminals, one's output the other's input: a null-modem cable."""
    ours, theirs = os.openpty(), os.openpty()
    for end in (*ours, *theirs):
        tty.setraw(end)
    stop = threading.Event()

    def carry(source: int, target: int) -> None:
        while not stop.is_set():
            try:
                os.write(target, os.read(source, 256))
            except OSError:
                return

    threads = [
        threading.Thread(target=carry, args=pair, daemon=True) for pair in ((ours[0], theirs[0]), (theirs[0], ours[0]))
    ]
    for thread in threads:
        thread.start()
    try:
        yield os.ttyname(ours[1]), os.ttyname(theirs[1])
    finally:
        stop.set()
        for end in (ours[1], theirs[1]):  # a read that waits ends with a last byte
            os.write(end, b"\0")
        for thread in threads:
            thread.join(timeout=5)
        for end in (*ours, *theirs):
            os.close(end)


async def test_modbus_tk_over_a_serial_line() -> None:
    with crossed_terminals(9600) as (our_port, their_port):
        port = serial.Serial(their_port, baudrate=9600, timeout=0.05)
        server = modbus_rtu.RtuServer(port)
        slave = server.add_slave(3)
        slave.add_block("readings", defines.HOLDING_REGISTERS, 0, 8)
        slave.set_values("readings", 4, list(TEMPERATURE))
        server.start()
        try:
            found = await examined(list(serial_lines(our_port, [9600], ["8N1"])))
        finally:
            await asyncio.to_thread(server.stop)
    (device,) = found.devices
    assert (device.unit_id, device.broken) == (3, 0)
    assert [table.areas for table in device.tables] == [[Area(0, 7)]]
    check(device, "holding", 4, "ABCD")
    assert found.line["modbus_rtu"]["baud"] == 9600


@pytest.fixture
def umodbus() -> Iterator[int]:
    """uModbus answers from routes: an exception for any other address."""

    class Server(TCPServer):
        allow_reuse_address = True

    server = get_server(Server, ("127.0.0.1", 0), RequestHandler)
    words = dict(zip(range(7936, 7938), TEMPERATURE, strict=True))

    @server.route(slave_ids=[1], function_codes=[3], addresses=list(words))  # type: ignore[untyped-decorator]  # theirs
    def read(slave_id: int, function_code: int, address: int) -> int:
        return int(words[address])

    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield int(server.server_address[1])
    server.shutdown()
    thread.join(timeout=5)
    server.server_close()


async def test_umodbus(umodbus: int) -> None:
    found = await examined(host_lines("127.0.0.1", umodbus, "tcp"))
    device = next(each for each in found.devices if each.unit_id == 1)
    (table,) = device.tables
    assert (table.table, table.areas) == ("holding", [Area(7936, 7937)])
    check(device, "holding", 7936, "ABCD")


async def test_pymodbustcp_answers_everywhere_and_to_any_unit() -> None:
    server = ModbusServer("127.0.0.1", free_port(), no_block=True, data_bank=DataBank())
    server.start()
    server.data_bank.set_holding_registers(40, list(TEMPERATURE[::-1]))
    try:
        lines = host_lines("127.0.0.1", server.port, "auto")
        questions = Questions(clues=QUESTIONS.clues, tables=("holding",), rounds=2, interval_s=0.0)
        found = await examined(lines, questions)
    finally:
        server.stop()
    assert found.any_unit
    (device,) = found.devices
    (table,) = device.tables
    assert (table.answers_everywhere, table.most_per_request) == (True, 125)
    check(device, "holding", 40, "CDAB")
