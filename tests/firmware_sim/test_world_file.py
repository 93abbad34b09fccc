"""World files: what is wrong is told with file, line and the nearest right word."""

from pathlib import Path

import pytest

from siloscope_firmware_sim import world_file
from siloscope_firmware_sim.errors import WorldRefused
from siloscope_firmware_sim.farm import Bin, default_world_file

FILE = Path("farm.yaml")
GOOD = """\
name: small
epoch: 2025-01-01T00:00:00Z
sites:
  - name: north
    title: North
    time_zone: Europe/Vienna
    latitude: 48.2
    longitude: 16.4
    node: pi
    places:
      - {kind: bin, name: bin-1, title: Bin 1, diameter_m: 8, eave_height_m: 6, cables: 3, fan: {}}
      - {kind: cold_room, name: room-1, title: Room 1}
      - {kind: mast, name: mast, title: Mast}
    buses:
      - name: heads
        modbus_tcp: {port: 0}
        instruments:
          - {name: head-1, kind: r4dcb08, unit_id: 1, place: bin-1, cable: 1}
          - {name: fan-1, kind: sdm120, unit_id: 2, place: bin-1}
      - name: mast
        wxt: {}
        instruments:
          - {name: mast, kind: wxt520, place: mast}
"""


def complaint(old: str, new: str) -> str:
    assert GOOD.count(old) == 1, f"{old!r} must stand in the good file once"
    with pytest.raises(WorldRefused) as refused:
        world_file.parse(GOOD.replace(old, new), FILE)
    return str(refused.value)


def test_the_good_file_is_a_world() -> None:
    world = world_file.parse(GOOD, FILE)

    assert [bus.name for bus in world.sites[0].buses] == ["heads", "mast"]


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("latitude: 48.2", "lattitude: 48.2", 7, ("unknown 'lattitude'", "did you mean 'latitude'?")),
        ("diameter_m: 8", "diametre_m: 8", 11, ("unknown 'diametre_m'", "did you mean 'diameter_m'?")),
        ("kind: cold_room", "kind: coldroom", 12, ("'coldroom'", "did you mean 'cold_room'?")),
        ("kind: r4dcb08", "kind: r4dcb8", 18, ("'r4dcb8'", "did you mean 'r4dcb08'?")),
        ("{port: 0}", "{prot: 0}", 16, ("unknown 'prot'", "did you mean 'port'?")),
        ("cables: 3", "cables: 9", 11, ("cables is 9", "<= 5")),
        ("cables: 3", "cables: many", 11, ("cables is 'many'", "`int`")),
        ("    node: pi\n", "", 4, ("has no 'node'",)),
        ("unit_id: 2, place: bin-1", "unit_id: 2, place: bin-11", 19, ("no place 'bin-11'", "did you mean 'bin-1'?")),
        ("cable: 1}", "cable: 4}", 18, ("cable 4", "bin-1 has 3")),
        ("unit_id: 2", "unit_id: 1", 17, ("address '1' stands there twice",)),
        ("unit_id: 2, place: bin-1", "unit_id: 2, place: room-1", 19, ("belongs to a bin",)),
        (", fan: {}", "", 19, ("meters a fan; bin-1 has none",)),
        ("        modbus_tcp: {port: 0}\n", "", 15, ("it must have one",)),
        ("kind: wxt520, place: mast", "kind: xy-md02, unit_id: 1, place: mast", 23, ("wxt is for wxt520",)),
        ("wxt: {}", "ascii: {}", 23, ("ascii is for gill-windsonic or nmea-weather",)),
        ("kind: wxt520, place: mast", "kind: wxt520, place: room-1", 23, ("stands on a mast; room-1 is none",)),
        ("modbus_tcp: {port: 0}", "modbus_rtu: {baud: 14400}", 18, ("cannot talk at 14400 baud",)),
        ("modbus_tcp: {port: 0}", "modbus_rtu: {parity: E}", 16, ("parity is 'E'", "expected one of N")),
        ("2025-01-01T00:00:00Z", "2025-01-01T00:00:00", 2, ("no time zone",)),
        ("name: small", "name: [small", 2, ("not well-formed YAML",)),
    ],
)
def test_a_mistake_is_told_with_its_line_and_the_right_word(
    old: str, new: str, line: int, words: tuple[str, ...]
) -> None:
    text = complaint(old, new)

    assert text.startswith(f"farm.yaml, line {line}: ")
    assert [word for word in words if word not in text] == []


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(WorldRefused, match="cannot be read"):
        world_file.load(tmp_path / "none.yaml")


def test_the_shipped_farm_is_as_large_as_promised() -> None:
    world = world_file.load(default_world_file())
    bins = [place for site in world.sites for place in site.places if isinstance(place, Bin)]
    kinds = {each.kind for site in world.sites for bus in site.buses for each in bus.instruments}

    assert len(world.sites) >= 2
    assert len({site.node for site in world.sites}) == len(world.sites)
    assert len(bins) >= 6
    assert all(3 <= place.cables <= 5 and 6 <= place.levels <= 10 for place in bins)
    assert kinds == {"r4dcb08", "xy-md02", "senseair-s8", "sdm120", "wxt520"}
