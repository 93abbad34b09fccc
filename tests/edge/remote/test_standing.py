"""What counts at a node is one of two things, wherever the power goes: and the next start knows which."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from siloscope_contract.desired import Desired, Outcome
from siloscope_edge import durable
from siloscope_edge.installation import Installation
from siloscope_edge.remote.site_file import NotApplicable, SiteFile, channels_that_change, differing, fingerprint
from siloscope_edge.remote.standing import Novelty, Standing

NODE = "demo/north-farm/yard-pi"


class PowerCut(Exception):
    """The machine stops here."""


def device(unit: int, **more: Any) -> dict[str, Any]:
    return {"name": f"head-{unit}", "profile": "r4dcb08", "unit_id": unit, **more}


def buses(*devices: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"name": "yard", "modbus_tcp": {"host": "127.0.0.1", "port": 1502}, "devices": list(devices)}]


def desired(version: int, *devices: dict[str, Any], **more: Any) -> Desired:
    return Desired(version=version, node=NODE, document={"buses": buses(*devices)}, **more)


class Box:
    """A node's disk."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.file = directory / "edge.yaml"
        self.write(device(1))

    def write(self, *devices: dict[str, Any], **more: Any) -> None:
        head, site, node = NODE.split("/")
        mqtt = {"host": "127.0.0.1", "username": "yard"}
        known = {"organisation": head, "site": site, "node": node, "mqtt": mqtt, "data_directory": "data"}
        self.file.write_text("# by hand\n" + yaml.safe_dump({**known, "buses": buses(*devices), **more}))

    def start(self) -> Standing:
        standing = Standing(SiteFile(self.file), self.directory / "data")
        standing.begin()
        return standing


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path)


def names(found: Installation) -> list[str]:
    return [each.name for instruments in found.instruments.values() for each in instruments]


def try_out(standing: Standing, wanted: Desired) -> None:
    standing.try_out(wanted, standing.candidate(wanted), 7)


def test_without_a_version_the_file_counts(box: Box) -> None:
    standing = box.start()
    assert names(standing.installation) == ["head-1"]
    state = standing.state("s")
    assert (state.outcome, state.desired, state.in_force) == (Outcome.NONE, None, None)
    assert state.file == state.running


def test_a_confirmed_version_counts_after_each_start(box: Box) -> None:
    standing = box.start()
    try_out(standing, desired(3, device(1), device(2)))
    assert standing.state("s").outcome is Outcome.TRYING
    standing.confirm(8)
    for _ in range(3):
        standing = box.start()
        assert names(standing.installation) == ["head-1", "head-2"]
    state = standing.state("s")
    assert (state.outcome, state.in_force, state.at_ms) == (Outcome.APPLIED, 3, 8)
    assert state.file != state.running


def run_story(box: Box, cut_at: int, monkeypatch: pytest.MonkeyPatch, *, after: bool, story: list[str]) -> bool:
    """Play a story until the power goes, before or after the so manieth write is on the disk; say whether it went."""
    writes = 0
    written = durable.write

    def write(file: Path, content: object) -> None:
        nonlocal writes
        writes += 1
        if writes == cut_at and not after:
            raise PowerCut
        written(file, content)
        if writes == cut_at:
            raise PowerCut

    acts: dict[str, Callable[[Standing], object]] = {
        "try 1": lambda standing: try_out(standing, desired(1, device(1), device(2))),
        "confirm": lambda standing: standing.confirm(1),
        "try 2": lambda standing: try_out(standing, desired(2, device(3))),
        "back": lambda standing: standing.roll_back(["no link"], 1),
        "refuse 2": lambda standing: standing.refuse(desired(2, device(3)), ["no"], 1),
    }
    standing = box.start()
    with monkeypatch.context() as patched:
        patched.setattr(durable, "write", write)
        try:
            for act in story:
                acts[act](standing)
        except PowerCut:
            return True
    return False


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("story", [["try 1", "confirm", "try 2", "back"], ["try 1", "confirm", "refuse 2", "try 2"]])
def test_wherever_the_power_goes_the_next_starts_agree_on_what_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, story: list[str], *, after: bool
) -> None:
    file_alone, first, second = ["head-1"], ["head-1", "head-2"], ["head-3"]
    for cut_at in range(1, len(story) + 1):
        directory = tmp_path / str(cut_at)
        directory.mkdir()
        box = Box(directory)
        assert run_story(box, cut_at, monkeypatch, after=after, story=story)
        counting = []
        for _ in range(4):
            standing = box.start()
            counting.append(names(standing.installation))
        done = story[: cut_at if after else cut_at - 1]
        applied = first if "confirm" in done else file_alone
        tried = {"try 1": first, "try 2": second}.get(done[-1] if done else "")
        assert counting == ([tried, applied, applied, applied] if tried else [applied] * 4)
        outcome = standing.state("s").outcome
        assert outcome is not Outcome.TRYING
        assert (outcome is Outcome.ROLLED_BACK) == bool(tried or done[-1:] == ["back"])


