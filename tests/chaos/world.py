"""Everything that a campaign harms: broker, database, ingest, jobs, fleets and agents, proxies between them."""

import importlib.util
import os
import re
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import msgspec

from siloscope_contract.packs import Form
from siloscope_contract.topics import NodeName
from siloscope_deploy.servers.ports import LOOPBACK
from siloscope_deploy.servers.server_process import ServerProcess, last_lines
from tests.chaos.agents import WORLD, Agents
from tests.chaos.brokers import Broker
from tests.chaos.disk import Disk
from tests.chaos.fleet import Control, FleetPlan, NodePlan
from tests.chaos.proxy import Proxy
from tests.chaos.stores import Store
from tests.system.platform import SILOSCOPE, Service, wait_until

ROOT = Path(__file__).parents[2]
# A long campaign can be run on a copy of the sources, whatever is edited meanwhile.
_SOURCES = {"PYTHONPATH": os.environ["PYTHONPATH"]} if "PYTHONPATH" in os.environ else {}
ORG, SITE = "demo", "hill-farm"
ZONE = "Asia/Kolkata"  # half an hour off the UTC hours
_LAYOUT = f"""\
organisations:
  - slug: {ORG}
    name: Demo
    sites:
      - {{slug: {SITE}, name: Hill farm, time_zone: {ZONE}, latitude: 28.6, longitude: 77.2}}
"""
# Names that no single flipped bit turns into each other.
NODE_NAMES = ("alder", "birch", "cedar", "douglas", "elm", "fir", "gorse", "hazel", "ivy", "juniper", "kapok", "larch")
AGENT_NAMES = ("willow", "yew", "zelkova")
_DISK_TAKES_NOTHING = re.compile(r"data_directory .*(disk is full|No space left|; 0\.\d of \d+ MB are free)")
_READY_WITHIN_S = 60.0  # a cluster elects its leaders first


class Fleet:
    """A process of many nodes."""

    def __init__(self, name: str, folder: Path, nodes: list[NodePlan], broker_port: int, patience: float) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self.nodes = nodes
        self._plan = folder / f"{name}.json"
        self.control_file = folder / f"{name}.control"
        self._broker_port = broker_port
        self._patience = patience
        self.control = Control()
        self.tell()
        argv = [sys.executable, "-m", "tests.chaos.fleet", str(self._plan)]
        environ = {"PYTHONPATH": f"{ROOT}:{_SOURCES.get('PYTHONPATH', '')}", "HOME": str(folder)}
        self._process = ServerProcess(name, argv, log=self.log, environ=environ)

    def start(self) -> None:
        """Start it with the nodes that it has by now."""
        plan = FleetPlan(self._broker_port, str(self.control_file), self._patience, self.nodes)
        self._plan.write_bytes(msgspec.json.encode(plan))
        self._process.start()

    def stop(self) -> None:
        """End it by SIGTERM."""
        self._process.stop()

    def kill(self) -> None:
        """End it by SIGKILL."""
        self._process.kill()

    @property
    def running(self) -> bool:
        """Whether it runs."""
        return self._process.running

    @property
    def pids(self) -> list[int]:
        """Its process id."""
        return [self._process.pid]

    def be_quiet(self) -> None:
        """Have nothing new read, by clocks that are right again."""
        self.control.quiet = True
        self.control.steps_ms.clear()
        self.tell()

    def tell(self) -> None:
        """Let the process know what its clocks do."""
        partial = self.control_file.with_suffix(".partial")
        partial.write_bytes(msgspec.json.encode(self.control))
        partial.rename(self.control_file)


