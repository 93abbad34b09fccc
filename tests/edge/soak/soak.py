"""The soak: the whole agent on simulated lines, with everything going wrong, and an audit at the end."""

import asyncio
import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import patch

import yaml

from siloscope_contract.gaps import Gap, GapKind
from siloscope_contract.packs import decode
from siloscope_edge import adapters, dating, installation
from siloscope_edge.agent import Agent
from siloscope_edge.clock_guard import TimeSource
from siloscope_edge.clock_settings import ClockSettings
from siloscope_edge.dating import PROVISIONAL
from siloscope_edge.epochs import ordinal_of, seq_of
from siloscope_edge.instants import BootBase
from siloscope_edge.spans import Spans
from siloscope_edge.spool_file import FILE_NAME, connect
from siloscope_edge.spool_reading import read_epochs
from siloscope_firmware_sim.faults import schedule
from siloscope_firmware_sim.faults.schedule import Fault, Faults, Kind
from siloscope_process.clock import Clock
from tests.edge.fake_ingest import FakeDatabase
from tests.edge.soak import yard
from tests.edge.soak.audit import Finding, Ledger, Stored, audited
from tests.edge.soak.broker import NODE, Broker
from tests.edge.soak.kernel import TRUE_MS, Kernel
from tests.edge.soak.ports import Ports
from tests.edge.soak.virtual_time import BEGINS_S, VirtualClock, VirtualLoop
from tests.edge.soak.yard import Yard

_CALM_S = 180.0
"""At the end nothing breaks any more, and what is owed is sent."""
_LAST_COMMIT_S = 2.0
_A_CUT_COSTS_S = 3.6
"""The commit interval, the pause before it, and the time that a new start takes."""
_LEFT_AT_THE_END = 3
_SYNCHRONISED_WITHIN_S = 150.0
_WAIT_S = 60.0
_STEPS_S = (0.7, -1.5, 3600.0, -7200.0, 86_400.0, -40 * 86_400.0)
_WRONG_AT_BOOT_S = (0.0, -50 * 365 * 86_400.0, 3_700.0, -86_400.0)
Pair = tuple[str, int]


@dataclass
class Report:
    """What a soak found.

    Attributes:
        findings: What is wrong.
        ledger: How much was compared.
        faults: What was done.
        packs: How many the database holds.
        boots: How many boots there were.
        provisional: How many readings were dated provisionally.
    """

    findings: list[Finding]
    ledger: Ledger
    faults: list[Fault]
    packs: int
    boots: int
    provisional: int = 0


@dataclass
class _Life:
    """An agent between two power cuts."""

    task: asyncio.Task[int]
    directory: Path
    stop: asyncio.Event = field(default_factory=asyncio.Event)


