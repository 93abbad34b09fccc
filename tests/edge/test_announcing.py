"""A birth says all that a reader of the samples must know, in pages that any broker takes."""

from pathlib import Path

import pytest

from siloscope_contract import births
from siloscope_contract.births import ChannelBirth, DeviceBirth, EpochSpan, GroupBirth, RetentionClass
from siloscope_contract.packs import Epoch
from siloscope_contract.senml import MAX_WIRE_BYTES
from siloscope_edge import announcing, installation, profile_files, vitals
from siloscope_edge.errors import Misconfigured
from siloscope_edge.gauging import Gauges
from siloscope_edge.machine import THIS_MACHINE
from siloscope_edge.watermark import Generation
from tests.edge.test_documents import CONFIG


def epoch(at: int) -> Epoch:
    return Epoch(f"{at:032x}")


def test_devices_groups_and_channels_are_announced_with_their_limits(tmp_path: Path) -> None:
    file = tmp_path / "edge.yaml"
    file.write_text(CONFIG)
    head, mast, agent = announcing.devices(installation.read(file))
    (group,) = head.groups
    assert (head.name, head.profile, group.key, group.interval_s) == ("head-1", "r4dcb08", "main", 10)
    assert group.channels[0] == ChannelBirth("t1", "temperature", "Cel", "Level 1", 0.1, -55, 84.9)
    assert len(mast.groups[0].channels) == 11
    assert agent.groups[0].retention_class is RetentionClass.VITALS
    keys = [channel.key for channel in agent.groups[0].channels]
    sample = vitals.sample(tmp_path, 0, 1.0, 2, Gauges(clock_offset_s=0.0), THIS_MACHINE)
    assert keys == [*sample.names]


@pytest.mark.parametrize(
    ("profile", "device", "announced"), [("", "", None), ("7200", "", 7200), ("7200", "3700", 3700), ("", "60", 60)]
)
def test_a_device_is_announced_with_the_delivery_allowance_of_its_profile_or_its_own(
    tmp_path: Path, profile: str, device: str, announced: float | None
) -> None:
    (tmp_path / "profiles").mkdir()
    said = f"delivery_s: {profile}\n" if profile else ""
    shipped = (profile_files.shipped_directory() / "r4dcb08.yaml").read_text()
    (tmp_path / "profiles/r4dcb08.yaml").write_text(said + shipped)
    file = tmp_path / "edge.yaml"
    own = f"\n        delivery_s: {device}" if device else ""
    file.write_text(CONFIG.replace("unit_id: 1", f"unit_id: 1{own}") + "profile_directories: [profiles]\n")
    head, mast, _ = announcing.devices(installation.read(file))
    assert (head.groups[0].delivery_s, mast.groups[0].delivery_s) == (announced, None)
    (page,) = announcing.births([head], "s", [], {}, None)
    assert births.decode_birth(births.encode(page)).devices[0].groups[0].delivery_s == announced


@pytest.mark.parametrize("wrong", ["0", "-5", "soon"])
def test_a_delivery_allowance_that_is_none_is_refused(tmp_path: Path, wrong: str) -> None:
    file = tmp_path / "edge.yaml"
    file.write_text(CONFIG.replace("unit_id: 1", f"unit_id: 1\n        delivery_s: {wrong}"))
    with pytest.raises(Misconfigured, match=r"edge.yaml:13: buses\[0\].devices\[0\].delivery_s"):
        installation.read(file)


def test_a_birth_of_many_devices_comes_in_pages_that_hold_together() -> None:
    channels = [ChannelBirth(f"t{at}", "temperature", "Cel", f"Level {at}") for at in range(64)]
    devices = [
        DeviceBirth(f"device-{at}", "probe", "", [GroupBirth("main", 10, channels=channels)]) for at in range(64)
    ]
    pages = announcing.births(devices, "s", [EpochSpan(epoch(1), 1, 5)], {epoch(1): 3}, Generation("store", "life"))
    read = [births.decode_birth(births.encode(page)) for page in pages]
    assert len(read) > 1
    assert all(len(births.encode(page)) <= MAX_WIRE_BYTES for page in pages)
    assert [device for page in read for device in page.devices] == devices
    assert [(page.page, page.pages) for page in read] == [(at, len(read)) for at in range(1, len(read) + 1)]
    assert {(page.session, page.store, page.generation) for page in read} == {("s", "store", "life")}
    assert read[0].committed == {epoch(1): 3}


def test_only_the_newest_epochs_are_named() -> None:
    spans = [EpochSpan(epoch(at), 1, 2) for at in range(100)]
    (page,) = announcing.births([], "s", spans, {}, None)
    assert page.epochs == spans[-announcing.MAX_EPOCHS :]
    assert page.store is None
