"""A campaign: a world, a schedule of faults from a seed, and the audit behind it."""

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.request import urlopen

import psycopg

from siloscope_contract.packs import Form
from siloscope_contract.topics import Kind as TopicKind
from siloscope_contract.topics import NodeName, Topic
from siloscope_deploy.servers.accounts import temporary_home
from siloscope_process.errors import Unavailable
from tests.chaos import rollup_audit
from tests.chaos.audit import differences, read_accounts, read_database
from tests.chaos.disk import Disk
from tests.chaos.harm import Harm
from tests.chaos.records import SPOOL_FILE, note_spool, read_spool
from tests.chaos.schedule import Fault, Kind, Possible, schedule
from tests.chaos.senders import PLAIN_NODES
from tests.chaos.truth import Truth, read_nodes, read_senders
from tests.chaos.watching import Watcher
from tests.chaos.world import ORG, SITE, World, shown
from tests.system.platform import Service

_AT_ONCE = 4
_LIBRARIES = ("mqtt", "nats.aio.client")
SESSIONS = """
SELECT pid, application_name, state, wait_event_type, wait_event, now() - xact_start, now() - state_change,
    pg_blocking_pids(pid), left(query, 120)
FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
"""
_MOST_SHOWN = 40
_FLOWS_WITHIN_S = 40.0


@dataclass(frozen=True)
class Setting:
    """What a campaign is run on.

    Attributes:
        broker: "nats", "mosquitto" or "nats-cluster".
        store: "postgres" or "timescale".
        workers: How many ingest processes.
        seed: Of the schedule.
        faults: How many.
        agents: How many nodes are the whole agent.
        full_disk: Whose disk is small and filled now and then: "edge", "store", "broker" or "".
        patience: Share of the product's own pauses that nodes wait.
        mean_pause_s: Mean time between two faults.
        longest_s: Longest time that a fault holds.
        wild_samples: Samples of one burst of a wild clock.
        drained_within_s: How long it may take until all is stored, once nothing is harmed any more.
    """

    broker: str
    store: str
    workers: int
    seed: int
    faults: int
    agents: int = 0
    full_disk: str = ""
    patience: float = 0.3
    mean_pause_s: float = 0.4
    longest_s: float = 2.0
    wild_samples: int = 300
    drained_within_s: float = 120.0


@dataclass
class Report:
    """What came of it.

    Attributes:
        setting: What was run.
        done: How many faults of each kind were done.
        wrong: What was found.
        took_s: How long it took, the audit included.
        drained_s: How long it took until all was stored, once nothing was harmed any more.
        packs: How many packs were spooled.
        readings: How many readings the database holds.
        undated: How many more it keeps apart, as nobody believes their times.
        marks: How many watermarks were compared with the database.
        logs: The ends of all logs, where something is wrong.
    """

    setting: Setting
    done: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    took_s: float = 0.0
    drained_s: float = 0.0
    packs: int = 0
    readings: int = 0
    undated: int = 0
    marks: int = 0
    logs: str = ""

    def text(self) -> str:
        """Return what a person reads."""
        setting = self.setting
        kinds = ", ".join(f"{count} {kind}" for kind, count in self.done.most_common())
        lines = [
            f"{setting.broker} + {setting.store}, {setting.workers} ingest, seed {setting.seed}: "
            f"{sum(self.done.values())} faults in {self.took_s:.0f} s, drained in {self.drained_s:.0f} s",
            f"  {kinds}",
            f"  {self.packs} packs spooled, {self.readings} readings stored and {self.undated} undated, "
            f"{self.marks} watermarks compared",
            f"  wrong: {len(self.wrong)}{self._sorts()}",
            *[f"    {each}" for each in self.wrong[:_MOST_SHOWN]],
        ]
        return "\n".join(lines)

    def _sorts(self) -> str:
        """Return what is wrong by its first words, where that is too much to be shown."""
        if len(self.wrong) <= _MOST_SHOWN:
            return ""
        found = Counter(each.partition(":")[0].partition(" of ")[0] for each in self.wrong)
        return f" ({', '.join(f'{count} {words}' for words, count in found.most_common(12))})"


