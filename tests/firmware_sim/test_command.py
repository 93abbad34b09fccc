"""`siloscope sim`, as a person starts it."""

import http.client
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from siloscope_firmware_sim.farm import default_world_file
from siloscope_process.command_line import main

ENVIRON = {"SILOSCOPE_LOG": "json", "SILOSCOPE_OPS_PORT": "0"}
START = "import sys; from siloscope_process.command_line import main; sys.exit(main())"


@pytest.fixture
def started(tmp_path: Path) -> Iterator[tuple["subprocess.Popen[str]", dict[str, str]]]:
    """Start the simulator and wait until it says that its ports are open; give also where its operations listen."""
    process = subprocess.Popen(
        [sys.executable, "-c", START, "sim", "run", "--runtime-dir", str(tmp_path)],
        env=ENVIRON,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    seen: dict[str, str] = {}
    for line in process.stderr:
        record = json.loads(line)
        seen |= {record["event"]: record.get("url", "")}
        if record["event"] == "ports_open":
            break
    yield process, seen
    process.kill()
    process.communicate()


def fetched(url: str) -> str:
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port)
    connection.request("GET", address.path)
    text = connection.getresponse().read().decode()
    connection.close()
    return text


def test_describe_names_every_instrument(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sim", "describe"], {}) == 0

    text = capsys.readouterr().out
    assert "unit 5  r4dcb08      bin-4-cable-5       8 channels" in text
    assert "Vaisala ASCII, 19200 8N1" in text


def test_describe_speaks_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sim", "describe", "--json"], {}) == 0

    assert [site["node"] for site in json.loads(capsys.readouterr().out)["sites"]] == ["yard-pi", "hall-pi"]


def test_a_typo_in_the_world_stops_with_one_line_and_code_78(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world = tmp_path / "farm.yaml"
    world.write_text(default_world_file().read_text(encoding="utf-8").replace("time_zone", "timezone", 1))

    assert main(["sim", "run", "--world", str(world), "--runtime-dir", str(tmp_path)], {}) == 78
    complaint = capsys.readouterr().err.splitlines()
    assert len(complaint) == 1
    assert complaint[0].startswith(f"siloscope sim: {world}, line ")
    assert "did you mean 'time_zone'?" in complaint[0]


def test_a_run_says_it_is_ready_and_leaves_nothing_behind_when_stopped(
    started: tuple["subprocess.Popen[str]", dict[str, str]], tmp_path: Path
) -> None:
    process, seen = started
    url = seen["operations_listening"]
    endpoints = json.loads((tmp_path / "endpoints.json").read_text(encoding="utf-8"))

    assert json.loads(fetched(f"{url}/readyz"))["ready"] is True
    assert json.loads(fetched(f"{url}/healthz"))["alive"] is True
    assert 'siloscope_sim_requests_total{bus="heads-east",outcome="answered"} 0.0' in fetched(f"{url}/metrics")
    assert len(list((tmp_path / "tty").iterdir())) == 5
    assert len(endpoints["buses"]) == 8

    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=10)
    assert process.returncode == 0
    assert list((tmp_path / "tty").iterdir()) == []