class Soak:
    """One soak.

    Args:
        directory: For its files.
        seed: What happens follows from it.
        seconds: How long, in simulated time.
        per_hour: How many faults.
    """

    def __init__(self, directory: Path, seed: int, seconds: float, per_hour: float = 120.0) -> None:
        self._directory = directory
        self._chance = random.Random(seed)
        self._pauses = random.Random(seed)
        self._seconds = seconds
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        self._loop = loop
        began_s = loop.time()
        planned = schedule.schedule(seed, seconds - _CALM_S, yard.victims(), per_hour=per_hour)
        self.plan = [Fault(each.kind, each.victim, began_s + each.at_s, each.for_s, each.size) for each in planned]
        faults = Faults(self.plan)
        self._kernel = Kernel()
        self._ports = Ports()
        self._yard = Yard(self._ports, faults, seed)
        self._database = FakeDatabase()
        self._broker = Broker(faults, seed, self._database)
        self._lives: list[_Life] = []
        self._guesses: dict[str, list[int]] = {}

    async def run(self) -> Report:
        """Let it all happen, and return what an audit finds."""
        with self._replaced():
            await self._yard.open()
            broker = asyncio.create_task(self._broker.run())
            self._power_up()
            events = [asyncio.create_task(self._happen(each)) for each in self.plan]
            await asyncio.sleep(self._seconds)
            for each in (self._lives[-1].task, broker, *events):
                if each.done() and not each.cancelled() and (error := each.exception()):
                    raise error
            self._lives[-1].stop.set()
            assert await self._lives[-1].task == 0
            await asyncio.sleep(_LAST_COMMIT_S)
            broker.cancel()
            await self._yard.close()
        return self._report()

    def time_source(self, _settings: ClockSettings, _clock: Clock) -> TimeSource:
        """Return what the agent asks for the time."""
        return self._kernel

    @contextmanager
    def _replaced(self) -> Iterator[None]:
        """Put our ports, clocks and broker in the place of the machine's."""
        with (
            patch("serial.Serial", self._ports.opened),
            patch("serial.serial_for_url", self._ports.opened),
            patch.object(adapters.PortFinder.__init__, "__defaults__", (self._ports.listing,)),
            patch("siloscope_edge.agent.connector", self._broker.connector),
            patch("siloscope_edge.agent.source_for", self.time_source),
            patch("siloscope_edge.sender.random", self._pauses),
            patch("siloscope_edge.spool.remember_boot", self._remembering(dating.remember_boot)),
        ):
            yield

    def _power_up(self) -> None:
        number = len(self._lives)
        directory = self._directory / f"life-{number}"
        (directory / "data").mkdir(parents=True, exist_ok=True)
        self._kernel.power_up(error_s=self._chance.choice(_WRONG_AT_BOOT_S))
        self._later(self._chance.random() * _SYNCHRONISED_WITHIN_S, self._kernel.synchronise)
        file = directory / "edge.yaml"
        file.write_text(yaml.safe_dump(self._configuration()))
        agent = Agent(installation.read(file), None, VirtualClock(self._kernel.wall_ms), 0)
        stop = asyncio.Event()
        self._lives.append(_Life(asyncio.create_task(agent.run(stop)), directory, stop))

    def _configuration(self) -> dict[str, object]:
        return {
            "organisation": NODE.org,
            "site": NODE.site,
            "node": NODE.node,
            "mqtt": {"host": "broker"},
            "data_directory": "data",
            "clock": {"wait_s": _WAIT_S},
            "operations_port": 0,
            "buses": self._yard.buses(),
        }

    async def _happen(self, fault: Fault) -> None:
        await asyncio.sleep(fault.at_s - self._loop.time())
        match fault.kind:
            case Kind.UNPLUGGED:
                await self._yard.unplug(fault.victim)
                await asyncio.sleep(fault.for_s)
                await self._yard.plug(fault.victim)
            case Kind.CLOCK_STEP:
                self._kernel.step(_STEPS_S[int(fault.size * len(_STEPS_S))])
                self._later(fault.for_s, self._kernel.synchronise)
            case Kind.LINK_CUT:
                self._broker.cut(forgets=fault.size > 0.5)
            case Kind.POWER_CUT:
                await self._cut_power()
            case _:
                pass

    async def _cut_power(self) -> None:
        self._broker.cut(forgets=False)
        dead = self._lives[-1]
        copy = self._directory / f"life-{len(self._lives)}" / "data"
        copy.mkdir(parents=True)
        for name in (FILE_NAME, f"{FILE_NAME}-wal"):
            if (dead.directory / "data" / name).exists():
                shutil.copy(dead.directory / "data" / name, copy / name)
        dead.task.cancel()
        await asyncio.gather(dead.task, return_exceptions=True)
        self._power_up()

    def _later(self, after_s: float, call: object) -> None:
        boot = self._kernel.boot

        def still() -> None:
            if self._kernel.boot == boot:
                call()  # type: ignore[operator]

        self._loop.call_later(after_s, still)

    def _remembering(self, remember: Callable[[sqlite3.Connection, BootBase], None]) -> object:
        """Take down what a boot is remembered to have begun at while nobody knew."""

        def remember_boot(connection: sqlite3.Connection, base: BootBase) -> None:
            if not base.stamp.known:
                self._guesses.setdefault(base.boot, []).append(base.stamp.base_ms)
            remember(connection, base)

        return remember_boot

    def _report(self) -> Report:
        boots, guessed, left, findings = self._read_spools()
        payloads = {**left, **self._database.held}
        stored, gaps, excuses, provisional = [], list[tuple[Gap, float, float]](), list[tuple[float, float]](), 0
        for pair, payload in payloads.items():
            pack = decode(payload, received_ms=0)
            times_s = [(sample.time_ms - TRUE_MS) / 1000 for sample in pack.samples]
            # What a guess dated long ago is trimmed as soon as it is committed, and then no spool tells of it.
            is_guess = pair in guessed or not all(BEGINS_S - 1 <= at_s <= self._loop.time() for at_s in times_s)
            for sample in pack.samples:
                provisional += is_guess * len(sample.names)
                if is_guess and 0 in sample.quality:
                    findings.append(Finding("mistimed", sample.device, 0.0, f"{pair} was dated by a guess as good"))
                boot = boots[str(pack.epoch)] if is_guess else ""
                stored.append(Stored(self._in_simulation_s(sample.time_ms, boot), sample))
            if any(gap.kind is GapKind.AGENT_OFF for gap in pack.gaps):
                booted_s = self._kernel.boots[boots[str(pack.epoch)]]
                excuses.append((booted_s - _A_CUT_COSTS_S, booted_s + 1.0))
            gaps += [(gap, (gap.from_ms - TRUE_MS) / 1000, (gap.to_ms - TRUE_MS) / 1000) for gap in pack.gaps]
        ledger = Ledger()
        findings += audited(self._yard.watched(), stored, self._yard.truth.given, gaps, excuses, ledger)
        counts = (len(self._database.held), len(self._kernel.boots), provisional)
        return Report(findings, ledger, self.plan, *counts)

    def _in_simulation_s(self, time_ms: int, boot: str) -> float:
        """Return when a sample says that it is of; where it says that its clock was a guess, as that guess has it."""
        ends = [at_s for at_s in self._kernel.boots.values() if at_s > self._kernel.boots.get(boot, 0.0)]
        lasted_s = min(ends, default=self._loop.time()) - self._kernel.boots.get(boot, 0.0)
        for guess_ms in reversed(self._guesses.get(boot, [])):
            since_boot_s = (time_ms - guess_ms) / 1000
            if 0 <= since_boot_s <= lasted_s:
                return self._kernel.boots[boot] + since_boot_s
        return (time_ms - TRUE_MS) / 1000

    def _read_spools(self) -> tuple[dict[str, str], set[Pair], dict[Pair, bytes], list[Finding]]:
        """Return the boot of each epoch, the packs that were dated by a guess, those that only the last spool has, and
        what is nowhere."""
        boots: dict[str, str] = {}
        guessed: set[Pair] = set()
        for life in self._lives:
            connection = connect(life.directory / "data" / FILE_NAME, read_only=True)
            states = read_epochs(connection)
            boots |= dict(connection.execute("SELECT epoch, boot FROM epoch").fetchall())
            names = {state.ordinal: str(state.epoch) for state in states}
            rows = connection.execute("SELECT number, payload, dated FROM pack").fetchall()
            connection.close()
            guessed |= {(names[ordinal_of(number)], seq_of(number)) for number, _, how in rows if how == PROVISIONAL}
        held = self._database.held
        packs = {(names[ordinal_of(number)], seq_of(number)): bytes(payload) for number, payload, _ in rows}
        left = {pair: payload for pair, payload in packs.items() if pair not in held}
        findings = [
            Finding("lost", str(state.epoch), 0.0, f"pack {seq} of {state.next - 1}")
            for state in states
            for seq in Spans([(1, state.next)]).without(self._database.accounted.get(str(state.epoch), Spans()))
            if (str(state.epoch), seq) not in left
        ]
        if len(left) > _LEFT_AT_THE_END:
            findings.append(Finding("lost", "spool", self._loop.time(), f"{len(left)} packs are still owed"))
        return boots, guessed, left, findings
