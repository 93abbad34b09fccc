"""What a person meets: one line for each mistake, with exit code 78, and what a right configuration would read."""

import json
from pathlib import Path

import pytest

from siloscope_contract.gaps import Gap, GapKind
from siloscope_contract.packs import Sample
from siloscope_edge.config import SpoolLimits
from siloscope_edge.spool import Spool
from siloscope_process.command_line import main
from siloscope_process.errors import UNAVAILABLE, WRONG_SETTING
from tests.edge.test_documents import CONFIG


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "edge.yaml"
    file.write_text(CONFIG)
    return file


def told(capsys: pytest.CaptureFixture[str]) -> str:
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    return captured.err


@pytest.mark.parametrize("action", ["run", "check", "spool"])
def test_a_wrong_configuration_ends_every_subcommand_in_one_line(
    config: Path, action: str, capsys: pytest.CaptureFixture[str]
) -> None:
    config.write_text(CONFIG.replace("r4dcb08", "r4dcb80"))
    assert main(["edge", action, "--config", str(config)], {}) == WRONG_SETTING
    assert f"{config}:11: buses[0].devices[0].profile: found 'r4dcb80'" in told(capsys)


def test_a_wrong_variable_and_an_absent_password_are_refused(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["edge", "run", "--config", str(config)]
    assert main(arguments, {"SILOSCOPE_LOG": "loud"}) == WRONG_SETTING
    assert "SILOSCOPE_LOG" in told(capsys)
    config.write_text(CONFIG.replace("port: 1883", "password_file: none"))
    assert main(arguments, {"SILOSCOPE_LOG": "json"}) == WRONG_SETTING
    assert "mqtt.password_file" in told(capsys)


def test_check_prints_what_would_be_read(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["edge", "check", "--no-read", "--config", str(config)], {}) == 0
    out = capsys.readouterr().out
    assert "head-1: r4dcb08, unit 1, every 10 s, asks holding 0x0000+8" in out
    assert "mast-wxt: wxt520, address 0, every 60 s, asks r1, r2, r3" in out
    assert not (config.parent / "data").exists()


def test_check_says_which_devices_did_not_answer(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config.write_text(CONFIG.replace("port: 15021", "port: 1"))
    assert main(["edge", "check", "--config", str(config)], {}) == UNAVAILABLE
    told = capsys.readouterr()
    assert "heads/head-1: FAILED: 127.0.0.1:1: " in told.out
    assert "mast/mast-wxt: FAILED: " in told.out
    assert "no good reading from head-1, mast-wxt; expected one of each device" in told.err


def test_the_spool_is_shown_line_by_line(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    directory = config.parent / "data"
    directory.mkdir()
    now_ms = 1_704_067_200_000
    spool = Spool(directory, SpoolLimits(), now_ms)
    failed = Sample("head-1", now_ms, ("t1", "t2"), ("Cel", None), [21.9, None], [0, 202])
    spool.write([failed], [Gap(GapKind.AGENT_OFF, 1, 2)], now_ms)
    assert main(["edge", "spool", "--config", str(config), "--json-lines"], {}) == 0
    first, second, gap = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert first == {
        "device": "head-1",
        "channel": "t1",
        "time_ms": now_ms,
        "value": 21.9,
        "quality": 0,
        "epoch": spool.epoch,
        "seq": 1,
        "state": "pending",
    }
    assert (second["value"], second["quality"]) == (None, 202)
    assert (gap["gap"], gap["seq"]) == ("agent_off", 2)
    spool.close(now_ms)


def test_a_spool_that_is_not_there_is_said_in_one_line(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["edge", "spool", "--config", str(config)], {}) == UNAVAILABLE
    assert "spool in" in told(capsys)
