"""The configuration file of one edge agent that reads the simulated instruments of its node."""

from pathlib import Path
from typing import Any

import yaml

from siloscope_contract.topics import NodeName
from siloscope_deploy.local.endpoints import Bus, Instrument
from siloscope_deploy.servers.ports import LOOPBACK


def edge_config(
    node: NodeName, buses: tuple[Bus, ...], *, mqtt_port: int, username: str, password_file: Path, data: Path
) -> str:
    """Return the YAML that `siloscope edge run --config` reads."""
    config = {
        "organisation": str(node.org),
        "site": str(node.site),
        "node": str(node.node),
        "mqtt": {"host": LOOPBACK, "port": mqtt_port, "username": username, "password_file": str(password_file)},
        "data_directory": str(data),
        # The agent runs on the machine whose database it writes to: there is no other clock to be wrong against.
        "clock": {"source": "system"},
        "buses": [_bus(bus) for bus in buses],
    }
    head = "# Written at every start of `siloscope up`; changes made here are lost.\n"
    return head + yaml.safe_dump(config, sort_keys=False, allow_unicode=True)


def _bus(bus: Bus) -> dict[str, Any]:
    return {"name": bus.name, **bus.transport, "devices": [_device(each) for each in bus.instruments]}


def _device(instrument: Instrument) -> dict[str, Any]:
    named = {"name": instrument.name, "profile": instrument.kind}
    optional = {
        "unit_id": instrument.unit_id,
        "address": instrument.address,
        "period_s": instrument.period_s,
        "title": instrument.title or None,
    }
    return {**named, **{key: value for key, value in optional.items() if value is not None}}
