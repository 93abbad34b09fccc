"""The agent: everything wired together for one installation. A test starts one in its own process."""

import asyncio
import secrets
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from siloscope_contract.topics import Kind, Topic
from siloscope_edge import announcing, vitals
from siloscope_edge.alarms import control
from siloscope_edge.alarms.actuator import Switch
from siloscope_edge.alarms.outputs import Output
from siloscope_edge.alarms.switches import Visit, Why, switch_for
from siloscope_edge.alarms.watch import AlarmWatch
from siloscope_edge.clock_guard import ClockGuard
from siloscope_edge.config import VITALS_DEVICE, Bus, Config, Mqtt
from siloscope_edge.directory import open_spool
from siloscope_edge.driver import Driver
from siloscope_edge.errors import SpoolFull, SpoolUnusable, Trouble
from siloscope_edge.gauging import Gauging
from siloscope_edge.guarding import GuardedBus
from siloscope_edge.installation import Installation
from siloscope_edge.instruments import Instrument
from siloscope_edge.keeper import Keeper
from siloscope_edge.link import Connect, connector
from siloscope_edge.machine import THIS_MACHINE
from siloscope_edge.machine_clocks import KernelUnasked, source_for
from siloscope_edge.metrics import Metrics
from siloscope_edge.onlooking import Onlookers
from siloscope_edge.outbox import Outbox
from siloscope_edge.page.local_page import LocalPage
from siloscope_edge.page.station import Station
from siloscope_edge.polling import Onlooker, Poller
from siloscope_edge.ports import InstrumentBus
from siloscope_edge.readers import Readers
from siloscope_edge.remote.conversation import Conversation
from siloscope_edge.remote.office import Office, Remote, Surroundings
from siloscope_edge.remote.site import RunningSite
from siloscope_edge.remote.way import Way, windows
from siloscope_edge.sender import Sender
from siloscope_edge.supervision import Supervisor, report_life
from siloscope_edge.timekeeping import keep_time
from siloscope_edge.watermark import Judge
from siloscope_process.clock import Clock
from siloscope_process.errors import Unavailable, WrongSetting
from siloscope_process.metrics import process_registry
from siloscope_process.operations import Health, OperationsServer

if TYPE_CHECKING:
    from siloscope_edge.tracing import PackTraces

_log = structlog.get_logger(__name__)
DEFAULT_OPERATIONS_PORT = 9102
_LAST_COMMIT_S = 2.5
_GOODBYE_S = 2.0


