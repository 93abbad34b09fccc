"""The simulator's channels are those of the edge's profiles; neither imports the other, so a test compares them."""

from importlib.resources import files

import pytest
import yaml

from siloscope_firmware_sim import world_file
from siloscope_firmware_sim.farm import default_world_file
from siloscope_firmware_sim.fitting import KEYS, channels


@pytest.mark.parametrize("kind", sorted(KEYS))
def test_an_instrument_has_the_channels_of_its_profile(kind: str) -> None:
    profile = yaml.safe_load((files("siloscope_edge") / "shipped" / f"{kind}.yaml").read_text(encoding="utf-8"))

    assert {channel["key"] for channel in profile["channels"]} == set(KEYS[kind])


def test_every_sensor_of_every_cable_is_connected_in_the_shipped_farm() -> None:
    world = world_file.load(default_world_file())
    heads = [
        channels(each, site.place(each.place))
        for site in world.sites
        for bus in site.buses
        for each in bus.instruments
        if each.kind == "r4dcb08"
    ]

    assert len(heads) == 24
    assert all([channel.level for channel in head] == list(range(1, 9)) for head in heads)