def test_a_trial_that_is_confirmed_after_a_start_counts_for_good(box: Box) -> None:
    try_out(box.start(), desired(1, device(2)))
    standing = box.start()
    assert standing.trial is not None
    standing.confirm(1)
    assert names(box.start().installation) == ["head-2"]


def test_what_a_version_is_to_the_ones_before(box: Box) -> None:
    standing = box.start()
    standing.refuse(desired(5, device(2)), ["no"], None)
    standing = box.start()
    assert standing.novelty(desired(6, device(2))) is Novelty.FRESH
    assert standing.novelty(desired(5, device(2), issuer="user:bob")) is Novelty.KNOWN
    assert standing.novelty(desired(5, device(3))) is Novelty.REUSED
    assert standing.novelty(desired(5, device(2), confirm_within_s=5)) is Novelty.REUSED
    assert standing.novelty(desired(4, device(2))) is Novelty.OLDER


def test_an_edit_of_what_may_be_set_from_afar_sets_the_version_aside_and_no_other_does(box: Box) -> None:
    standing = box.start()
    try_out(standing, desired(1, device(2)))
    standing.confirm(1)
    box.write(device(1), operations_port=9999)
    assert names(box.start().installation) == ["head-2"]
    box.write(device(4), operations_port=9999)
    standing = box.start()
    assert names(standing.installation) == ["head-4"]
    state = standing.state("s")
    assert (state.outcome, state.desired, state.in_force) == (Outcome.SET_ASIDE, 1, None)
    assert "edited after version 1" in state.reasons[0]
    assert standing.novelty(desired(1, device(2))) is Novelty.KNOWN
    box.write(device(1), operations_port=9999)
    assert names(box.start().installation) == ["head-1"], "a version that was set aside does not come back by itself"


def test_an_edit_within_a_trial_ends_it(box: Box) -> None:
    try_out(box.start(), desired(1, device(2)))
    box.write(device(4))
    standing = box.start()
    assert names(standing.installation) == ["head-4"]
    assert standing.state("s").reasons == ("the file at the site was edited within the trial",)


def test_a_version_that_does_not_fit_any_more_is_set_aside(box: Box, tmp_path: Path) -> None:
    (tmp_path / "profiles").mkdir()
    own = tmp_path / "profiles" / "own.yaml"
    own.write_text(
        "profile: own\ntitle: Own\nprotocol: modbus\nchannels:\n"
        "  - {key: t1, quantity: temperature, unit: Cel, table: holding, address: 0, type: int16}\n"
    )
    box.write(device(1), profile_directories=["profiles"])
    standing = box.start()
    try_out(standing, desired(1, device(2, profile="own")))
    standing.confirm(1)
    own.unlink()
    standing = box.start()
    assert names(standing.installation) == ["head-1"]
    assert standing.state("s").outcome is Outcome.SET_ASIDE
    assert "does not fit to the file at the site any more" in standing.state("s").reasons[0]


def test_a_damaged_journal_is_set_aside_and_the_file_counts(box: Box) -> None:
    journal = box.directory / "data" / "remote" / "configuration.json"
    journal.parent.mkdir(parents=True)
    journal.write_bytes(b"\x00" * 64)
    assert names(box.start().installation) == ["head-1"]
    assert journal.with_name("configuration.json.damaged").exists()


