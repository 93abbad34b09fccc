from pathlib import Path

import msgspec
import pytest

from siloscope_contract.topics import NodeName
from siloscope_deploy.local import endpoints
from siloscope_deploy.local.edge_config import edge_config
from siloscope_deploy.local.endpoints import EndpointsUnreadable
from siloscope_edge import installation
from siloscope_firmware_sim import world_file
from siloscope_firmware_sim.endpoints import described
from siloscope_firmware_sim.farm import default_world_file


@pytest.fixture
def shipped(tmp_path: Path) -> endpoints.Endpoints:
    """The endpoints of the shipped world, as the simulator describes it before its ports are open."""
    world = described(world_file.load(default_world_file()))
    for number, bus in enumerate(world["buses"]):
        for transport, address in bus["transport"].items():
            bus["transport"][transport] = _opened(transport, address, number)
    (tmp_path / "endpoints.json").write_bytes(msgspec.json.encode(world))
    return endpoints.read(tmp_path / "endpoints.json")


def _opened(transport: str, address: dict[str, object], number: int) -> dict[str, object]:
    if transport == "modbus_tcp":
        return {**address, "port": 15000 + number}
    return {**address, "port": f"/run/tty/{number}"}


def test_missing_endpoints_are_named(tmp_path: Path) -> None:
    with pytest.raises(EndpointsUnreadable, match=r"endpoints\.json.*expected what `siloscope sim run` writes"):
        endpoints.read(tmp_path / "endpoints.json")


def test_the_edge_reads_every_instrument_of_the_shipped_world(tmp_path: Path, shipped: endpoints.Endpoints) -> None:
    for site, node in shipped.nodes:
        buses = shipped.of_node(site, node)
        text = edge_config(
            NodeName.of(shipped.organisation, site, node),
            buses,
            mqtt_port=1883,
            username="node.1",
            password_file=tmp_path / "password",
            data=tmp_path / "data",
        )
        file = tmp_path / f"{node}.yaml"
        file.write_text(text)
        read = installation.read(file)
        wanted = {bus.name: tuple(each.name for each in bus.instruments) for bus in buses}
        assert {bus: tuple(each.name for each in found) for bus, found in read.instruments.items()} == wanted
