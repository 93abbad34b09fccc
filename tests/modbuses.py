"""Modbus that is not ours, for tests: servers of other libraries, a cable between two serial ports, Node's programs."""

import asyncio
import ctypes
import ctypes.util
import json
import os
import shutil
import socket
import subprocess
import threading
import time
import tty
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from socketserver import ThreadingTCPServer

import pytest
import serial
from modbus_tk import defines, modbus_rtu, modbus_tcp
from pymodbus.datastore import ModbusDeviceContext, ModbusSequentialDataBlock, ModbusServerContext
from pymodbus.server import ModbusSerialServer, ModbusTcpServer
from pyModbusTCP.server import DataBank, ModbusServer
from umodbus.server.tcp import RequestHandler, get_server

from siloscope_deploy.servers.ports import free_port
from tests.components import component_missing

ROOT = Path(__file__).parent.parent
NODE_MODBUS = Path(__file__).parent / "node_modbus"
END = 200
"""Every server serves addresses 0 up to here in all four tables; unit id 1."""

Tables = Mapping[str, Mapping[int, int]]
"""For each table what stands where; 0 elsewhere."""


def node() -> str:
    """Return Node with its modbus-serial, or say that it is missing."""
    found = ROOT / ".tools" / "bin" / "node"
    program = str(found) if found.exists() else shutil.which("node")
    if program is None:
        component_missing(os.environ, "Node", "neither .tools/bin/node nor node on the PATH; make install")
    if not (NODE_MODBUS / "node_modules" / "modbus-serial").is_dir():
        component_missing(os.environ, "modbus-serial", "tests/node_modbus is not installed; make test-components")
    return program


@contextmanager
def cable() -> Iterator[tuple[str, str]]:
    """Two serial ports, one's output the other's input."""
    ours, theirs = os.openpty(), os.openpty()
    for end in (*ours, *theirs):
        tty.setraw(end)
    threads = [threading.Thread(target=_carry, args=pair, daemon=True) for pair in _crossed(ours, theirs)]
    for thread in threads:
        thread.start()
    try:
        yield os.ttyname(ours[1]), os.ttyname(theirs[1])
    finally:
        for slave in (ours[1], theirs[1]):
            os.close(slave)  # then the read of the other end fails
        for thread in threads:
            thread.join(timeout=5)
        for master in (ours[0], theirs[0]):
            os.close(master)


@contextmanager
def pymodbustcp(tables: Tables) -> Iterator[int]:
    """PyModbusTCP's server."""
    server = ModbusServer("127.0.0.1", free_port(), no_block=True, data_bank=DataBank())
    server.start()
    for table, put in (
        ("holding", server.data_bank.set_holding_registers), ("input", server.data_bank.set_input_registers),
        ("coil", server.data_bank.set_coils), ("discrete", server.data_bank.set_discrete_inputs),
    ):  # fmt: skip
        for address, value in tables.get(table, {}).items():
            put(address, [value])
    yield server.port
    server.stop()


@contextmanager
def modbus_tk_over_tcp(tables: Tables) -> Iterator[int]:
    """modbus-tk's TCP server."""
    port = free_port()
    server = modbus_tcp.TcpServer(port=port, address="127.0.0.1", timeout_in_sec=1)
    _fill_tk(server, tables)
    server.start()
    _until_it_listens(port)
    yield port
    server.stop()


@contextmanager
def modbus_tk_over_rtu(tables: Tables) -> Iterator[str]:
    """modbus-tk's RTU server."""
    with cable() as (our_port, their_port):
        server = modbus_rtu.RtuServer(serial.Serial(their_port, baudrate=9600, timeout=0.05))
        _fill_tk(server, tables)
        server.start()
        yield our_port
        server.stop()


@contextmanager
def umodbus(tables: Tables) -> Iterator[int]:
    """uModbus's TCP server."""
    server = get_server(_Threading, ("127.0.0.1", 0), RequestHandler)
    for codes, table in (([1], "coil"), ([2], "discrete"), ([3], "holding"), ([4], "input")):
        server.route(slave_ids=[1], function_codes=codes, addresses=list(range(END)))(_reader(tables.get(table, {})))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield int(server.server_address[1])
    server.shutdown()
    thread.join(timeout=5)
    server.server_close()


