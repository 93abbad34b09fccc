"""Many nodes in one process, each with the real spool, keeper, outbox and sender, and synthetic instruments.

`python -m tests.chaos.fleet PLAN.json`. It is a process so that it can be killed; it is told of clocks that go wrong by
a file that it looks at, and leaves the records of `tests.chaos.records`.
"""

import asyncio
import json
import os
import random
import secrets
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import structlog

from siloscope_contract.packs import Form
from siloscope_contract.topics import NodeName
from siloscope_edge import keeper as keeping
from siloscope_edge import sender as sending
from siloscope_edge.agent import _log_stray
from siloscope_edge.config import Mqtt, SpoolLimits
from siloscope_edge.directory import open_spool
from siloscope_edge.errors import SpoolFull, SpoolUnusable
from siloscope_edge.keeper import Keeper
from siloscope_edge.link import connector
from siloscope_edge.metrics import Metrics
from siloscope_edge.outbox import Outbox, Windows
from siloscope_edge.sender import Sender
from siloscope_edge.spool import Spool, Written
from siloscope_edge.spool_file import FILE_NAME
from siloscope_edge.watermark import Judge
from siloscope_process import logs
from siloscope_process.clock import SystemClock
from siloscope_process.metrics import process_registry
from siloscope_process.operations import Health
from tests.chaos.records import PRODUCED, SPOOLED, Lines, Produced, SpoolLog
from tests.chaos.synthetic import INSTRUMENTS

_LOOK_EVERY_S = 0.1
_TELL_EACH = 100
_STOP_WITHIN_S = 5.0
_HALF_LATER_S = 0.3
_EARLIEST_MS, _LATEST_MS = 300_000_000_000, 9_000_000_000_000  # 1979 to 2255: beyond it a time is none on the wire


_log = structlog.get_logger(__name__)


class NodePlan(msgspec.Struct, frozen=True):
    """One node.

    Attributes:
        label: Unique in a campaign; a cloned card has another than the one that it was cloned from.
        name: Organisation, site and node.
        directory: Of its spool.
        records: Folder of what it leaves for the auditor.
        username, password: At the broker.
        period_s: How often each instrument is read.
        hours_back: How far its clock is behind, always.
        pace: How many times as fast as ours its clock goes.
        max_bytes: Bound of the spool.
        keep_committed_s: How long it keeps committed packs.
        form: Of its packs.
        is_agent: It is a whole agent, and not among a fleet's: of the rest, it has the bound and the form.
    """

    label: str
    name: tuple[str, str, str]
    directory: str
    records: str
    username: str
    password: str
    period_s: float = 0.5
    hours_back: float = 0.0
    pace: float = 1.0
    max_bytes: int = 64 * 2**20
    keep_committed_s: float = 7 * 86_400.0
    form: Form = Form.ZLIB
    is_agent: bool = False


class FleetPlan(msgspec.Struct, frozen=True):
    """What a fleet is.

    Attributes:
        broker_port: On 127.0.0.1.
        control: File that clocks are told by.
        patience: Share of the product's own pauses that is waited: 1 as in production, less to see more in a minute.
        nodes: All of them.
    """

    broker_port: int
    control: str
    patience: float
    nodes: list[NodePlan]


class Control(msgspec.Struct):
    """What somebody does to the clocks.

    Attributes:
        steps_ms: By label, how far a clock is off.
        wild: By number of the burst: whose, how many samples, and a seed.
        quiet: No instrument is read any more.
    """

    steps_ms: dict[str, int] = {}
    wild: dict[int, tuple[str, int, int]] = {}
    quiet: bool = False


class FleetClock(SystemClock):
    """A clock that can be wrong."""

    def __init__(self, plan: NodePlan) -> None:
        self.step_ms = 0
        self._back_ms = int(plan.hours_back * 3_600_000)
        self._pace = plan.pace
        self._began_ms = super().now_ms() // 600_000 * 600_000

    def now_ms(self) -> int:
        real = super().now_ms()
        return int(self._began_ms + (real - self._began_ms) * self._pace) - self._back_ms + self.step_ms


