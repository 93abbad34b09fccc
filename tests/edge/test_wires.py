"""A wire that is unplugged, hung up, flooded or silent says so, and is opened again."""

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from siloscope_edge.asking import line_from
from siloscope_edge.errors import PortUnavailable
from siloscope_edge.wires import MOST_BYTES, SerialLine, TcpLine, Wire
from tests.edge.drivers.fake_line import FakeServer, FakeTerminal

LINE = partial(line_from, end=b"\n")


def upper(data: bytes) -> bytes:
    return data.upper()


@pytest.fixture
async def terminal() -> AsyncIterator[FakeTerminal]:
    made = FakeTerminal(upper)
    yield made
    made.close()


@pytest.fixture
async def server() -> AsyncIterator[FakeServer]:
    made = FakeServer(upper)
    await made.start()
    yield made
    await made.stop()


async def test_bytes_go_both_ways_on_a_serial_port(terminal: FakeTerminal) -> None:
    wire = Wire(SerialLine(terminal.port))
    await wire.open()
    wire.write(b"abc\nde")
    assert await wire.take(LINE, 1.0) == b"ABC\n"
    assert wire.forget() == b"DE"
    wire.close()
    assert not wire.is_open


async def test_bytes_go_both_ways_over_tcp(server: FakeServer) -> None:
    wire = Wire(TcpLine("127.0.0.1", server.port))
    await wire.open()
    wire.write(b"abc\n")
    assert await wire.take(LINE, 1.0) == b"ABC\n"
    wire.close()
    assert not wire.is_open


async def test_silence_is_a_time_out_that_loses_nothing(terminal: FakeTerminal) -> None:
    wire = Wire(SerialLine(terminal.port))
    await wire.open()
    wire.write(b"half")
    with pytest.raises(TimeoutError):
        await wire.take(LINE, 0.5)
    assert wire.waiting == 4
    wire.write(b"\n")
    assert await wire.take(LINE, 1.0) == b"HALF\n"
    wire.close()


async def test_an_unplugged_port_is_gone_for_who_waits_and_who_writes() -> None:
    terminal = FakeTerminal(upper)
    wire = Wire(SerialLine(terminal.port))
    await wire.open()
    terminal.close()
    with pytest.raises(PortUnavailable, match="the port is gone"):
        await wire.take(LINE, 5.0)
    assert not wire.is_open
    with pytest.raises(PortUnavailable, match="the port is gone"):
        wire.write(b"x")
    with pytest.raises(PortUnavailable):
        await wire.open()


async def test_a_host_that_hangs_up_is_gone_and_is_connected_to_again(server: FakeServer) -> None:
    wire = Wire(TcpLine("127.0.0.1", server.port))
    await wire.open()
    wire.write(b"a\n")
    await wire.take(LINE, 1.0)
    await server.stop()
    with pytest.raises(PortUnavailable, match="the port is gone"):
        await wire.take(LINE, 5.0)
    with pytest.raises(PortUnavailable, match=f"127.0.0.1:{server.port}"):
        await wire.open()
    await server.start()
    await wire.open()
    wire.write(b"b\n")
    assert await wire.take(LINE, 1.0) == b"B\n"
    wire.close()


async def test_noise_without_an_end_fills_no_memory(server: FakeServer) -> None:
    wire = Wire(TcpLine("127.0.0.1", server.port))
    await wire.open()
    wire.write(b"x" * 3 * MOST_BYTES + b"end\n")
    assert (await wire.take(LINE, 2.0)).endswith(b"XEND\n")
    assert wire.waiting <= MOST_BYTES
    wire.close()


async def test_only_one_may_own_a_serial_port(terminal: FakeTerminal) -> None:
    first, second = Wire(SerialLine(terminal.port)), Wire(SerialLine(terminal.port))
    await first.open()
    with pytest.raises(PortUnavailable):
        await second.open()
    first.close()
    await second.open()
    second.close()


def test_a_relative_port_begins_at_the_configuration(tmp_path: Path) -> None:
    assert SerialLine("tty/mast").based(str(tmp_path)).port == str(tmp_path / "tty/mast")
    assert SerialLine("/dev/ttyS0").based(str(tmp_path)).port == "/dev/ttyS0"
    assert TcpLine("host", 1).based(str(tmp_path)) == TcpLine("host", 1)


def test_two_names_of_one_port_are_one(tmp_path: Path) -> None:
    (tmp_path / "by-id").symlink_to("/dev/null")
    assert SerialLine(str(tmp_path / "by-id")).end == SerialLine("/dev/null").end
    assert TcpLine("host", 1).end != TcpLine("host", 2).end
