"""How each fault is done to a world, and undone."""

import os
import random
import shutil
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Protocol

import msgspec
import psycopg
from psycopg import sql

from siloscope_deploy.servers.own_server import OwnServer
from tests.chaos.agents import Agents
from tests.chaos.disk import Disk
from tests.chaos.fleet import NodePlan, taken
from tests.chaos.proxy import Proxy, Way, Weather
from tests.chaos.records import SPOOL_FILE, PackId, note_spool, read_spool
from tests.chaos.schedule import Fault, Kind
from tests.chaos.senders import misbehave
from tests.chaos.world import Fleet, World
from tests.system.platform import Service

_STEPS_MS = (1_500, 20_000, 3_600_000, 5 * 3_600_000, 40 * 86_400_000)
_REPLICA_FOLLOWS_S = 1.0
_GROWS_OLD_S = 2.0
_BURST_WITHIN_S, _BURST_SPOOLED_S, _BURST_PER_S = 30.0, 1.0, 20_000
MOST_CLONES = 2
"""Of one fleet or agent."""


class Victim(Protocol):
    """What can be ended and started again."""

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def kill(self) -> None: ...


class Harm:
    """Does faults to a world; each fault holds its victims for itself.

    Attributes:
        lost: Packs that went with a card that was put back to an older copy.
        restores: How often the database went back in time.

    Args:
        world: To whom.
        disk: A small disk of a node's or the database's own, where there is one.
        before_restore: Called before the database goes back in time.
    """

    def __init__(self, world: World, disk: Disk | None, before_restore: Callable[[], None]) -> None:
        self.lost: set[PackId] = set()
        self.restores = 0
        self._world = world
        self._disk = disk
        self._before_restore = before_restore
        self._cards: dict[str, Path] = {}
        self._locks: dict[str, threading.Lock] = {}
        self._clones: Counter[str] = Counter()

    def victim_of(self, fault: Fault) -> str:
        """Return whom a fault holds for itself."""
        if fault.kind in (Kind.BACKUP, Kind.RESTORE, Kind.PROMOTE):
            return "database"
        if fault.kind is Kind.DISK_FULL:
            return "disk"
        if fault.kind in (Kind.CARD_COPY, Kind.CARD_RESTORED, Kind.CARD_CLONED, Kind.CLOCK_WILD):
            return self._crew_of(fault.victim).name
        return fault.victim if fault.kind in _HOLDING else f"{fault.kind} {fault.victim}"

    def is_free(self, victim: str) -> bool:
        """Say whether nobody harms it just now, and keep others from it until `do` is over."""
        return self._locks.setdefault(victim, threading.Lock()).acquire(blocking=False)

    def release(self, victim: str) -> None:
        """Let others harm it again."""
        self._locks[victim].release()

    def do(self, fault: Fault) -> bool:
        """Do it and undo it; return whether there was anything to do."""
        return _DEEDS[fault.kind](self, fault) is not False

    # ---- processes

    def _kill(self, fault: Fault) -> None:
        self._end(fault, lambda victim: victim.kill())

    def _stop(self, fault: Fault) -> None:
        self._end(fault, lambda victim: victim.stop())

    def _end(self, fault: Fault, end: Callable[[Victim], None]) -> None:
        victim = self._process(fault.victim)
        end(victim)
        time.sleep(fault.hold_s)
        victim.start()

    def _freeze(self, fault: Fault) -> None:
        pids = _pids(self._process(fault.victim))
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            time.sleep(fault.hold_s)
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)

    def _process(self, name: str) -> Victim:
        world = self._world
        victims: dict[str, Victim] = {each.name: each for each in world.processes}
        victims |= {"broker": world.broker, **world.broker.servers, "database": world.store}
        return victims[name]

    # ---- the network

    def _cut(self, fault: Fault) -> None:
        self._link(fault.victim).cut()

    def _weather(self, fault: Fault) -> None:
        link = self._link(fault.victim)
        weather = {
            Kind.REFUSE: Weather(refuses=True),
            Kind.HOLD: Weather(holds=True),
            Kind.SWALLOW: Weather(swallows=True),
            Kind.DELAY: Weather(delay_s=fault.size / 200),
            Kind.THROTTLE: Weather(bytes_per_s=fault.size * 1000.0),
        }[fault.kind]
        link.change(weather)
        if fault.kind is Kind.REFUSE:
            link.cut()
        time.sleep(fault.hold_s)
        link.clear()

    def _half_open(self, fault: Fault) -> None:
        link = self._link(fault.victim)
        link.half_open()
        time.sleep(fault.hold_s)
        link.clear()

    def _truncate(self, fault: Fault) -> None:
        self._link(fault.victim).truncate(Way.UP if fault.size % 2 else Way.DOWN)

    def _flip(self, fault: Fault) -> None:
        """Flip bits on the way that packs go: nothing but TLS could see them in an answer of the database."""
        link = self._link(fault.victim)
        link.flip(Way.UP if fault.victim == "edge-broker" else Way.DOWN, 1 + fault.size % 4)

    def _link(self, name: str) -> Proxy:
        return next(each for each in self._world.proxies if each.name == name)

    # ---- the database

    def _lock_table(self, fault: Fault) -> None:
        modes = ("ACCESS EXCLUSIVE", "SHARE", "SHARE ROW EXCLUSIVE", "EXCLUSIVE")
        mode = sql.SQL(modes[fault.size % len(modes)])
        self._holding(sql.SQL("LOCK TABLE {} IN {} MODE").format(sql.Identifier(fault.victim), mode), fault.hold_s)

    def _lock_rows(self, fault: Fault) -> None:
        self._holding(sql.SQL("SELECT FROM {} FOR UPDATE").format(sql.Identifier(fault.victim)), fault.hold_s)

    def _holding(self, statement: sql.Composed, hold_s: float) -> None:
        with suppress(psycopg.OperationalError, psycopg.InterfaceError), self._direct() as connection:
            connection.execute("SET lock_timeout = '5s'")
            with suppress(psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
                connection.execute(statement)
            time.sleep(hold_s)
            connection.rollback()

    def _end_sessions(self, fault: Fault) -> None:
        with suppress(psycopg.OperationalError), self._direct() as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'siloscope%'"
            )

    def _direct(self) -> psycopg.Connection:
        return psycopg.connect(self._world.store.url, connect_timeout=3)

    def _back_up(self, fault: Fault) -> None:
        self._world.store.back_up()

    def _restore(self, fault: Fault) -> None:
        if not self._world.store.has_backup:
            self._world.store.back_up()
            time.sleep(_GROWS_OLD_S)
        self._before_restore()
        self.restores += 1
        self._world.store.restore()

    def _promote(self, fault: Fault) -> None:
        store = self._world.store
        replica = store.follow()
        time.sleep(_REPLICA_FOLLOWS_S)
        self._before_restore()  # it may lack what was committed last
        store.promote(replica)
        self._world.ingest_database.cut()
        self._world.jobs_database.cut()

    def _disk_full(self, fault: Fault) -> bool:
        if self._disk is None:
            return False
        names = self._on_disk(self._disk)
        with ExitStack() as end:
            for name in names:
                end.enter_context(self._alone(name))
            self._disk.fill()
            time.sleep(2 * fault.hold_s + 0.5)
            self._disk.make_room()
            for server in map(self._process, names):
                server.kill()  # it may have ended by itself, or be about to, or take nothing any more
                server.start()
        return True

    def _on_disk(self, disk: Disk) -> list[str]:
        if disk.holds == "store":
            return ["database"]
        return (list(self._world.broker.servers) or ["broker"]) if disk.holds == "broker" else []

    @contextmanager
    def _alone(self, victim: str) -> Iterator[None]:
        while not self.is_free(victim):
            time.sleep(0.02)
        try:
            yield
        finally:
            self.release(victim)

    # ---- cards and clocks

    def _copy_card(self, fault: Fault) -> None:
        node = self._node(fault.victim)
        with self._dead(node):
            self._cards[node.label] = self._copied(node, f"card-{node.label}")

    def _restore_card(self, fault: Fault) -> None:
        node = self._node(fault.victim)
        if node.label not in self._cards:
            self._copy_card(fault)
            time.sleep(_GROWS_OLD_S)
        copy = self._cards[node.label]
        with self._dead(node):
            spool = Path(node.directory) / SPOOL_FILE
            note_spool(Path(node.records), spool.parent)
            kept = {id for id, _ in read_spool(copy / SPOOL_FILE)}
            self.lost |= {id for id, _ in read_spool(spool)} - kept
            _put(copy, Path(node.directory))

    def _clone_card(self, fault: Fault) -> bool:
        node = self._node(fault.victim)
        crew = self._crew_of(node.label)
        if self._clones[crew.name] >= MOST_CLONES:
            return False
        self._clones[crew.name] += 1
        label = f"{node.label}-clone-{self._clones[crew.name]}"
        with self._dead(node):
            folder = self._copied(node, label)
            clone = msgspec.structs.replace(
                node, label=label, directory=str(folder), records=str(self._world.records / label)
            )
            crew.nodes.append(clone)
        return True

    @contextmanager
    def _dead(self, node: NodePlan) -> Iterator[None]:
        """Kill a node's fleet or agent, and start it again behind this; meanwhile no disk is full."""
        crew = self._crew_of(node.label)
        with self._alone("disk"):
            crew.kill()
            try:
                yield
            finally:
                crew.start()

    def _copied(self, node: NodePlan, name: str) -> Path:
        folder = self._world.spools / name
        folder.mkdir(exist_ok=True)
        _put(Path(node.directory), folder)
        return folder

    def _step_clock(self, fault: Fault) -> None:
        chance = random.Random(fault.seed)
        fleet = self._fleet_of(fault.victim)
        step_ms = chance.choice(_STEPS_MS) * chance.choice((-1, 1))
        fleet.control.steps_ms[fault.victim] = step_ms if step_ms < 86_400_000 else 86_000_000
        fleet.tell()
        time.sleep(1 + fault.hold_s)
        fleet.control.steps_ms.pop(fault.victim, None)
        fleet.tell()

    def _wild_clock(self, fault: Fault) -> None:
        fleet = self._fleet_of(fault.victim)
        fleet.control.wild[fault.number] = (fault.victim, fault.size, fault.seed)
        fleet.tell()
        mark, until_s = taken(fleet.control_file, fault.number), time.monotonic() + _BURST_WITHIN_S
        while not mark.exists() and time.monotonic() < until_s:
            time.sleep(0.05)
        time.sleep(_BURST_SPOOLED_S + fault.size / _BURST_PER_S)  # killed before that, it would spool little of it

    def _misbehave(self, fault: Fault) -> None:
        misbehave(self._world, fault)

    def _fleet_of(self, label: str) -> Fleet:
        return next(fleet for fleet in self._world.fleets if any(node.label == label for node in fleet.nodes))

    def _crew_of(self, label: str) -> Fleet | Agents:
        return next(crew for crew in self._world.crews if any(node.label == label for node in crew.nodes))

    def _node(self, label: str) -> NodePlan:
        return next(node for node in self._world.nodes if node.label == label)