class Node:
    """One node, running until it is cancelled."""

    def __init__(self, plan: NodePlan, fleet: FleetPlan) -> None:
        self.plan = plan
        self.clock = FleetClock(plan)
        self.is_quiet = False
        self._fleet = fleet
        self._directory = Path(plan.directory)
        records = Path(plan.records)
        for folder in (self._directory, records):
            folder.mkdir(parents=True, exist_ok=True)
        self._produced = Lines(records / PRODUCED)
        self._log = SpoolLog(records / SPOOLED)
        self._life = secrets.randbits(32)
        self._keeper: Keeper | None = None
        self._outbox: Outbox | None = None
        self._health = Health(["spool", "link"])
        self._metrics = Metrics(process_registry())
        self._limits = SpoolLimits(plan.max_bytes, 0.25, plan.keep_committed_s, plan.form)

    async def run(self) -> None:
        """Live, again with a new spool where the old one is damaged, and wait where the disk takes nothing."""
        damage = None
        while True:
            try:
                spool, gaps = open_spool(self._directory, self._limits, self.clock, damage)
            except SpoolFull:
                await asyncio.sleep(0.5)
                continue
            self._log.catch_up(self._spool_file)
            keeper = self._keeper = Keeper(spool, self._limits, self.clock, self._metrics, self._health)
            for gap in gaps:
                keeper.take_gap(gap)
            try:
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._sender(spool, keeper).run())
                    tasks.create_task(keeper.run())
                    tasks.create_task(self._read(keeper))
            except* SpoolUnusable as group:
                damage = str(group.exceptions[0])
            finally:
                with suppress(SpoolFull, SpoolUnusable, TimeoutError):
                    async with asyncio.timeout(2):
                        await keeper.close()

    def tell(self) -> None:
        """Log what is owed and why it is not sent: for whoever looks for the reason why a campaign did not drain."""
        outbox = self._outbox
        if outbox is not None and outbox.owed:
            state = {name: repr(each) for name, each in vars(outbox).items()}
            _log.warning("owed", node=self.plan.label, now_s=self.clock.monotonic_s(), **state)

    def burst(self, count: int, seed: int) -> None:
        """Take samples of a clock that has gone wild."""
        chance = random.Random(seed)
        for _ in range(count):
            time_ms = chance.randrange(_EARLIEST_MS, _LATEST_MS)
            self._take(chance.randrange(len(INSTRUMENTS)), time_ms, 0)

    @property
    def _spool_file(self) -> Path:
        return self._directory / FILE_NAME

    def _sender(self, spool: Spool, keeper: Keeper) -> Sender:
        plan, node, session = self.plan, NodeName.of(*self.plan.name), secrets.token_hex(16)
        patience = self._fleet.patience
        mqtt = Mqtt("127.0.0.1", self._fleet.broker_port, plan.username, keepalive_s=5, heartbeat_s=5)
        windows = Windows(
            uncommitted=300,
            settle_s=5 * patience,
            resend_after_s=5 * patience,
            probe_after_s=30 * patience,
            probe_at_most_s=600 * patience,
        )
        connect = connector(mqtt, plan.password, f"silo-{secrets.token_hex(8)}")
        announced = [each.announced(plan.period_s) for each in INSTRUMENTS]
        outbox, judge = Outbox(windows, spool.owed()), Judge(session, spool.epoch)
        self._outbox = outbox
        sender = Sender(
            node, session, announced, keeper, outbox, judge, connect, mqtt, self.clock, self._metrics, self._health
        )
        inner = keeper.on_written

        def written(what: Written) -> None:
            self._log.note(self._spool_file, *what.spooled)
            inner(what)

        keeper.on_written = written
        return sender

    async def _read(self, keeper: Keeper) -> None:
        """Read every instrument each period, at times that a second reader would hit as well."""
        period_ms = int(self.plan.period_s * 1000 * self.plan.pace)
        last_ms = None
        while True:
            time_ms = self.clock.now_ms() // period_ms * period_ms
            if time_ms != last_ms and not self.is_quiet:
                last_ms = time_ms
                for at in range(len(INSTRUMENTS)):
                    self._take(at, time_ms, 0)
                await asyncio.sleep(_HALF_LATER_S)
                for at, instrument in enumerate(INSTRUMENTS):
                    if instrument.halves:
                        self._take(at, time_ms, 1)
            await asyncio.sleep(self.plan.period_s / 5)

    def _take(self, at: int, time_ms: int, part: int) -> None:
        instrument, keeper = INSTRUMENTS[at], self._keeper
        assert keeper is not None, "it reads only while it lives"
        real_ms = SystemClock().now_ms()
        self._produced.add([Produced(instrument.device, time_ms, self._life, part, real_ms)])
        keeper.take(instrument.sample(self.plan.label, time_ms, self._life, instrument.parts()[part]))


async def run(plan: FleetPlan) -> None:
    """Run every node until SIGTERM."""
    nodes = {each.label: Node(each, plan) for each in plan.nodes}
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(_log_stray)
    work = asyncio.ensure_future(_run(nodes, Path(plan.control)))

    def stop() -> None:
        work.cancel()
        loop.call_later(_STOP_WITHIN_S, os._exit, 1)  # a spool whose folder is gone already may swallow a cancellation

    loop.add_signal_handler(signal.SIGTERM, stop)
    with suppress(asyncio.CancelledError):
        await work


async def _run(nodes: dict[str, Node], control: Path) -> None:
    async with asyncio.TaskGroup() as tasks:
        for node in nodes.values():
            tasks.create_task(node.run())
        tasks.create_task(_obey(nodes, control))


async def _obey(nodes: dict[str, Node], file: Path) -> None:
    looks = 0
    while True:
        told = _told(file)
        looks = looks + 1 if told.quiet else 0
        if looks and looks % _TELL_EACH == 0:
            for node in nodes.values():
                node.tell()
        for label, node in nodes.items():
            node.clock.step_ms = told.steps_ms.get(label, 0)
            node.is_quiet = told.quiet
        for number, (label, count, seed) in told.wild.items():
            if not (mark := taken(file, number)).exists():
                nodes[label].burst(count, seed)
                mark.touch()
        await asyncio.sleep(_LOOK_EVERY_S)


def taken(control: Path, number: int) -> Path:
    """Return the file that is there when a burst was taken."""
    return control.with_suffix(f".burst-{number}")


def _told(file: Path) -> Control:
    return msgspec.json.decode(file.read_bytes(), type=Control)


def _be_impatient(share: float) -> None:
    """Wait less than in production where nothing but time passes."""
    for module, name in (
        (sending, "_RECONNECT_FIRST_S"),
        (sending, "_RECONNECT_AT_MOST_S"),
        (sending, "_ASK_AGAIN_FIRST_S"),
        (sending, "_ASK_AGAIN_AT_MOST_S"),
        (sending, "_UNHEARD_S"),
        (keeping, "_RETRY_S"),
        (keeping, "_TRIM_EVERY_S"),
    ):
        setattr(module, name, getattr(module, name) * share)


def main(file: Path) -> None:
    """Run the fleet of a plan."""
    plan: FleetPlan = msgspec.convert(_loaded(file), FleetPlan)
    logs.configure("fleet", style="json", level="warning")
    _be_impatient(plan.patience)
    asyncio.run(run(plan))


def _loaded(file: Path) -> Any:
    return json.loads(file.read_text())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
