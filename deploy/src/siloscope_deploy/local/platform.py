"""Bringing the platform up, in an order in which everybody finds what it needs."""

import asyncio
import os
import shlex
import signal
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Any

from siloscope_contract import streams
from siloscope_contract.topics import NodeName
from siloscope_deploy.local import children, endpoints, provisioning
from siloscope_deploy.local.addresses import Addresses
from siloscope_deploy.local.child import Child
from siloscope_deploy.local.edge_config import edge_config
from siloscope_deploy.local.endpoints import Endpoints
from siloscope_deploy.local.home import Home, write_private
from siloscope_deploy.local.keyring import Keyring
from siloscope_deploy.local.screen import Screen
from siloscope_deploy.local.settings import UpSettings
from siloscope_deploy.local.supervisor import Supervisor
from siloscope_deploy.servers.nats import NatsServer
from siloscope_deploy.servers.postgres import PostgresServer
from siloscope_firmware_sim.farm import default_world_file
from siloscope_gateway.credentials import Credential
from siloscope_gateway.principals import Principal
from siloscope_process.clock import Clock

_USUAL_MQTT_PORT = 1883
_USUAL_OPERATIONS_PORTS = {"ingest": 9101, "sim": 9103, "jobs": 9104, "mirror": 9107, "alerting": 9108, "gateway": 9109}
_USUAL_EDGE_OPERATIONS_PORT = 9102
_LOOK_FOR_CREDENTIALS_S = 2