@contextmanager
def pymodbus_over_tcp(tables: Tables) -> Iterator[int]:
    """Pymodbus's own TCP server."""
    port = free_port()
    with _looping(lambda: ModbusTcpServer(_pymodbus_context(tables), address=("127.0.0.1", port))):
        _until_it_listens(port)
        yield port


@contextmanager
def pymodbus_over_rtu(tables: Tables) -> Iterator[str]:
    """Pymodbus's own RTU server."""
    with (
        cable() as (our_port, their_port),
        _looping(lambda: ModbusSerialServer(_pymodbus_context(tables), port=their_port, baudrate=9600)),
    ):
        yield our_port


@contextmanager
def modbus_serial(tables: Tables) -> Iterator[int]:
    """The server of npm's modbus-serial; it refuses what it does not have."""
    port = free_port()
    full = {table: {address: tables.get(table, {}).get(address, 0) for address in range(END)} for table in _TABLES}
    command = [node(), str(NODE_MODBUS / "server.js"), str(port), json.dumps(full)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        assert server.stdout.readline().strip() == "listens"
        yield port
        server.terminate()


@contextmanager
def libmodbus_over_tcp(tables: Tables) -> Iterator[int]:
    """libmodbus's TCP server."""
    lib, port = _libmodbus(), free_port()
    context = lib.modbus_new_tcp(b"127.0.0.1", port)
    listening = lib.modbus_tcp_listen(context, 1)
    accepted = ctypes.c_int(listening)
    with _answering(lib, context, tables, lambda: int(lib.modbus_tcp_accept(context, ctypes.byref(accepted)))):
        yield port
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()  # nobody may have come


@contextmanager
def libmodbus_over_rtu(tables: Tables) -> Iterator[str]:
    """libmodbus's RTU server."""
    lib = _libmodbus()
    with cable() as (our_port, their_port):
        context = lib.modbus_new_rtu(their_port.encode(), 9600, b"N", 8, 1)
        lib.modbus_set_slave(context, 1)
        assert lib.modbus_connect(context) == 0
        with _answering(lib, context, tables, lambda: 0):
            yield our_port


_TABLES = ("holding", "input", "coil", "discrete")


class _Threading(ThreadingTCPServer):
    block_on_close = False  # the client's end is closed when its loop turns, which is later
    daemon_threads = True


class _Mapping(ctypes.Structure):
    """`modbus_mapping_t` of libmodbus 3.1."""

    _fields_ = [
        *((name, ctypes.c_int) for name in ("nb_bits", "start_bits", "nb_input_bits", "start_input_bits")),
        *((name, ctypes.c_int) for name in ("nb_input", "start_input", "nb_registers", "start_registers")),
        ("coil", ctypes.POINTER(ctypes.c_uint8)),
        ("discrete", ctypes.POINTER(ctypes.c_uint8)),
        ("input", ctypes.POINTER(ctypes.c_uint16)),
        ("holding", ctypes.POINTER(ctypes.c_uint16)),
    ]


def _libmodbus() -> ctypes.CDLL:
    name = ctypes.util.find_library("modbus") or "libmodbus.so.5"
    try:
        lib = ctypes.CDLL(name)
    except OSError as error:
        component_missing(os.environ, "libmodbus", f"{error}; Debian's mbpoll brings it")
    for function in (lib.modbus_new_tcp, lib.modbus_new_rtu):
        function.restype = ctypes.c_void_p
    lib.modbus_new_tcp.argtypes = [ctypes.c_char_p, ctypes.c_int]
    lib.modbus_new_rtu.argtypes = [ctypes.c_char_p, ctypes.c_int, ctypes.c_char, ctypes.c_int, ctypes.c_int]
    lib.modbus_mapping_new.restype = ctypes.POINTER(_Mapping)
    for function, rest in (
        (lib.modbus_connect, []), (lib.modbus_close, []), (lib.modbus_set_slave, [ctypes.c_int]),
        (lib.modbus_tcp_listen, [ctypes.c_int]), (lib.modbus_tcp_accept, [ctypes.c_void_p]),
        (lib.modbus_receive, [ctypes.c_char_p]),
        (lib.modbus_set_indication_timeout, [ctypes.c_uint32, ctypes.c_uint32]),
        (lib.modbus_reply, [ctypes.c_char_p, ctypes.c_int, ctypes.c_void_p]),
    ):  # fmt: skip
        function.argtypes = [ctypes.c_void_p, *rest]
    return lib


@contextmanager
def _answering(lib: ctypes.CDLL, context: int, tables: Tables, accept: Callable[[], int]) -> Iterator[None]:
    mapping = lib.modbus_mapping_new(END, END, END, END)
    for table in _TABLES:
        for address, value in tables.get(table, {}).items():
            getattr(mapping.contents, table)[address] = value
    lib.modbus_set_indication_timeout(context, 0, 100_000)
    over = threading.Event()

    def answer() -> None:
        if accept() < 0:
            return
        buffer = ctypes.create_string_buffer(260)
        while not over.is_set():
            length = lib.modbus_receive(context, buffer)
            if length > 0:
                lib.modbus_reply(context, buffer, length, mapping)

    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    yield
    over.set()
    thread.join(timeout=5)
    lib.modbus_close(context)


def _pymodbus_context(tables: Tables) -> ModbusServerContext:
    blocks = {
        table: ModbusSequentialDataBlock(1, [tables.get(table, {}).get(address, 0) for address in range(END)])  # type: ignore[no-untyped-call]  # theirs
        for table in _TABLES
    }
    device = ModbusDeviceContext(di=blocks["discrete"], co=blocks["coil"], hr=blocks["holding"], ir=blocks["input"])
    return ModbusServerContext(devices={1: device}, single=False)


@contextmanager
def _looping(make: Callable[[], ModbusTcpServer | ModbusSerialServer]) -> Iterator[None]:
    """Serve on an event loop of another thread, as another program would."""
    loop, ready = asyncio.new_event_loop(), threading.Event()
    servers: list[ModbusTcpServer | ModbusSerialServer] = []

    async def serve() -> None:
        servers.append(make())
        asyncio.get_running_loop().call_soon(ready.set)
        with suppress(asyncio.CancelledError):
            await servers[0].serve_forever()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    assert ready.wait(timeout=10)
    yield
    asyncio.run_coroutine_threadsafe(servers[0].shutdown(), loop)  # type: ignore[no-untyped-call]  # theirs
    thread.join(timeout=5)
    loop.close()


def _fill_tk(server: modbus_tcp.TcpServer | modbus_rtu.RtuServer, tables: Tables) -> None:
    slave = server.add_slave(1)
    for table, kind in (
        ("holding", defines.HOLDING_REGISTERS), ("input", defines.ANALOG_INPUTS),
        ("coil", defines.COILS), ("discrete", defines.DISCRETE_INPUTS),
    ):  # fmt: skip
        slave.add_block(table, kind, 0, END)
        slave.set_values(table, 0, [tables.get(table, {}).get(address, 0) for address in range(END)])


def _reader(words: Mapping[int, int]) -> Callable[[int, int, int], int]:
    return lambda slave_id, function_code, address: words.get(address, 0)


def _crossed(ours: tuple[int, int], theirs: tuple[int, int]) -> tuple[tuple[int, int], tuple[int, int]]:
    return (ours[0], theirs[0]), (theirs[0], ours[0])


def _carry(source: int, target: int) -> None:
    while True:
        try:
            os.write(target, os.read(source, 256))
        except OSError:
            return


def _until_it_listens(port: int) -> None:
    deadline_s = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except ConnectionRefusedError:
            if time.monotonic() > deadline_s:
                pytest.fail(f"nobody listens on port {port}")
            time.sleep(0.01)
        else:
            return
