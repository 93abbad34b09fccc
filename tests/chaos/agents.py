"""The whole `siloscope edge` as a sender: its processes, its card, and instruments of the simulator."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from siloscope_deploy.servers.ports import LOOPBACK
from tests.chaos.fleet import NodePlan
from tests.system.platform import Service

_ROOT = Path(__file__).parents[2]
WORLD = Path(__file__).parent / "instruments.yaml"
_PERIOD_S = 0.5
_RESEND_S, _PROBE_S = 5.0, 30.0


class Agents:
    """A node's agent, and those that run from clones of its card.

    Attributes:
        name: Of the node.
        nodes: Whose processes there are: the node's own, and clones.

    Args:
        folder: For configurations and logs.
        node: The node.
        broker_port: On 127.0.0.1.
        patience: Share of the product's own pauses that are waited.
        endpoints: Where the simulator says what can be read.
        environ: Of its processes, beside what each service of ours has.
    """

    def __init__(
        self,
        folder: Path,
        node: NodePlan,
        broker_port: int,
        patience: float,
        endpoints: Path,
        environ: Mapping[str, str],
    ) -> None:
        self.name = node.label
        self.nodes = [node]
        self._folder = folder
        self._broker_port = broker_port
        self._patience = patience
        self._endpoints = endpoints
        self._environ = environ
        self._services: dict[str, Service] = {}
        self._is_quiet = False

    def start(self) -> None:
        """Start every one that does not run."""
        for node in self.nodes:
            service = self._services.setdefault(node.label, self._service(node.label))
            if not service.running:
                self._config(node.label).write_text(yaml.safe_dump(self._told(node)))
                service.start()

    def stop(self) -> None:
        """End all by SIGTERM."""
        for service in self._services.values():
            service.stop()

    def kill(self) -> None:
        """End all by SIGKILL."""
        for service in self._services.values():
            service.kill()

    def be_quiet(self) -> None:
        """Have nothing new read: they start again, with the same spools and no instruments."""
        self._is_quiet = True
        self.stop()
        self.start()

    @property
    def running(self) -> bool:
        """Whether all run."""
        return all(service.running for service in self._services.values())

    @property
    def pids(self) -> list[int]:
        """Their process ids."""
        return [service._process.pid for service in self._services.values() if service.running]

    @property
    def log(self) -> Path:
        """The log of one that ended, where one did."""
        ended = [service for service in self._services.values() if not service.running]
        return (ended or [self._services[self.name]])[0].log

    def _service(self, label: str) -> Service:
        records = next(node.records for node in self.nodes if node.label == label)
        program = [sys.executable, "-m", "tests.chaos.noted_agent", records]
        arguments = ["edge", "run", "--config", str(self._config(label))]
        environ = {**self._environ, "PYTHONPATH": f"{_ROOT}:{self._environ.get('PYTHONPATH', '')}"}
        return Service(self._folder, label, arguments, environ, program=program)

    def _config(self, label: str) -> Path:
        return self._folder / f"{label}.yaml"

    def _told(self, node: NodePlan) -> dict[str, object]:
        password = self._folder / f"{node.label}.password"
        password.write_text(node.password)
        organisation, site, name = node.name
        return {
            "organisation": organisation,
            "site": site,
            "node": name,
            "mqtt": {
                "host": LOOPBACK,
                "port": self._broker_port,
                "username": node.username,
                "password_file": str(password),
                "keepalive_s": 5,
                "heartbeat_s": 5.0,
                "resend_after_s": _RESEND_S * self._patience,
                "probe_after_s": _PROBE_S * self._patience,
            },
            "data_directory": node.directory,
            "vitals_period_s": None if self._is_quiet else 1.0,
            "clock": {"source": "system"},
            "page": {"port": 0},
            "spool": {"commit_interval_s": 0.2, "max_bytes": node.max_bytes, "pack_form": node.form.value},
            "buses": [] if self._is_quiet else [_bus(bus) for bus in json.loads(self._endpoints.read_text())["buses"]],
        }


def _bus(bus: dict[str, Any]) -> dict[str, object]:
    devices = [
        {"name": each["name"], "profile": each["kind"], "period_s": _PERIOD_S, "unit_id": each["unit_id"]}
        for each in bus["instruments"]
    ]
    return {"name": bus["name"], **bus["transport"], "devices": devices}
