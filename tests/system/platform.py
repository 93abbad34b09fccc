"""The whole platform as real processes, each started by the command that people use, on free ports under one folder."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

import httpx2
import yaml

from siloscope_contract.topics import NodeName
from siloscope_deploy.servers.ports import LOOPBACK, free_port
from siloscope_deploy.servers.server_process import ServerProcess, last_lines
from siloscope_gateway.principals import Principal
from tests.brokers import TestBroker
from tests.system.served import Served
from tests.system.stored import counts

SILOSCOPE = Path(sys.executable).parent / "siloscope"
WORLD = Path(__file__).parent / "world.yaml"
LAYOUT = Path(__file__).parent / "layout.yaml"
READY_WITHIN_S = 30.0
POLL_S = 0.05
SHOWN_LINES = 25


class Server(Protocol):
    """What can be killed and started again: the database, the broker, a service of ours."""

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def kill(self) -> None: ...


def wait_until(happened: Callable[[], bool], what: str, within_s: float = READY_WITHIN_S) -> None:
    """Return when it has happened; another process's state has no event to wait on."""
    deadline = time.monotonic() + within_s
    while not happened():
        assert time.monotonic() < deadline, f"{what}: not within {within_s:g} s"
        time.sleep(POLL_S)


def answers_ok(url: str) -> bool:
    """Return whether the URL answers 200."""
    try:
        return httpx2.get(url, timeout=1).status_code == 200
    except httpx2.HTTPError:
        return False


class Service:
    """One `siloscope` command as a process; ready when its /readyz says so (or when `ready` does)."""

    def __init__(
        self,
        folder: Path,
        name: str,
        arguments: list[str],
        environ: Mapping[str, str],
        ready: Callable[[], bool] | None = None,
        program: Sequence[str] = (str(SILOSCOPE),),
    ) -> None:
        self.name = name
        self.operations_port = free_port()
        self.log = folder / f"{name}.log"
        everywhere = {
            "SILOSCOPE_LOG": "json",
            "SILOSCOPE_OPS_PORT": str(self.operations_port),
            "HOME": str(folder),
            "PYTHONWARNINGS": "default",
        }
        self._ready = ready or self.says_ready
        self._process = ServerProcess(name, [*program, *arguments], log=self.log, environ={**everywhere, **environ})

    def start(self) -> None:
        """Start it and return at once; see `wait_ready`."""
        self._process.start()

    def wait_ready(self) -> None:
        """Return when it is ready."""
        wait_until(self._ready_or_ended, f"{self.name} is ready")

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

    def says_ready(self) -> bool:
        """Return whether its /readyz answers 200."""
        return answers_ok(f"http://{LOOPBACK}:{self.operations_port}/readyz")

    def _ready_or_ended(self) -> bool:
        if not self._process.running:
            raise self._process.failed("ended")
        return self._ready()


class Database(Server, Protocol):
    """A database server of our own."""

    @property
    def url(self) -> str: ...