def test_a_full_disk_lets_no_trial_begin_and_ends_one_all_the_same(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    standing = box.start()

    def full(file: Path, content: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(durable, "write", full)
        with pytest.raises(OSError, match="No space"):
            try_out(standing, desired(1, device(2)))
        assert (names(standing.installation), standing.trial) == (["head-1"], None)
    try_out(standing, desired(1, device(2)))
    with monkeypatch.context() as patched:
        patched.setattr(durable, "write", full)
        assert names(standing.roll_back(["no link"], 1)) == ["head-1"]
        assert not standing.keep()
    assert standing.keep()
    assert names(box.start().installation) == ["head-1"]


def nested(levels: int) -> list[Any]:
    found: list[Any] = []
    for _ in range(levels):
        found = [found]
    return found


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"buses": [{"name": "yard"}]}, "version 1: buses[0]: found 'no line', expected exactly one of"),
        ({"buses": buses(device(1, unit_idd=1))}, "found 'unit_idd', expected one of"),
        ({"buses": 1}, "version 1: buses: found 1"),
        ({"mqtt": {"heartbeat_s": -1}}, "version 1: mqtt.heartbeat_s: found -1"),
        ({"mqtt": {"heartbeats_s": 1}}, "document.mqtt: found 'heartbeats_s', expected what may be set from afar"),
        ({"mqtt": {"tls": {}}}, "document.mqtt: found 'tls', expected what may be set from afar"),
        ({"alarms": []}, "document: found 'alarms', expected what may be set from afar"),
        ({"buses": nested(500)}, "document: found 'too many levels', expected at most 50"),
    ],
)
def test_a_document_is_refused_in_the_words_of_the_file(box: Box, document: dict[str, Any], words: str) -> None:
    with pytest.raises(NotApplicable) as refused:
        box.start().candidate(Desired(version=1, node=NODE, document=document))
    assert words in str(refused.value)


def test_what_differs_is_what_is_read_otherwise(box: Box) -> None:
    standing = box.start()
    before = standing.candidate(desired(1, device(1), device(2), device(3)))
    after = standing.candidate(desired(2, device(1), device(2, period_s=3.0), device(4)))
    assert [each.name for _, each in differing(before, after)] == ["head-2", "head-4"]
    assert differing(before, before) == []


def test_a_channel_keeps_its_unit_under_the_name_of_its_device(box: Box, tmp_path: Path) -> None:
    (tmp_path / "profiles").mkdir()
    for name, quantity, unit in (("warm", "temperature", "Cel"), ("moist", "relative_humidity", "'%RH'")):
        channel = f"{{key: t1, quantity: {quantity}, unit: {unit}, table: holding, address: 0, type: int16}}"
        text = f"profile: {name}\ntitle: Own\nprotocol: modbus\nchannels:\n  - {channel}\n"
        (tmp_path / "profiles" / f"{name}.yaml").write_text(text)
    box.write(device(1), profile_directories=["profiles"])
    standing = box.start()
    before = standing.candidate(desired(1, device(1, profile="warm"), device(2, profile="moist")))
    renamed = standing.candidate(desired(2, device(3, profile="moist"), device(2, profile="moist")))
    assert channels_that_change(before, renamed) == []
    (reason,) = channels_that_change(before, standing.candidate(desired(3, device(1, profile="moist"))))
    assert reason == (
        "device head-1, channel t1: found relative_humidity in %RH, "
        "expected temperature in Cel as before, or another device name"
    )


def test_a_fingerprint_is_of_what_may_be_set_from_afar_alone() -> None:
    file = {"buses": [1], "mqtt": {"host": "a", "port": 1}, "node": "x"}
    assert fingerprint(file) == fingerprint({"mqtt": {"port": 1, "host": "b"}, "buses": [1], "clock": {}})
    assert fingerprint(file) != fingerprint({**file, "mqtt": {"host": "a", "port": 2}})