def _put(source: Path, target: Path) -> None:
    """Replace a card's files by those of another folder."""
    for old in filter(Path.is_file, target.iterdir()):
        old.unlink()
    for file in filter(Path.is_file, source.iterdir()):
        shutil.copy(file, target / file.name)


def _pids(victim: Victim) -> list[int]:
    if isinstance(victim, Service):
        return [victim._process.pid]
    if isinstance(victim, OwnServer):
        return [victim.pid]
    assert isinstance(victim, Fleet | Agents), "the database's own processes are not frozen"
    return victim.pids


_DEEDS: dict[Kind, Callable[[Harm, Fault], bool | None]] = {
    Kind.KILL: Harm._kill,
    Kind.STOP: Harm._stop,
    Kind.FREEZE: Harm._freeze,
    Kind.CUT: Harm._cut,
    **dict.fromkeys((Kind.REFUSE, Kind.HOLD, Kind.SWALLOW, Kind.DELAY, Kind.THROTTLE), Harm._weather),
    Kind.HALF_OPEN: Harm._half_open,
    Kind.TRUNCATE: Harm._truncate,
    Kind.FLIP: Harm._flip,
    Kind.LOCK_TABLE: Harm._lock_table,
    Kind.LOCK_ROWS: Harm._lock_rows,
    Kind.END_SESSIONS: Harm._end_sessions,
    Kind.CLOCK_STEP: Harm._step_clock,
    Kind.CLOCK_WILD: Harm._wild_clock,
    **dict.fromkeys(
        (Kind.DUPLICATED, Kind.REORDERED, Kind.DELAYED, Kind.CUT_SHORT, Kind.FLIPPED, Kind.PLAIN), Harm._misbehave
    ),
    Kind.DISK_FULL: Harm._disk_full,
    Kind.BACKUP: Harm._back_up,
    Kind.RESTORE: Harm._restore,
    Kind.PROMOTE: Harm._promote,
    Kind.CARD_COPY: Harm._copy_card,
    Kind.CARD_RESTORED: Harm._restore_card,
    Kind.CARD_CLONED: Harm._clone_card,
}
_HOLDING = {
    Kind.KILL,
    Kind.STOP,
    Kind.FREEZE,
    Kind.CUT,
    Kind.REFUSE,
    Kind.HOLD,
    Kind.SWALLOW,
    Kind.HALF_OPEN,
    Kind.DELAY,
    Kind.THROTTLE,
    Kind.TRUNCATE,
    Kind.FLIP,
    Kind.CLOCK_STEP,
}