class Platform:
    """Simulator, edge, broker, ingest, database and API; leaving it ends every process.

    Args:
        home: Folder for everything.
        broker: Not yet started.
        database: Not yet started; its database is empty.
        period_s: How often the edge reads each instrument.
    """

    def __init__(self, home: Path, *, broker: TestBroker, database: Database, node: NodeName, period_s: float) -> None:
        self.home = home
        self.broker = broker
        self.database = database
        self.node = node
        self._period_s = period_s
        self.http_port = free_port()
        self._end = ExitStack()

    def __enter__(self) -> "Platform":
        """Start everything in the order that a person would."""
        try:
            self._enter()
        except BaseException:
            self._end.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """End everything, the newest first, and print the logs' ends: pytest shows them where a test failed."""
        self._end.close()
        for log in sorted(self.home.glob("**/*.log")):
            print(f"---- {log.name}", *last_lines(log, SHOWN_LINES), sep="\n")

    def _enter(self) -> None:
        for server in (self.database, self.broker):
            server.start()
            self._end.callback(server.stop)
        self.run_once("db", "migrate")
        self.run_once("db", "apply", str(LAYOUT))
        runtime = self.home / "sim"
        endpoints = runtime / "endpoints.json"
        self.sim = self._service("sim", ["run", "--world", str(WORLD), "--runtime-dir", str(runtime)], endpoints.exists)
        self.ingest = self._service("ingest", [])
        self.api = self._service("api", [], self._api_answers)
        self.gateway: Service | None = None
        self.sim.wait_ready()
        config = self._written("edge.yaml", self._edge_config(json.loads(endpoints.read_text())))
        self.edge = self._service("edge", ["run", "--config", str(config)])
        self.wait_ready()

    def start_gateway(self) -> Service:
        """Start what takes to nodes what they should be and do."""
        told = {"SILOSCOPE_MQTT_URL": self.broker.gateway_url}
        self.gateway = self._service("gateway", ["serve"], environ=told)
        return self.gateway

    def start_second_ingest(self) -> Service:
        """Start another ingest beside the first, against the same broker and database, and return when it is ready."""
        service = self._service("ingest", [], name="ingest-2")
        service.wait_ready()
        return service

    def samples(self) -> int:
        """Return how many samples of measurements are stored."""
        return counts(self.database.url, "sample")["sample"]

    def run_once(self, *arguments: str) -> str:
        """Run a `siloscope` command to its end and return what it printed."""
        ended = subprocess.run(
            [str(SILOSCOPE), *arguments], env=self._environ(), capture_output=True, text=True, check=False
        )
        assert ended.returncode == 0, f"siloscope {' '.join(arguments)}: {ended.stderr}"
        return ended.stdout

    def _service(
        self,
        command: str,
        arguments: list[str],
        ready: Callable[[], bool] | None = None,
        name: str | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> Service:
        told = {**self._environ(), **(environ or {})}
        service = Service(self.home, name or command, [command, *arguments], told, ready)
        service.start()
        self._end.callback(service.stop)
        return service

    def _environ(self) -> dict[str, str]:
        return {
            "SILOSCOPE_HOME": str(self.home),
            "SILOSCOPE_DATABASE_URL": self.database.url,
            "SILOSCOPE_MQTT_URL": self.broker.ingest_url,
            "SILOSCOPE_HTTP_PORT": str(self.http_port),
        }

    def _api_answers(self) -> bool:
        return answers_ok(f"http://{LOOPBACK}:{self.http_port}/readyz")

    def _written(self, name: str, content: object) -> Path:
        path = self.home / name
        path.write_text(yaml.safe_dump(content))
        return path

    def _edge_config(self, endpoints: dict[str, Any]) -> dict[str, object]:
        credential = self.broker.credential(Principal.of_node(self.node))
        (self.home / "mqtt.password").write_text(credential.password)
        login = {"username": credential.username, "password_file": "mqtt.password"}
        return {
            "organisation": str(self.node.org),
            "site": str(self.node.site),
            "node": str(self.node.node),
            "mqtt": {"host": LOOPBACK, "port": self.broker.port, **login},
            "data_directory": "edge",
            "vitals_period_s": 1.0,
            "clock": {"source": "system"},
            "spool": {"commit_interval_s": 0.2},
            "buses": [self._bus(bus) for bus in endpoints["buses"]],
        }

    @property
    def spool(self) -> Path:
        """The edge's spool."""
        return self.home / "edge" / "spool.sqlite3"

    def served(self) -> Served:
        """Log in to the API with the login that it generated."""
        login = dict(line.split(": ", 1) for line in (self.home / "secrets" / "administrator").read_text().splitlines())
        return Served(f"http://{LOOPBACK}:{self.http_port}", login["username"], login["password"])

    def logs_with(self, text: str) -> list[str]:
        """Return the names of the logs that hold a text."""
        return [log.name for log in self.home.glob("*.log") if text in log.read_text(errors="replace")]

    def wait_ready(self) -> None:
        """Return when every service of ours is ready again."""
        for service in (self.ingest, self.api, self.edge):
            service.wait_ready()

    def _bus(self, bus: dict[str, Any]) -> dict[str, object]:
        devices = [
            {
                "name": instrument["name"],
                "profile": instrument["kind"],
                "period_s": self._period_s,
                **{key: instrument[key] for key in ("unit_id", "address") if key in instrument},
            }
            for instrument in bus["instruments"]
        ]
        return {"name": bus["name"], **bus["transport"], "devices": devices}