class Agent:
    """One installation, running.

    Args:
        installation: What to read and where to send it.
        password: Of the broker.
        clock: Tells when.
        operations_port: None takes the usual one, or any free one.
        supervisor: Told that the agent lives.
        traces: Makes spans of what is sent.
        remote: Configuration and commands from afar, where there is anybody who may give them.
    """

    def __init__(
        self,
        installation: Installation,
        password: str | None,
        clock: Clock,
        operations_port: int | None,
        supervisor: Supervisor | None = None,
        traces: "PackTraces | None" = None,
        remote: Remote | None = None,
    ) -> None:
        self._supervisor = supervisor or Supervisor()
        self._traces = traces
        self._remote = remote
        self._installation = installation
        self.office: Office | None = None
        self._alarms: AlarmWatch | None = None
        self._onlookers: list[Onlooker] = []
        self.restarts = False
        """Whether it ended in order to be started again."""
        self._password = password
        self._clock = clock
        try:
            self._source = source_for(installation.config.clock, clock)
        except KernelUnasked as error:
            expected = "clock.source: system, where somebody else keeps the clock right, or file"
            raise WrongSetting(f"clock.source kernel: {error}; expected {expected}") from error
        self._machine = THIS_MACHINE
        self._registry = process_registry()
        self._metrics = Metrics(self._registry)
        self.health = Health(["spool", "link"])
        page = self._config.page
        self.page = LocalPage(page, installation, clock) if page.enabled else None
        self._operations = OperationsServer(
            self.health, operations_port, self._registry, preferred_port=DEFAULT_OPERATIONS_PORT
        )

    @property
    def _config(self) -> Config:
        return self._installation.config

    async def run(self, stop: asyncio.Event) -> int:
        """Run until ``stop`` is set; return the exit code."""
        asyncio.get_running_loop().set_exception_handler(_log_stray)
        await self._operations.start()
        try:
            damage = None
            while not stop.is_set():
                try:
                    await self._live(stop, damage)
                except SpoolUnusable as error:
                    damage = str(error)
        finally:
            if not self.restarts:
                self._supervisor.tell("STOPPING=1")
            await self._operations.stop()
        return 0

    async def _live(self, stop: asyncio.Event, damage: str | None) -> None:
        """Run with one spool and one epoch: until ``stop``, or until the spool's file turns out to be damaged."""
        if self._remote is not None:
            self._installation = self._remote.standing.installation
        config = self._config
        try:
            directory = Path(config.data_directory)
            spool, gaps = open_spool(directory, config.spool, self._clock, damage, self._source, self._evicted())
        except SpoolFull as error:
            raise Unavailable(f"data_directory {config.data_directory}: {error}") from error
        session = secrets.token_hex(16)
        log = _log.bind(node=str(config.node_name), session=session, epoch=spool.epoch)
        log.info("agent_started", owed_packs=len(spool.owed()))
        guard = ClockGuard(self._source, config.clock, spool.boot_base, spool.newest_known_ms or 0)
        keeper = Keeper(spool, config.spool, self._clock, self._metrics, self.health, guard)
        self.health.set("spool", True)
        self._metrics.spool_bytes.set(spool.used_bytes())
        for gap in gaps:
            keeper.take_gap(gap)
        outbox = Outbox(windows(config.mqtt), spool.owed())
        conversation = Conversation(config.node_name)
        sender = self._sender(session, keeper, outbox, Judge(session, spool.epoch), guard, conversation)
        readers = Readers(self._installation, partial(self._poller, keeper), self._port)
        alarms = self._alarms = self._alarm_watch(readers, keeper, directory)
        self._onlookers = [*([self.page.board] if self.page is not None else []), alarms]
        working = [readers.run(), alarms.run(), control.serve(alarms, directory, self._clock)]
        gauging = Gauging(keeper, config.spool.max_bytes, guard, self._machine, self._clock, self._metrics)
        working.append(gauging.run())
        if config.vitals_period_s:
            working.append(self._vitals(keeper, outbox, gauging, config.vitals_period_s))
        if self.page is not None:
            seen = guard, keeper, outbox, sender, self._metrics, self.health
            station = Station(lambda: self._installation, self.page.board, self._clock, *seen)
            working.append(self.page.run(station, directory))
        if self._remote is not None:
            around = Surroundings(
                config.node_name, session, self._clock, guard, readers, keeper, outbox, self.health, self._registry
            )
            way = Way(sender, outbox, self._connect, config.mqtt)
            site = RunningSite(readers, way, self._port, partial(self._changed, keeper))
            self.office = Office(self._remote, around, site, conversation, partial(self._restart, stop))
            working += self.office.jobs()
        try:
            time = keep_time(guard, keeper, self._clock, self._metrics, self.health)
            life = report_life(self._supervisor, keeper, self.health, self._clock)
            if self._traces is not None:
                working.append(self._traces.run())
            await _until(stop, [*working, time, life, keeper.run()], sender.run(), keeper)
        finally:
            with suppress(SpoolFull, SpoolUnusable, TimeoutError):
                async with asyncio.timeout(_LAST_COMMIT_S):
                    await keeper.close()
        log.info("agent_stopped")

    def _connect(self, mqtt: Mqtt) -> Connect:
        client_id = f"silo-{secrets.token_hex(8)}"  # at most 23 characters: MQTT 3.1.1 promises no more
        connect = connector(mqtt, self._password, client_id)
        if self._traces is not None:
            connect = self._traces.over(connect, Topic(self._config.node_name, Kind.SAMPLES).text())
        return connect

    def _sender(
        self,
        session: str,
        keeper: Keeper,
        outbox: Outbox,
        judge: Judge,
        guard: ClockGuard,
        conversation: Conversation,
    ) -> Sender:
        config = self._config
        announced = announcing.devices(self._installation)
        return Sender(
            config.node_name,
            session,
            announced,
            keeper,
            outbox,
            judge,
            self._connect(config.mqtt),
            config.mqtt,
            self._clock,
            self._metrics,
            self.health,
            lambda: guard.state,
            conversation if self._remote is not None else None,
        )

    def _restart(self, stop: asyncio.Event) -> None:
        self.restarts = True
        stop.set()

    async def _changed(self, keeper: Keeper, installation: Installation) -> None:
        """Take in that other devices are read from now on."""
        self._installation = installation
        await keeper.evicts(self._evicted())
        if self._alarms is not None:
            await self._alarms.change_to(installation)

    def _evicted(self) -> list[str]:
        """Return the devices whose samples a full spool does not thin out."""
        instruments = [each for found in self._installation.instruments.values() for each in found]
        return [VITALS_DEVICE, *(each.name for each in instruments if each.device.when_full == "evict")]

    def _port(self, bus: Bus, driver: Driver, instruments: Sequence[Instrument]) -> InstrumentBus:
        return GuardedBus(bus, driver, instruments, self._clock, self._trouble)

    def _poller(self, keeper: Keeper, bus: Bus, driver: Driver, instruments: Sequence[Instrument]) -> Poller:
        return Poller(
            bus.name,
            self._port(bus, driver, instruments),
            instruments,
            self._clock,
            keeper.take,
            keeper.take_gap,
            self._metrics,
            self._source.boot_ms,
            Onlookers(self._onlookers),
        )

    def _alarm_watch(self, readers: Readers, keeper: Keeper, directory: Path) -> AlarmWatch:
        node = str(self._config.node_name)

        def owner(device: str) -> tuple[Visit, Instrument] | None:
            found = readers.owner_of(device)
            return (found[0].visit, found[1]) if found is not None else None

        def switch(output: Output, why: Why) -> Switch:
            return switch_for(output, owner, node, why)

        return AlarmWatch(
            self._installation,
            directory,
            switch,
            self._clock,
            self._metrics,
            keeper.take,
            keeper.take_gap,
            self._source.boot_ms,
        )

    def _trouble(self, device: str, kind: Trouble) -> None:
        self._metrics.trouble(device, kind)
        if self.page is not None:
            self.page.board.trouble(device, kind)

    async def _vitals(self, keeper: Keeper, outbox: Outbox, gauging: Gauging, period_s: float) -> None:
        directory = Path(self._config.data_directory)
        async for uptime_s in vitals.turns(self._clock, period_s, keeper.take_gap, self._source.boot_ms):
            found = await gauging.look()
            sample = vitals.sample(directory, self._source.boot_ms(), uptime_s, outbox.owed, found, self._machine)
            keeper.take(sample)
            if self.page is not None:
                self.page.board.saw(sample)
            gauging.tell(found)


def _log_stray(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Say in one line what a library let escape: the reading that it was about fails by its time-out."""
    _log.warning("stray_error", detail=context.get("message", ""), error=repr(context.get("exception")))


async def _until(
    stop: asyncio.Event, working: list[Coroutine[Any, Any, None]], sending: Coroutine[Any, Any, None], keeper: Keeper
) -> None:
    """Run all until ``stop``; then end the readers, commit what they brought, and end the sender last.

    Raises:
        Whatever one of them raised.
    """
    workers = [asyncio.ensure_future(each) for each in working]
    sender = asyncio.ensure_future(sending)
    stopping = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait((*workers, sender, stopping), return_when=asyncio.FIRST_COMPLETED)
        await _ended(workers)
        with suppress(SpoolFull, TimeoutError):
            async with asyncio.timeout(_LAST_COMMIT_S):
                await keeper.flush()
    finally:
        stopping.cancel()
        await _ended([*workers, sender], _GOODBYE_S)
    for task in (*workers, sender):
        if task.done() and not task.cancelled() and (error := task.exception()) is not None:
            raise error


async def _ended(tasks: Sequence[asyncio.Future[None]], timeout_s: float = 1.0) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks, timeout=timeout_s)
