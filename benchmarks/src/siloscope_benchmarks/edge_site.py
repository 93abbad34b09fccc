"""An agent's site of simulated Modbus TCP devices: their process, and the configuration as one would write it."""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from siloscope_benchmarks.parts import EDGE, Broker


class Site(msgspec.Struct, frozen=True):
    """What an agent reads.

    Attributes:
        devices: How many, each on a port of its own.
        floats: How many floats each of them has, of two registers.
        floats_a_request: How many of them one request asks for at most.
        period_s: How often each is read.
    """

    devices: int = 100
    floats: int = 100
    floats_a_request: int = 50
    period_s: float = 1.0

    @property
    def readings_per_s(self) -> float:
        """How many readings a second it comes to."""
        return self.devices * self.floats / self.period_s

    @property
    def requests_per_s(self) -> float:
        """How many requests a second it takes."""
        return self.devices * -(-self.floats // self.floats_a_request) / self.period_s


@contextmanager
def answering(site: Site) -> Iterator[list[int]]:
    """Run the devices; yields their ports."""
    command = [sys.executable, "-m", "siloscope_benchmarks.modbus_devices", str(site.devices), str(site.floats)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
    finally:
        process.kill()
        process.communicate()


def write(
    site: Site, ports: Sequence[int], broker: Broker, operations_port: int, folder: Path, oftener: Sequence[float] = ()
) -> Path:
    """Write configuration, profile and password, and return the configuration's file.

    YAML's readers take JSON. Each value is checked against a range, for steps and for being stuck, and rounded.

    Args:
        site: What is read.
        ports: Where each device is; those with the same port share a line, and have unit ids from 1.
        broker: Where it goes.
        operations_port: Where the agent shows its metrics.
        folder: Gets the files, and the agent's data.
        oftener: Periods of the last devices, where they differ from the site's; these are named ``live1`` and so on.
    """
    usual = len(ports) - len(oftener)
    devices = [(f"d{at}", site.period_s) for at in range(usual)]
    devices += [(f"live{at}", period_s) for at, period_s in enumerate(oftener, start=1)]
    lines: dict[int, list[dict[str, object]]] = {}
    for (name, period_s), port in zip(devices, ports, strict=True):
        line = lines.setdefault(port, [])
        line.append({"name": name, "profile": "bench", "unit_id": len(line) + 1, "period_s": period_s})
    buses = [
        {"name": f"bus{at}", "modbus_tcp": {"host": "127.0.0.1", "port": port}, "devices": on_it}
        for at, (port, on_it) in enumerate(lines.items())
    ]
    profiles = folder / "profiles"
    profiles.mkdir(exist_ok=True)
    (profiles / "bench.yaml").write_text(json.dumps(_profile(site)))
    (folder / "password").write_text(broker.edge.password)
    config = {
        "organisation": str(EDGE.org),
        "site": str(EDGE.site),
        "node": str(EDGE.node),
        "mqtt": {
            "host": broker.host,
            "port": broker.port,
            "username": broker.edge.username,
            "password_file": "password",
        },
        "clock": {"source": "system"},
        "data_directory": "data",
        "operations_port": operations_port,
        "profile_directories": ["profiles"],
        "buses": buses,
    }
    file = folder / "edge.yaml"
    file.write_text(json.dumps(config))
    return file


def _profile(site: Site) -> dict[str, object]:
    return {
        "profile": "bench",
        "title": "Floats in holding registers",
        "protocol": "modbus",
        "period_s": site.period_s,
        "limits": {"registers_per_request": 2 * site.floats_a_request, "rest_s": 0, "timeout_s": 1.0},
        "channels": [
            {
                "key": f"t{at}",
                "table": "holding",
                "address": 2 * at,
                "type": "float32",
                "quantity": "temperature",
                "unit": "Cel",
                "valid": [-50, 150],
                "resolution": 0.1,
                "largest_step": 5,
                "stuck_after_s": 3600,
            }
            for at in range(site.floats)
        ],
    }