class Platform:
    """Everything that `siloscope up` runs.

    Args:
        home: Where it keeps its things.
        settings: What the person asked for.
        supervisor: Runs the processes.
        screen: Shows progress.
        clock: Time.
        mirror: Settings of the mirror, which runs where there are any.
        alerting: Settings of alerting beside those that follow from the platform.
    """

    def __init__(
        self,
        home: Home,
        settings: UpSettings,
        supervisor: Supervisor,
        screen: Screen,
        clock: Clock,
        mirror: Mapping[str, str],
        alerting: Mapping[str, str],
    ) -> None:
        self._home = home
        self._supervisor = supervisor
        self._screen = screen
        self._clock = clock
        self._mirror = dict(mirror)
        self._alerting = dict(alerting)
        self._workers = range(1, settings.ingest_workers + 1)
        self._world = (settings.world or default_world_file()).absolute()
        self._logging = {"SILOSCOPE_LOG": settings.log, "SILOSCOPE_LOG_LEVEL": settings.log_level}
        addresses = Addresses(home.run / "ports.json")
        self.http_port = addresses.demanded("http", settings.http_port, "SILOSCOPE_HTTP_PORT")
        self._mqtt_port = (
            addresses.port("mqtt", usual=_USUAL_MQTT_PORT)
            if settings.mqtt_port is None
            else addresses.demanded("mqtt", settings.mqtt_port, "SILOSCOPE_MQTT_PORT")
        )
        self._addresses = addresses
        self._postgres = PostgresServer(home.postgres, addresses.port("postgres"))
        self._nats = NatsServer(home.nats, [], self._mqtt_port)

    @property
    def url(self) -> str:
        """Where the web page is."""
        return f"http://127.0.0.1:{self.http_port}"

    @property
    def mqtt_url(self) -> str:
        """Where the broker is, without a credential."""
        return self._nats.url

    @property
    def data_elsewhere(self) -> Path | None:
        """Where the database is, where it could not be in the home."""
        return None if self._postgres.directory == self._home.postgres else self._postgres.directory

    async def start(self) -> None:
        """Start everything; return when all of it is ready.

        Raises:
            ServerFailed: A process ended or was not ready in time.
        """
        await _together(self._start_database(), self._start_simulator())
        found = endpoints.read(self._home.simulator / "endpoints.json")
        keyring = await self._provision(found)
        await self._start_broker()
        self._write_environment()
        await _together(
            *(self._start_ingest(number, keyring.credential(Principal.ingest())) for number in self._workers),
            self._start_jobs(),
            *([self._start_mirror()] if self._mirror else []),
            self._start_alerting(),
            self._start_gateway(keyring.credential(Principal.gateway())),
            self._start_api(found.organisation),
            *(self._start_edge(NodeName.of(found.organisation, *node), found, keyring) for node in found.nodes),
        )

    async def follow_credentials(self) -> None:
        """Tell the broker of credentials that were added or revoked since, until cancelled."""
        store = provisioning.recognitions(self._postgres.services_url)
        admitted = await asyncio.to_thread(store.living)
        while True:
            await self._clock.sleep(_LOOK_FOR_CREDENTIALS_S)
            living = await asyncio.to_thread(provisioning.living_or_none, store)
            if living is not None and living != admitted and (pid := self._supervisor.pids.get("nats")):
                self._nats.configure(living)
                os.kill(pid, signal.SIGHUP)
                admitted = living
                self._screen.tell(f"broker: {len(living)} credentials may connect now")

    async def _start_database(self) -> None:
        with self._screen.step("database (PostgreSQL)"):
            await asyncio.to_thread(self._postgres.prepare)
            await self._supervisor.start(children.postgres(self._postgres))
        with self._screen.step("database schema", "up to date"):
            await asyncio.to_thread(provisioning.migrate, self._postgres.services_url)

    async def _start_simulator(self) -> None:
        port = self._operations_port("sim", _USUAL_OPERATIONS_PORTS["sim"])
        sim = children.simulator(self._world, self._home.simulator, port, self._environ())
        await self._start(sim, "simulated instruments")

    async def _provision(self, found: Endpoints) -> Keyring:
        with self._screen.step("sites and credentials", "known"):
            return await asyncio.to_thread(
                provisioning.provision, self._postgres.services_url, found, self._home.secrets, self._clock.now()
            )

    async def _start_broker(self) -> None:
        living = await asyncio.to_thread(provisioning.recognitions(self._postgres.services_url).living)
        self._nats.configure(living)
        await self._start(children.nats(self._nats), "broker (NATS, MQTT)")

    def _write_environment(self) -> None:
        """Write what a person's own `siloscope` commands need in order to find this platform."""
        found = {
            "DATABASE_URL": self._postgres.services_url,
            "HTTP_PORT": str(self.http_port),
            "HOME": str(self._home.root),
            "ARCHIVE_DIRECTORY": str(self._home.archive),
        }
        lines = [f"export SILOSCOPE_{name}={shlex.quote(value)}\n" for name, value in found.items()]
        write_private(self._home.environment, "".join(lines))

    async def _start_ingest(self, number: int, credential: Credential) -> None:
        """Start a worker; the first of them keeps the name, and so the broker's session, that it has when alone.

        A home that ever had several keeps their stream: it captures every sample, and one worker must empty it too.
        """
        name = "ingest" if number == 1 else f"ingest-{number}"
        told = {
            "SILOSCOPE_DATABASE_URL": self._postgres.services_url,
            "SILOSCOPE_MQTT_URL": self._nats.url_for(credential),
            "SILOSCOPE_INGEST_WORKER": "main" if number == 1 else f"main-{number}",
        }
        if len(self._workers) > 1 or self._nats.keeps(streams.STREAM):
            told |= {"SILOSCOPE_NATS_URL": self._nats.client_url, "SILOSCOPE_NATS_REPLICAS": "1"}
        usual = _USUAL_OPERATIONS_PORTS["ingest"] if number == 1 else None
        port = self._operations_port(name, usual)
        await self._start(children.ingest(name, port, self._environ(told)), name)

    async def _start_jobs(self) -> None:
        port = self._operations_port("jobs", _USUAL_OPERATIONS_PORTS["jobs"])
        told = {
            "SILOSCOPE_DATABASE_URL": self._postgres.services_url,
            "SILOSCOPE_ARCHIVE_DIRECTORY": str(self._home.archive),
        }
        await self._start(children.jobs(port, self._environ(told)), "jobs")

    async def _start_mirror(self) -> None:
        port = self._operations_port("mirror", _USUAL_OPERATIONS_PORTS["mirror"])
        told = {**self._mirror, "SILOSCOPE_DATABASE_URL": self._postgres.services_url}
        await self._start(children.mirror(port, self._environ(told)), "mirror")

    async def _start_alerting(self) -> None:
        port = self._operations_port("alerting", _USUAL_OPERATIONS_PORTS["alerting"])
        told = {"SILOSCOPE_PUBLIC_URL": self.url, **self._alerting}
        told["SILOSCOPE_DATABASE_URL"] = self._postgres.services_url
        await self._start(children.alerting(port, self._environ(told)), "alerting")

    async def _start_gateway(self, credential: Credential) -> None:
        port = self._operations_port("gateway", _USUAL_OPERATIONS_PORTS["gateway"])
        told = {
            "SILOSCOPE_DATABASE_URL": self._postgres.services_url,
            "SILOSCOPE_MQTT_URL": self._nats.url_for(credential),
        }
        await self._start(children.gateway(port, self._environ(told)), "gateway")

    async def _start_api(self, organisation: str) -> None:
        told = {
            "SILOSCOPE_DATABASE_URL": self._postgres.services_url,
            "SILOSCOPE_HOME": str(self._home.root),
            "SILOSCOPE_ORGANISATION": organisation,
        }
        await self._start(children.api(self.http_port, self._environ(told)), "API and web page")

    async def _start_edge(self, node: NodeName, found: Endpoints, keyring: Keyring) -> None:
        folder = self._home.edges / f"{node.site}.{node.node}"
        folder.mkdir(exist_ok=True)
        principal = Principal.of_node(node)
        text = edge_config(
            node,
            found.of_node(node.site, node.node),
            mqtt_port=self._mqtt_port,
            username=keyring.credential(principal).username,
            password_file=keyring.password_file(principal),
            data=folder / "data",
        )
        write_private(folder / "edge.yaml", text)
        name = f"edge-{node.site}-{node.node}"
        port = self._operations_port(name, _USUAL_EDGE_OPERATIONS_PORT)
        await self._start(children.edge(name, folder / "edge.yaml", port, self._environ()), f"edge agent {node.node}")

    async def _start(self, child: Child, title: str) -> None:
        with self._screen.step(title):
            await self._supervisor.start(child)

    def _operations_port(self, name: str, usual: int | None) -> int:
        return self._addresses.port(f"{name} operations", usual=usual)

    def _environ(self, more: dict[str, str] | None = None) -> dict[str, str]:
        return {**self._logging, "HOME": str(self._home.root), **(more or {})}


async def _together(*steps: Coroutine[Any, Any, None]) -> None:
    """Run steps side by side; the first that fails ends the others, and its own error is raised."""
    try:
        async with asyncio.TaskGroup() as group:
            for step in steps:
                group.create_task(step)
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None
