"""The real agent without a broker, and another maker's Modbus server: the siren sounds in the yard."""

import asyncio
import json
import logging
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import structlog
import yaml
from pyModbusTCP.server import DataBank, ModbusServer

from siloscope_deploy.servers.ports import free_port
from siloscope_edge.alarms.control import Request, Told, asked
from siloscope_edge.alarms.machine import Phase
from siloscope_edge.alarms.memory import Memory, remembered
from siloscope_edge.inspection import SpooledReading, records
from siloscope_process.command_line import main
from siloscope_process.errors import UNAVAILABLE, WRONG_SETTING

PROBE = """\
profile: probe
title: A probe and a relay
protocol: modbus
limits: {timeout_s: 0.5, rest_s: 0}
channels:
  - {key: t1, table: holding, address: 0, type: int16, scale: 0.1, quantity: temperature, unit: Cel}
"""
SIREN = 3
HUSHED, SOUNDING = [False] * 8, [False] * SIREN + [True] + [False] * (7 - SIREN)
COMMAND = "from siloscope_process.command_line import main; raise SystemExit(main())"


class Relays(ModbusServer):  # type: ignore[misc]  # it has no types
    """A server with a probe's register and eight relays."""

    def __init__(self) -> None:
        self.bank = DataBank(coils_size=8, h_regs_size=8)
        super().__init__("127.0.0.1", free_port(), no_block=True, data_bank=self.bank)

    def heat(self, tenths: int) -> None:
        self.bank.set_holding_registers(0, [tenths])

    @property
    def coils(self) -> list[bool]:
        found: list[bool] = self.bank.get_coils(0, 8)
        return found

    async def until(self, coils: list[bool]) -> None:
        """Wait until the relays stand so."""
        async with asyncio.timeout(20):
            while self.coils != coils:
                await asyncio.sleep(0.02)


@pytest.fixture
def relays() -> Iterator[Relays]:
    made = Relays()
    made.start()
    made.heat(200)
    yield made
    made.stop()


@pytest.fixture
def logs() -> Iterator[None]:
    """Put logging back as it was: a command configures it for its process."""
    root = logging.getLogger()
    before = list(root.handlers), root.level
    yield
    root.handlers[:], level = before
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture
def config(relays: Relays, tmp_path: Path) -> Path:
    (tmp_path / "probe.yaml").write_text(PROBE)
    device = {"name": "box", "profile": "probe", "unit_id": 1, "period_s": 0.2}
    document = {
        "organisation": "demo",
        "site": "yard",
        "node": "pi",
        "mqtt": {"host": "127.0.0.1", "port": 1},
        "data_directory": "data",
        "profile_directories": ["."],
        "spool": {"commit_interval_s": 0.1},
        "operations_port": 0,
        "clock": {"source": "system"},
        "vitals_period_s": None,
        "buses": [{"name": "box", "modbus_tcp": {"host": "127.0.0.1", "port": relays.port}, "devices": [device]}],
        "outputs": [{"name": "siren", "device": "box", "coil": SIREN, "minimum_interval_s": 1}],
        "alarms": [
            {"name": "hot", "device": "box", "channels": ["t1"], "above": 35, "clear": 32, "switches": ["siren"]},
            {"name": "mute", "device": "box", "channels": ["t1"], "above": 90},
        ],
    }
    file = tmp_path / "edge.yaml"
    file.write_text(yaml.safe_dump(document))
    return file


