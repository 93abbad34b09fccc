"""Whether a world fits together: what no single field can tell."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain

from siloscope_firmware_sim.farm import (
    MODBUS,
    TALKERS,
    TRANSPORTS,
    Bin,
    Bus,
    Instrument,
    Mast,
    Place,
    Room,
    Site,
    World,
)
from siloscope_firmware_sim.instruments import r4dcb08, sdm120, senseair_s8, xy_md02
from siloscope_firmware_sim.instruments.vaisala_probes import UNIT_ID

_SPEEDS = {
    "r4dcb08": r4dcb08.BAUD_CODES,
    "xy-md02": xy_md02.BAUD_CODES,
    "sdm120": sdm120.BAUD_CODES,
    "senseair-s8": (9600,),
    "wxt520": (1200, 2400, 4800, 9600, 19200),
    "davis-vantage": (19200,),
}
_NEEDS = {"r4dcb08": Bin, "sdm120": Bin, "loop-8ch": Bin}
_ON_MASTS = ("compact-weather", "wsc11", *TALKERS)
_HAVE_AN_ADDRESS = ("senseair-s8", "vaisala-gmp250", "vaisala-hmp", *TALKERS)
_ADDRESSES = {"senseair-s8": senseair_s8.ANY_ADDRESS, **dict.fromkeys(("vaisala-gmp250", "vaisala-hmp"), UNIT_ID)}


@dataclass(frozen=True)
class Complaint:
    """Something that does not fit.

    Attributes:
        path: Where it stands in the file.
        text: What is wrong.
        word: The word that was found, where another was expected.
        words: The words that would have been right.
    """

    path: tuple[str | int, ...]
    text: str
    word: str = ""
    words: list[str] = field(default_factory=list)


def complaint_about(world: World) -> Complaint | None:
    """Return the first thing that does not fit, or None."""
    return next(chain(_world(world), *(_site(site, ("sites", at)) for at, site in enumerate(world.sites))), None)


def _world(world: World) -> Iterator[Complaint]:
    if world.epoch.tzinfo is None:
        yield Complaint(("epoch",), "epoch has no time zone; expected UTC, such as 2025-01-01T00:00:00Z")
    yield from _twice([site.name for site in world.sites], ("sites",), "site")
    yield from _twice([bus.name for site in world.sites for bus in site.buses], ("sites",), "bus")


def _site(site: Site, at: tuple[str | int, ...]) -> Iterator[Complaint]:
    yield from _twice([place.name for place in site.places], (*at, "places"), "place")
    for index, place in enumerate(site.places):
        if isinstance(place, Bin):
            yield from _bin(place, (*at, "places", index))
    names = [each.name for bus in site.buses for each in bus.instruments]
    yield from _twice(names, (*at, "buses"), "instrument")
    for index, bus in enumerate(site.buses):
        yield from _bus(bus, site, (*at, "buses", index))


def _bin(place: Bin, at: tuple[str | int, ...]) -> Iterator[Complaint]:
    if place.grain_levels > place.levels:
        yield Complaint(
            (*at, "grain_levels"), f"{place.name} has grain up to level {place.grain_levels} of {place.levels}"
        )
    for index, spot in enumerate(place.wet_spots):
        if spot.cable > place.cables or spot.level > place.grain_levels:
            text = f"{place.name} has {place.cables} cables and grain up to level {place.grain_levels}"
            yield Complaint((*at, "wet_spots", index), f"{text}; no wet spot at cable {spot.cable}, level {spot.level}")


def _bus(bus: Bus, site: Site, at: tuple[str | int, ...]) -> Iterator[Complaint]:
    if len(bus.transports) != 1:
        yield Complaint(at, f"bus {bus.name} has {len(bus.transports)} of {', '.join(TRANSPORTS)}; it must have one")
    if len(bus.transports) == 1 and bus.transport not in (*MODBUS, "wxt") and len(bus.instruments) != 1:
        yield Complaint(
            (*at, "instruments"), f"bus {bus.name} has several instruments; a line of {bus.transport} has one"
        )
    addresses = [each.address if bus.wxt else str(_unit_id(each)) for each in bus.instruments]
    yield from _twice(addresses, (*at, "instruments"), "address")
    for index, each in enumerate(bus.instruments):
        yield from _instrument(each, bus, site, (*at, "instruments", index))


def _instrument(each: Instrument, bus: Bus, site: Site, at: tuple[str | int, ...]) -> Iterator[Complaint]:
    places: dict[str, Place] = {place.name: place for place in site.places}
    if each.place not in places:
        yield Complaint((*at, "place"), f"no place {each.place!r} at {site.name}", each.place, list(places))
        return
    place = places[each.place]
    if not set(bus.transports) <= set(TALKERS.get(each.kind, MODBUS)):
        takers = [kind for kind, spoken in TALKERS.items() if set(bus.transports) & set(spoken)]
        takes = " or ".join(takers) if takers else "what speaks Modbus"
        text = f"a {each.kind} cannot hang on bus {bus.name}; {' and '.join(bus.transports)} is for {takes}"
        yield Complaint((*at, "kind"), text)
    if each.unit_id is None and each.kind not in _HAVE_AN_ADDRESS:
        yield Complaint(at, f"{each.name} has no 'unit_id'; a {each.kind} must have one")
    if bus.baud not in _SPEEDS.get(each.kind, (bus.baud,)):
        yield Complaint((*at, "kind"), f"a {each.kind} cannot talk at {bus.baud} baud, the speed of bus {bus.name}")
    if each.kind in _NEEDS and not isinstance(place, _NEEDS[each.kind]):
        yield Complaint((*at, "place"), f"a {each.kind} belongs to a bin; {place.name} is none")
    if isinstance(place, Bin):
        yield from _in_bin(each, place, at)
    elif each.kind not in _ON_MASTS and not isinstance(place, Room):
        yield Complaint((*at, "place"), f"{place.name} has no air that a {each.kind} could measure")
    if each.kind in _ON_MASTS and not isinstance(place, Mast):
        yield Complaint((*at, "place"), f"a {each.kind} stands on a mast; {place.name} is none")


def _in_bin(each: Instrument, place: Bin, at: tuple[str | int, ...]) -> Iterator[Complaint]:
    if each.kind in ("r4dcb08", "loop-8ch") and not 1 <= (each.cable or 0) <= place.cables:
        yield Complaint(
            (*at, "cable"), f"{each.name} is the head of cable {each.cable}; {place.name} has {place.cables}"
        )
    if each.kind == "sdm120" and place.fan is None:
        yield Complaint((*at, "place"), f"{each.name} meters a fan; {place.name} has none")


def _unit_id(each: Instrument) -> int:
    return _ADDRESSES.get(each.kind, 0) if each.unit_id is None else each.unit_id


def _twice(names: list[str], at: tuple[str | int, ...], what: str) -> Iterator[Complaint]:
    for index, name in enumerate(names):
        if name in names[:index]:
            yield Complaint(at, f"{what} {name!r} stands there twice")
