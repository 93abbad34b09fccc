"""endpoints.json: where the ports of a running simulator are, and what hangs behind them."""

import json
import os
from pathlib import Path
from typing import Any

from siloscope_firmware_sim.farm import TALKERS, Bus, Instrument, Place, Site, World
from siloscope_firmware_sim.fitting import channels, unit_id
from siloscope_firmware_sim.simulator import Simulator

FILE = "endpoints.json"


def of(simulator: Simulator) -> dict[str, Any]:
    """Return the content of endpoints.json for open ports."""
    return {
        **described(simulator.world),
        "buses": [_bus(site, bus, simulator.address(bus)) for site, bus in simulator.buses()],
    }


def described(world: World) -> dict[str, Any]:
    """Return the same for a world that nobody runs: without addresses of ports."""
    return {
        "world": world.name,
        "organisation": world.organisation,
        "sites": [_site(site) for site in world.sites],
        "buses": [_bus(site, bus, {}) for site in world.sites for bus in site.buses],
    }


def write(file: Path, content: dict[str, Any]) -> None:
    """Put the file there at once or not at all."""
    fresh = file.with_name(f".{file.name}.new")
    fresh.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    os.replace(fresh, file)


def tcp_ports(file: Path) -> dict[str, int]:
    """Return the TCP port of each bus in an earlier file; nothing where it is absent or damaged."""
    try:
        buses = json.loads(file.read_text(encoding="utf-8"))["buses"]
        found = {bus["name"]: next(iter(bus["transport"].values())).get("port") for bus in buses}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, StopIteration):
        return {}
    return {name: port for name, port in found.items() if isinstance(port, int) and 0 < port < 65536}


def _site(site: Site) -> dict[str, Any]:
    return {
        "name": site.name,
        "title": site.title,
        "time_zone": site.time_zone,
        "latitude": site.latitude,
        "longitude": site.longitude,
        "node": site.node,
        "places": [_place(place) for place in site.places],
    }


def _bus(site: Site, bus: Bus, address: dict[str, object]) -> dict[str, Any]:
    return {
        "name": bus.name,
        "site": site.name,
        "node": site.node,
        "transport": _transport(bus, address),
        "instruments": [_instrument(each, site.place(each.place)) for each in bus.instruments],
    }


def _transport(bus: Bus, address: dict[str, object]) -> dict[str, Any]:
    if bus.modbus_tcp is not None:
        return {"modbus_tcp": address or {"host": "127.0.0.1", "port": bus.modbus_tcp.port}}
    if bus.modbus_rtu is not None:
        rtu = bus.modbus_rtu
        return {"modbus_rtu": {"baud": rtu.baud, **address, "parity": rtu.parity, "stop_bits": rtu.stop_bits}}
    if bus.davis_tcp is not None:
        return {"davis_tcp": address or {"host": "127.0.0.1", "port": bus.davis_tcp.port}}
    if bus.modbus_rtu_tcp is not None:
        return {"modbus_rtu_tcp": address or {"host": "127.0.0.1", "port": 0}}
    return {bus.transport: {"baud": bus.baud, **address}}


def _instrument(each: Instrument, place: Place) -> dict[str, Any]:
    where: dict[str, Any] = {} if each.kind in TALKERS else {"unit_id": unit_id(each)}
    if each.kind == "wxt520":
        where = {"address": each.address}
    return {
        "name": each.name,
        "kind": each.kind,
        **where,
        "title": each.title or each.name,
        "period_s": each.period_s,
        "place": _place(place),
        "channels": [
            {"key": channel.key, "cable": channel.cable, "level": channel.level, "spot": channel.spot}
            for channel in channels(each, place)
        ],
    }


def _place(place: Place) -> dict[str, Any]:
    return {"name": place.name, "kind": type(place).__struct_config__.tag, "title": place.title}
