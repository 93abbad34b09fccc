"""The shipped profile of a relay board and the simulated one, over each kind of line: a siren is tried out."""

from argparse import Namespace
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import yaml

from siloscope_edge import installation
from siloscope_edge.alarms import command
from siloscope_firmware_sim.instruments.relay_8ch import Relay8ch
from siloscope_process.clock import SystemClock
from siloscope_process.errors import Unavailable
from tests.edge.drivers.test_against_simulator import Bench


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    made = Bench(tmp_path)
    async with made.ports:
        yield made


async def tried(bench: Bench, kind: str, address: dict[str, object], **output: object) -> list[str]:
    file = bench.configured(kind, address, "relay-8ch", unit_id=1)
    document = yaml.safe_load(file.read_text())
    document["outputs"] = [{"name": "siren", "device": "probe", "coil": 5, "minimum_interval_s": 1, **output}]
    file.write_text(yaml.safe_dump(document))
    found = installation.read(file)
    args = Namespace(action="alarm-test", name="siren", for_s=0.0)
    return [line async for line in command.lines(found, args, SystemClock())]


@pytest.mark.parametrize("function", ["single", "multiple"])
@pytest.mark.parametrize("kind", ["modbus_rtu", "modbus_rtu_tcp", "modbus_tcp"])
async def test_a_relay_is_switched_read_back_and_switched_off(bench: Bench, kind: str, function: str) -> None:
    board = Relay8ch(1)
    opened = {"modbus_rtu": bench.rtu, "modbus_rtu_tcp": bench.rtu_tcp, "modbus_tcp": bench.tcp}[kind]
    on, off = await tried(bench, kind, await opened(board), function=function)
    assert on.startswith("siren: on after")
    assert off.endswith("read back")
    assert (board.moves, board.on) == (2, [False] * 8)


async def test_a_relay_that_is_not_there_is_said_to_have_failed(bench: Bench) -> None:
    board = Relay8ch(1)
    lines: list[str] = []
    with pytest.raises(Unavailable, match="device_exception exception 2"):
        lines = await tried(bench, "modbus_tcp", await bench.tcp(board), coil=8)
    assert lines == []
    assert board.moves == 0


async def test_its_relays_are_read_like_any_channel(bench: Bench) -> None:
    board = Relay8ch(1)
    board.write(1, [1])
    told = await bench.told("modbus_rtu", await bench.rtu(board), "relay-8ch", unit_id=1)
    assert told == {f"relay{at}": float(at == 2) for at in range(1, 9)}