def run(setting: Setting, say: Callable[[str], None] = lambda text: None) -> Report:
    """Run a campaign.

    Raises:
        Unavailable: A component is missing.
    """
    began_s = time.monotonic()
    report = Report(setting)
    with temporary_home() as home, ExitStack() as end:
        disk = end.enter_context(_disk(home, setting)) if setting.full_disk else None
        world = World(
            home,
            setting.broker,
            setting.store,
            workers=setting.workers,
            agents=setting.agents,
            patience=setting.patience,
            disk=disk,
            form=Form.JSON if setting.seed % 2 else Form.ZLIB,
        )
        end.enter_context(world)
        _Campaign(world, setting, disk, report, say).run()
        if report.wrong:
            report.logs = shown(world)
            if kept := os.environ.get("CHAOS_KEEP"):
                _keep(world, Path(kept) / str(setting.seed))
    report.took_s = time.monotonic() - began_s
    return report


class _Campaign:
    def __init__(
        self, world: World, setting: Setting, disk: Disk | None, report: Report, say: Callable[[str], None]
    ) -> None:
        self._world = world
        self._setting = setting
        self._report = report
        self._say = say
        self._watcher = Watcher(world.broker.ports[0], [*world.nodes[:3], *(each.nodes[0] for each in world.agents)])
        self._harm = Harm(world, disk, self._before_restore)

    def run(self) -> None:
        self._watcher.start(self._world.store.url)
        try:
            _until(self._flows, "the first samples are stored", _FLOWS_WITHIN_S)
            self._break()
            self._heal()
            self._drain()
        finally:
            self._watcher.stop()
        self._audit()

    def _flows(self) -> bool:
        return len(read_accounts(self._world.store.url).accounted) >= len(self._world.nodes)

    def _break(self) -> None:
        faults = schedule(self._setting.seed, self._setting.faults, possible(self._world, self._setting))
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="fault") as pool:
            running: list[Future[None]] = []
            for fault in faults:
                victim = self._harm.victim_of(fault)
                while len(running) >= _AT_ONCE or not self._harm.is_free(victim):
                    time.sleep(0.02)
                    running = [each for each in running if not _over(each)]
                running.append(pool.submit(self._one, fault, victim))
                time.sleep(fault.pause_s)
                self._revive()
            for each in running:
                each.result()

    def _one(self, fault: Fault, victim: str) -> None:
        self._say(f"{fault}")
        try:
            if self._harm.do(fault):
                self._report.done[fault.kind] += 1
            self._watcher.moved(self._world.store.url)
        finally:
            self._harm.release(victim)

    def _revive(self) -> None:
        for service in self._world.processes:
            if not service.running and self._harm.is_free(service.name):
                try:
                    self._world.revive(service)
                finally:
                    self._harm.release(service.name)

    def _heal(self) -> None:
        for proxy in self._world.proxies:
            proxy.clear()
        self._revive()

    def _drain(self) -> None:
        """Let nothing new be read, and wait until all that is spooled is accounted for."""
        for crew in self._world.crews:
            crew.be_quiet()
        time.sleep(2)
        owed: set[tuple[str, int]] = set()
        began_s = time.monotonic()
        self._say("drains")
        while time.monotonic() < began_s + self._setting.drained_within_s:
            owed = self._owed()
            if not owed:
                break
            time.sleep(0.3)
            self._revive()
        else:
            self._report.wrong.append(
                f"not drained within {self._setting.drained_within_s:g} s: {len(owed)} packs, {sorted(owed)[:5]}"
            )
            self._report.wrong += [f"{each.name}: {_measured(each)}" for each in self._world.workers]
            self._report.wrong += _sessions(self._world.store.url)
        self._report.drained_s = time.monotonic() - began_s
        self._say(f"drained in {self._report.drained_s:.1f} s")
        for crew in self._world.crews:
            crew.stop()
        if self._rolls_up():
            late = rollup_audit.wait_until_settled(self._world.store.url, self._setting.drained_within_s)
            self._report.wrong += [late] if late else []

    def _rolls_up(self) -> bool:
        return self._world.jobs is not None

    def _owed(self) -> set[tuple[str, int]]:
        held = read_accounts(self._world.store.url)
        spooled = {id for node in self._world.nodes for id, _ in read_spool(Path(node.directory) / SPOOL_FILE)}
        return {id for id in spooled if not held.accounts_for(id)}

    def _before_restore(self) -> None:
        with psycopg.connect(self._world.store.url, connect_timeout=5) as connection:
            row = connection.execute("SELECT generation::text FROM store_identity").fetchone()
        assert row is not None
        self._watcher.forget({row[0]})

    def _audit(self) -> None:
        world, report = self._world, self._report
        truth = Truth(flipped=bool(report.done[Kind.FLIP]))
        for node in world.nodes:
            if node.is_agent:
                note_spool(Path(node.records), Path(node.directory))
        for slug in [*(each.name[2] for each in world.nodes), *PLAIN_NODES]:
            truth.topics[Topic(NodeName.of(ORG, SITE, slug), TopicKind.SAMPLES).text()] = slug
        read_nodes(truth, world.nodes)
        names = {node.label: node.name[2] for node in world.nodes} | {name: name for name in PLAIN_NODES}
        read_senders(truth, world.records, names)
        for node in world.nodes:
            truth.still_spooled |= {id for id, _ in read_spool(Path(node.directory) / SPOOL_FILE)}
        held = read_database(world.store.url)
        report.wrong += differences(truth, held, self._harm.lost, time.time_ns() // 1_000_000)
        report.wrong += self._watcher.wrong
        if self._rolls_up():
            report.wrong += rollup_audit.differences(world.store.url)
        report.wrong += [f"ended by itself: {each}" for each in world.ended]
        flipped = bool(report.done[Kind.FLIP])
        logs = world.home.glob("*.log")
        report.wrong += [f"{log.name} has a traceback" for log in logs if _has_traceback(log, flipped=flipped)]
        report.packs, report.readings = len(truth.packs), len(held.readings)
        report.undated = sum(map(len, held.undated.values()))
        report.marks = self._watcher.compared


def possible(world: World, setting: Setting) -> Possible:
    """Return what can happen to a world."""
    heavy = [(Kind.BACKUP, 1), (Kind.RESTORE, 2), (Kind.CARD_COPY, 2), (Kind.CARD_RESTORED, 2), (Kind.CARD_CLONED, 1)]
    if setting.full_disk:
        heavy.append((Kind.DISK_FULL, 6))
    if setting.full_disk == "store":
        heavy = [each for each in heavy if each[0] not in (Kind.BACKUP, Kind.RESTORE)]
    else:
        heavy.append((Kind.PROMOTE, 1))
    services = [each.name for each in world.services]
    crews = [each.name for each in world.crews]
    servers = list(world.broker.servers)
    brokers = [(name, 2) for name in servers] or [("broker", 3)]
    return Possible(
        [*((name, 5) for name in services), *brokers, ("database", 4), *((name, 3) for name in crews)],
        [*services, *crews, *servers],
        [node.label for fleet in world.fleets for node in fleet.nodes],
        [node.label for agents in world.agents for node in agents.nodes],
        [proxy.name for proxy in world.proxies],
        heavy,
        flips=all(node.form is Form.ZLIB for node in world.nodes),
        longest_s=setting.longest_s,
        mean_pause_s=setting.mean_pause_s,
        wild_samples=setting.wild_samples,
    )


@contextmanager
def _disk(home: Path, setting: Setting) -> Iterator[Disk]:
    megabytes = {"edge": 24, "broker": 200, "store": 700}
    with Disk(home / "disk", megabytes[setting.full_disk], setting.full_disk) as disk:
        yield disk


def _until(happened: Callable[[], bool], what: str, within_s: float) -> None:
    deadline = time.monotonic() + within_s
    while not happened():
        if time.monotonic() > deadline:
            raise Unavailable(f"{what}: not within {within_s:g} s")
        time.sleep(0.1)


def _over(future: Future[None]) -> bool:
    if future.done():
        future.result()
        return True
    return False


def _measured(service: Service) -> str:
    """Return what a service that holds something up says of itself."""
    with suppress(OSError), urlopen(f"http://127.0.0.1:{service.operations_port}/metrics", timeout=3) as answer:
        lines = answer.read().decode().splitlines()
        return " ".join(line for line in lines if line.startswith("siloscope") and "bucket" not in line)
    return "does not answer"


def _sessions(url: str) -> list[str]:
    """Return what the database's sessions do, and whom they wait for."""
    with psycopg.connect(url) as connection:
        return [f"session: {row}" for row in connection.execute(SESSIONS).fetchall()]


def _has_traceback(log: Path, *, flipped: bool) -> bool:
    """Say whether something of ours failed; MQTT's and NATS's libraries log that of what a flipped bit means."""
    lines = [line for line in log.read_text(errors="replace").splitlines() if "Traceback" in line]
    return any(not flipped or not any(f'"logger": "{name}"' in line for name in _LIBRARIES) for line in lines)


def _keep(world: World, folder: Path) -> None:
    """Keep what somebody needs who looks for the reason."""
    import shutil

    folder.mkdir(parents=True, exist_ok=True)
    for log in [*world.home.rglob("*.log"), *world.store.server.directory.glob("*.log")]:
        shutil.copy(log, folder / f"{log.parent.name}-{log.name}")
    for part in (world.records, world.spools):
        shutil.copytree(part, folder / part.name, dirs_exist_ok=True)