@pytest.fixture
async def agent(config: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    command = (sys.executable, "-c", COMMAND, "edge", "run", "--config", str(config))
    with (config.parent / "agent.log").open("ab") as log:
        started = await asyncio.create_subprocess_exec(*command, stderr=log)
    yield started
    if started.returncode is None:
        started.send_signal(signal.SIGTERM)
        async with asyncio.timeout(10):
            await started.wait()


def spooled(config: Path, channel: str) -> list[tuple[float | None, int]]:
    found: list[tuple[float | None, int]] = []
    for each in records(config.parent / "data"):
        if isinstance(each, SpooledReading) and each.channel == channel:
            said = (each.value, each.quality)
            found += [said] if not found or found[-1] != said else []
    return found


async def test_the_siren_sounds_without_a_broker_and_all_of_it_is_spooled(
    relays: Relays, config: Path, agent: asyncio.subprocess.Process
) -> None:
    relays.heat(360)
    await relays.until(SOUNDING)
    relays.heat(300)
    await relays.until(HUSHED)
    async with asyncio.timeout(20):
        while spooled(config, "output_siren")[-1] != (0, 0):
            await asyncio.sleep(0.1)
    agent.send_signal(signal.SIGTERM)
    await agent.wait()
    assert spooled(config, "alarm_hot")[-2:] == [(2, 0), (0, 0)]
    assert spooled(config, "output_siren")[-2:] == [(1, 0), (0, 0)]
    assert spooled(config, "changes_siren")[-1] == (2, 0)


async def test_a_killed_agent_leaves_the_siren_on_and_the_next_one_looks_after_it(
    relays: Relays, config: Path, agent: asyncio.subprocess.Process
) -> None:
    relays.heat(360)
    await relays.until(SOUNDING)
    memory = config.parent / "data" / "alarms.json"
    async with asyncio.timeout(20):
        while not (memory.exists() and json.loads(memory.read_bytes())["phases"].get("hot") == Phase.OPEN):
            await asyncio.sleep(0.05)
    agent.kill()
    await agent.wait()
    assert relays.coils == SOUNDING
    relays.heat(200)
    again = await asyncio.create_subprocess_exec(
        sys.executable, "-c", COMMAND, "edge", "run", "--config", str(config), stderr=asyncio.subprocess.DEVNULL
    )
    try:
        await relays.until(HUSHED)
    finally:
        again.send_signal(signal.SIGTERM)
        await again.wait()


async def told(config: Path, request: Request) -> list[Told]:
    directory = config.parent / "data"
    async with asyncio.timeout(20):
        while True:
            try:
                return [each async for each in asked(directory, request)]
            except (FileNotFoundError, ConnectionRefusedError):  # it begins; its socket is there before it listens
                await asyncio.sleep(0.02)


async def test_the_running_agent_is_asked_for_a_test(
    relays: Relays, config: Path, agent: asyncio.subprocess.Process
) -> None:
    on, off = await told(config, Request("test", "hot", 0.1))
    assert on.well
    assert on.line.endswith("s, read back")
    assert (off.well, off.line.partition(" after")[0]) == (True, "siren: off")
    assert relays.coils == HUSHED
    relays.stop()
    (first, *_) = await told(config, Request("test", "siren", 0))
    assert not first.well
    assert "siren: FAILED to go on: comm_failure" in first.line
    (unknown,) = await told(config, Request("reset", "cold"))
    assert (unknown.well, unknown.line) == (False, "cold: the running agent has no such name")
    (calm,) = await told(config, Request("reset", "hot"))
    assert (calm.well, calm.line) == (False, "hot: was not latched")


@pytest.mark.usefixtures("logs")
def test_without_an_agent_the_command_has_the_port_itself(
    relays: Relays, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["edge", "alarm-test", "siren", "--for", "0", "--config", str(config)], {}) == 0
    on, off = capsys.readouterr().out.splitlines()
    assert on.startswith("siren: on after 0.")
    assert off.startswith("siren: off after ")
    assert relays.coils == HUSHED
    relays.stop()
    assert main(["edge", "alarm-test", "hot", "--for", "0", "--config", str(config)], {}) == UNAVAILABLE
    assert "siren: FAILED to go on: comm_failure" in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_a_test_that_is_broken_off_leaves_nothing_on(
    relays: Relays, config: Path, number: signal.Signals
) -> None:
    arguments = ("edge", "alarm-test", "siren", "--for", "600", "--config", str(config))
    command = (sys.executable, "-c", COMMAND, *arguments)
    pipe = asyncio.subprocess.PIPE
    testing = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe)
    await relays.until(SOUNDING)
    testing.send_signal(number)
    async with asyncio.timeout(20):
        _, errors = await testing.communicate()
    assert relays.coils == HUSHED
    assert testing.returncode == UNAVAILABLE
    assert b"broken off" in errors


@pytest.mark.usefixtures("logs")
def test_a_test_beside_an_open_alarm_does_not_silence_it(
    relays: Relays, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = config.parent / "data"
    directory.mkdir()
    remembered(directory, Memory({"hot": Phase.OPEN}))
    assert main(["edge", "alarm-test", "siren", "--for", "0", "--config", str(config)], {}) == 0
    assert capsys.readouterr().out.splitlines()[1] == "siren: stays on, an alarm wants it"
    assert relays.coils == SOUNDING


@pytest.mark.usefixtures("logs")
@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["alarm-test", "sirene"], WRONG_SETTING, "did you mean 'siren'"),
        (["alarm-test", "mute"], WRONG_SETTING, "mute: it switches nothing"),
        (["alarm-test", "siren", "--for", "601"], WRONG_SETTING, "expected 0 to 600 seconds"),
        (["alarm-reset", "siren"], WRONG_SETTING, "expected one of hot, mute"),
        (["alarm-reset", "hot"], UNAVAILABLE, "no agent is running here"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    config: Path, arguments: list[str], code: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["edge", *arguments, "--config", str(config)], {}) == code
    assert words in capsys.readouterr().err


class Refusing(DataBank):  # type: ignore[misc]  # it has no types
    """A bank that nobody may write."""

    written = False

    def set_coils(self, *_given: object, **_named: object) -> None:
        self.written = True

    def set_holding_registers(self, *_given: object, **_named: object) -> None:
        self.written = True


def test_the_dry_run_reads_the_output_and_never_writes_it(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bank = Refusing(coils_size=8, h_regs_size=8)
    server = ModbusServer("127.0.0.1", free_port(), no_block=True, data_bank=bank)
    server.start()
    document = yaml.safe_load(config.read_text())
    document["buses"][0]["modbus_tcp"]["port"] = server.port
    document["outputs"].append({"name": "beyond", "device": "box", "coil": 99})
    config.write_text(yaml.safe_dump(document))
    assert main(["edge", "check", "--config", str(config)], {}) == UNAVAILABLE
    server.stop()
    out = capsys.readouterr().out
    assert "output siren: would write coil 3 1 (FC05) or coil 3 0 (FC05) of box, and reads it back" in out
    assert "output siren is off now" in out
    assert "output beyond: FAILED: exception 2; with read_back: false it is not asked" in out
    assert not bank.written
    assert not (config.parent / "data").exists()
