"""A world in words, for `siloscope sim describe`."""

from collections.abc import Iterator

from siloscope_firmware_sim.farm import TALKERS, Bus, Instrument, Site, World
from siloscope_firmware_sim.fitting import channels, unit_id


def text(world: World) -> str:
    """Return sites, places, buses and instruments, one to a line."""
    return "\n".join(_lines(world))


def _lines(world: World) -> Iterator[str]:
    total = sum(
        len(channels(each, site.place(each.place)))
        for site in world.sites
        for bus in site.buses
        for each in bus.instruments
    )
    weather = f"weather {world.weather} from {world.epoch:%Y-%m-%d}"
    yield f"world {world.name}: {total} channels, seed {world.seed}, {weather}"
    for site in world.sites:
        yield ""
        yield f"site {site.name} ({site.title}), {site.time_zone}, read by node {site.node}"
        yield from (f"  {place.name:<14} {place.title}" for place in site.places)
        for bus in site.buses:
            yield from _bus(bus, site)


def _bus(bus: Bus, site: Site) -> Iterator[str]:
    yield f"  bus {bus.name}: {_transport(bus)}"
    for each in bus.instruments:
        count = len(channels(each, site.place(each.place)))
        where = f"{each.place}{f', {each.spot}' if each.spot else ''}"
        what = f"{each.kind:<12} {each.name:<18} {count:>2} channels"
        yield f"    {_address(each):>8}  {what} every {each.period_s:g} s, {where}"


def _transport(bus: Bus) -> str:
    if bus.modbus_tcp is not None:
        return f"Modbus TCP, port {bus.modbus_tcp.port or 'free'}, {bus.baud} baud behind it"
    if bus.modbus_rtu is not None:
        return f"Modbus RTU, {bus.baud} 8{bus.modbus_rtu.parity}{bus.modbus_rtu.stop_bits}"
    if bus.modbus_rtu_tcp is not None:
        return f"Modbus RTU through a terminal server, {bus.baud} 8N1 behind it"
    names = {"wxt": "Vaisala ASCII", "ascii": "lines of ASCII", "davis": "Davis packets"}
    if bus.davis_tcp is not None:
        return f"Davis packets over TCP, port {bus.davis_tcp.port or 'free'}"
    return f"{names[bus.transport]}, {bus.baud} 8N1"


def _address(each: Instrument) -> str:
    if each.kind == "wxt520":
        return f"'{each.address}'"
    return "alone" if each.kind in TALKERS else f"unit {unit_id(each)}"