class World:
    """The parts, running; leaving it ends every process.

    Args:
        home: Folder for everything.
        broker_kind: "nats", "mosquitto" or "nats-cluster".
        store_kind: "postgres" or "timescale".
        workers: How many ingest processes.
        fleet_sizes: How many nodes each fleet has.
        agents: How many nodes are the whole agent beside them.
        patience: Share of the product's own pauses that nodes wait.
        form: Of the packs of one node; all others write the usual one.
        disk: A small disk for the database, the broker, or the spools of a fleet's last node and of all agents.

    Raises:
        Unavailable: A component is missing.
    """

    def __init__(
        self,
        home: Path,
        broker_kind: str,
        store_kind: str,
        *,
        workers: int = 1,
        fleet_sizes: tuple[int, ...] = (6, 4),
        agents: int = 0,
        patience: float = 0.1,
        disk: Disk | None = None,
        form: Form = Form.ZLIB,
    ) -> None:
        self.home = home
        self.records = home / "records"
        self.spools = home / "spools"
        self.broker = Broker(broker_kind, disk.folder if disk and disk.holds == "broker" else home)
        self.store = Store(store_kind, home, disk if disk and disk.holds == "store" else None)
        self.ended: list[str] = []
        self._patience = patience
        self._form = form
        self._workers = workers
        self._end = ExitStack()
        self.edge_broker = Proxy("edge-broker", *self.broker.ports)
        self.ingest_broker = Proxy("ingest-broker", *self.broker.ports)
        ports = self.broker.stream_ports
        self.ingest_stream = Proxy("ingest-stream", *ports) if ports else None
        self.ingest_database = Proxy("ingest-database", self.store.server.port)
        self.jobs_database = Proxy("jobs-database", self.store.server.port)
        self.store.on_moved = self._moved
        self.workers: list[Service] = []
        self.jobs: Service | None = None
        self.fleets = self._fleets(fleet_sizes)
        spools = disk.folder if disk and disk.holds == "edge" else self.spools
        self.agents = [self._agent(name, spools) for name in AGENT_NAMES[:agents]]
        if disk and disk.holds == "edge":
            last = self.fleets[-1].nodes.pop()
            self.fleets[-1].nodes.append(msgspec.structs.replace(last, directory=str(disk.folder / "spool")))
        self.site_credential()

    @property
    def proxies(self) -> list[Proxy]:
        """Every proxy."""
        stream = [self.ingest_stream] if self.ingest_stream else []
        return [self.edge_broker, self.ingest_broker, *stream, self.ingest_database, self.jobs_database]

    @property
    def processes(self) -> "list[Service | Fleet | Agents]":
        """Every process of ours, but the simulator."""
        return [*self.services, *self.fleets, *self.agents]

    @property
    def services(self) -> list[Service]:
        """Every service of ours that serves all nodes."""
        return [*self.workers, *([self.jobs] if self.jobs else [])]

    @property
    def crews(self) -> "list[Fleet | Agents]":
        """All that nodes run in."""
        return [*self.fleets, *self.agents]

    @property
    def nodes(self) -> list[NodePlan]:
        """Every node."""
        return [node for crew in self.crews for node in crew.nodes]

    def __enter__(self) -> "World":
        """Start everything."""
        try:
            self._enter()
        except BaseException:
            self._end.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """End everything, the newest first."""
        self._end.close()

    def run_once(self, *arguments: str) -> str:
        """Run a `siloscope` command to its end and return what it printed."""
        environ = {"SILOSCOPE_DATABASE_URL": self.store.url, "HOME": str(self.home), **_SOURCES}
        ended = subprocess.run([str(SILOSCOPE), *arguments], env=environ, capture_output=True, text=True, check=False)
        assert ended.returncode == 0, f"siloscope {' '.join(arguments)}: {ended.stderr}"
        return ended.stdout

    def revive(self, service: "Service | Fleet | Agents") -> None:
        """Start again what ended by itself, and remember that it did, unless an agent's disk takes nothing."""
        said = " | ".join(last_lines(service.log, 3))
        if not (isinstance(service, Agents) and _DISK_TAKES_NOTHING.search(said)):
            self.ended.append(f"{service.name}: {said}")
        service.start()

    def credential(self, name: tuple[str, str, str]) -> tuple[str, str]:
        """Return a node's user name and password."""
        found = self.broker.of_node(NodeName.of(*name))
        return found.username, found.password

    def site_credential(self) -> tuple[str, str]:
        """Return user name and password of the site's plain devices."""
        found = self.broker.of_site(NodeName.of(ORG, SITE, NODE_NAMES[0]))
        return found.username, found.password

    def _enter(self) -> None:
        for proxy in self.proxies:
            self._end.callback(proxy.release)
        for server in (self.store, self.broker):
            server.start()
        self._end.callback(self.store.close)
        self._end.callback(self.broker.stop)
        for proxy in self.proxies:
            self._end.enter_context(proxy)
        layout = self.home / "layout.yaml"
        layout.write_text(_LAYOUT)
        self.run_once("db", "migrate")
        self.run_once("db", "apply", str(layout))
        for number in range(self._workers):
            self.workers.append(
                self._service(f"ingest-{number}", "ingest", self.ingest_database, self._sharing(number))
            )
        if importlib.util.find_spec("siloscope_ingest.jobs") is not None:
            self.jobs = self._service("jobs", "jobs", self.jobs_database, {"SILOSCOPE_ROLLUP_GRACE_S": "1"})
        for service in self.workers:
            wait_until(service.says_ready, f"{service.name} is ready", _READY_WITHIN_S)
        if self.agents:
            self._start_simulator()
        for crew in self.crews:
            crew.start()
            self._end.callback(crew.kill)

    def _sharing(self, number: int) -> dict[str, str]:
        told = {
            "SILOSCOPE_MQTT_URL": self.broker.ingest_url(self.ingest_broker.port),
            "SILOSCOPE_INGEST_WORKER": f"w{number}",
        }
        if self.ingest_stream is not None:
            told["SILOSCOPE_NATS_URL"] = f"nats://{LOOPBACK}:{self.ingest_stream.port}"
        elif self._workers > 1 and self.broker.kind == "mosquitto":
            told["SILOSCOPE_INGEST_SHARED_GROUP"] = "chaos"
        return told

    def _start_simulator(self) -> None:
        arguments = ["sim", "run", "--world", str(WORLD), "--runtime-dir", str(self._endpoints.parent)]
        simulator = Service(self.home, "sim", arguments, _SOURCES, self._endpoints.exists)
        simulator.start()
        self._end.callback(simulator.kill)
        simulator.wait_ready()

    def _service(self, name: str, command: str, database: Proxy, environ: dict[str, str]) -> Service:
        told = {"SILOSCOPE_DATABASE_URL": self.store.url_through(database.port), **_SOURCES, **environ}
        service = Service(self.home, name, [command], told)
        service.start()
        self._end.callback(service.kill)
        return service

    def _fleets(self, sizes: tuple[int, ...]) -> list[Fleet]:
        names = iter(NODE_NAMES)
        fleets = []
        for at, size in enumerate(sizes):
            nodes = [self._node(next(names), at, number) for number in range(size)]
            fleets.append(Fleet(f"fleet-{at}", self.home, nodes, self.edge_broker.port, self._patience))
        return fleets

    def _agent(self, name: str, spools: Path) -> Agents:
        node = msgspec.structs.replace(self._plan(name), directory=str(spools / name), is_agent=True)
        return Agents(self.home, node, self.edge_broker.port, self._patience, self._endpoints, _SOURCES)

    @property
    def _endpoints(self) -> Path:
        return self.home / "sim" / "endpoints.json"

    def _plan(self, name: str) -> NodePlan:
        full = (ORG, SITE, name)
        username, password = self.credential(full)
        return NodePlan(name, full, str(self.spools / name), str(self.records / name), username, password)

    def _node(self, name: str, fleet: int, number: int) -> NodePlan:
        plan = self._plan(name)
        if fleet == 0:
            return plan
        oddities: list[dict[str, object]] = [
            {"hours_back": 50.0, "pace": 120.0, "period_s": 1.0},  # days go by: for roll-ups
            {"keep_committed_s": 2.0},
            {"max_bytes": 262_144},
            {"form": self._form},
        ]
        return msgspec.structs.replace(plan, **oddities[number % len(oddities)])

    def _moved(self, port: int) -> None:
        self.ingest_database.targets = self.jobs_database.targets = (port,)


def shown(world: World, lines: int = 15) -> str:
    """Return the ends of all logs."""
    logs = sorted(world.home.glob("*.log"))
    return "\n".join("\n".join([f"---- {log.name}", *last_lines(log, lines)]) for log in logs)
