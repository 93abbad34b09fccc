"""A simulated farm with every instrument that can stand in one, read by an edge as `siloscope up` configures it."""

from pathlib import Path
from typing import get_args

import msgspec
from prometheus_client import CollectorRegistry

from siloscope_contract.topics import NodeName
from siloscope_deploy.local import endpoints
from siloscope_deploy.local.edge_config import edge_config
from siloscope_edge import installation
from siloscope_edge.checking import DryRun
from siloscope_firmware_sim import description, world_file
from siloscope_firmware_sim.endpoints import of
from siloscope_firmware_sim.farm import Kind
from siloscope_firmware_sim.lines.traffic import Meter
from siloscope_firmware_sim.memory import Memory
from siloscope_firmware_sim.simulator import Simulator
from siloscope_process.clock import SystemClock

WORLD = """\
name: all-kinds
epoch: 2025-01-01T00:00:00Z
sites:
  - name: north
    title: North
    time_zone: Europe/Vienna
    latitude: 48.2
    longitude: 16.4
    node: pi
    places:
      - {kind: bin, name: bin, title: Bin, diameter_m: 6, eave_height_m: 5, cables: 3, levels: 3, grain_levels: 2,
         fan: {}}
      - {kind: cold_room, name: room, title: Room}
      - {kind: mast, name: mast, title: Mast}
    buses:
      - name: yard
        modbus_tcp: {baud: 9600}
        instruments:
          - {name: head, kind: r4dcb08, unit_id: 1, place: bin, cable: 1}
          - {name: loops, kind: loop-8ch, unit_id: 2, place: bin, cable: 2}
          - {name: fan, kind: sdm120, unit_id: 3, place: bin}
          - {name: probe, kind: vaisala-hmp, place: bin}
          - {name: air, kind: xy-md02, unit_id: 5, place: room}
      - name: masts
        modbus_rtu: {baud: 19200}
        instruments:
          - {name: compact, kind: compact-weather, unit_id: 1, place: mast}
          - {name: thies, kind: wsc11, unit_id: 3, place: mast}
      - {name: gas, modbus_rtu_tcp: {}, instruments: [{name: s8, kind: senseair-s8, place: room}]}
      - {name: gas2, modbus_tcp: {baud: 19200}, instruments: [{name: gmp, kind: vaisala-gmp250, place: room}]}
      - {name: wxt, wxt: {}, instruments: [{name: wxt, kind: wxt520, place: mast}]}
      - {name: gill, ascii: {}, instruments: [{name: gill, kind: gill-windsonic, place: mast}]}
      - {name: nmea, ascii: {baud: 4800}, instruments: [{name: nmea, kind: nmea-weather, place: mast}]}
      - {name: davis, davis: {}, instruments: [{name: davis, kind: davis-vantage, place: mast}]}
      - {name: davis-ip, davis_tcp: {}, instruments: [{name: davis-ip, kind: davis-vantage, place: mast}]}
"""

NOON_MS = 1_735_732_800_000
"""Of the world's first day. The weather is real and has gaps: on other days a mast feels nothing for hours."""


class AtNoon(SystemClock):
    """The machine's clock, set to noon when it is made."""

    def __init__(self) -> None:
        self._began_s = self.monotonic_s()

    def now_ms(self) -> int:
        return NOON_MS + round(1000 * (self.monotonic_s() - self._began_s))


async def test_every_instrument_of_a_world_is_read_from_the_configuration_that_is_made_for_it(tmp_path: Path) -> None:
    world = world_file.parse(WORLD, tmp_path / "world.yaml")
    kinds = {each.kind for bus in world.sites[0].buses for each in bus.instruments}
    assert kinds == set(get_args(Kind))
    told = description.text(world)
    assert "Modbus RTU through a terminal server, 9600 8N1" in told
    assert "bus davis-ip: Davis packets over TCP, port free" in told
    simulator = Simulator(
        world,
        clock=AtNoon(),
        terminals=tmp_path / "tty",
        memory=Memory(tmp_path / "memory.json"),
        wished_ports={},
        meter=Meter(CollectorRegistry()),
    )
    await simulator.start()
    try:
        (tmp_path / "endpoints.json").write_bytes(msgspec.json.encode(of(simulator)))
        found = endpoints.read(tmp_path / "endpoints.json")
        text = edge_config(
            NodeName.of(found.organisation, "north", "pi"),
            found.of_node("north", "pi"),
            mqtt_port=1883,
            username="node",
            password_file=tmp_path / "password",
            data=tmp_path / "data",
        )
        (tmp_path / "edge.yaml").write_text(text)
        dry = DryRun(installation.read(tmp_path / "edge.yaml"), SystemClock())
        lines = [line async for line in dry.lines()]
    finally:
        await simulator.stop()
    assert dry.failed == [], "\n".join(lines)
    assert sum("answered in" in line for line in lines) == 14
    assert not [line for line in lines if "invalid_frame" in line or "comm_failure" in line or "exception" in line]
