"""`siloscope up` as a person meets it: it starts, mends itself, and leaves nothing behind."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from siloscope_deploy.local.identity import identify
from siloscope_deploy.servers.accounts import temporary_home
from siloscope_deploy.servers.ports import LOOPBACK, free_port
from tests.system.platform import SILOSCOPE, wait_until

pytestmark = pytest.mark.system

READY_WITHIN_S = 60  # the promise is 20 s on a machine that does nothing else
EVERYBODY = {
    *("postgres", "nats", "sim", "edge-north-farm-yard-pi", "edge-market-hall-hall-pi"),
    *("ingest", "jobs", "alerting", "gateway", "api"),
}


class Up:
    """One run of `siloscope up`."""

    def __init__(self, home: Path, http_port: int, told: Mapping[str, str]) -> None:
        self.home = home
        self._http_port = http_port
        self._output = home.parent / f"{home.name}.{time.monotonic_ns()}.out"
        environ = {"SILOSCOPE_HOME": str(home), "SILOSCOPE_HTTP_PORT": str(http_port), "PATH": os.defpath, **told}
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(
                [SILOSCOPE, "up"], env=environ, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL
            )

    @property
    def shown(self) -> str:
        return self._output.read_text()

    @property
    def pids(self) -> dict[str, int]:
        entries = json.loads((self.home / "run" / "children.json").read_text())
        return {entry["name"]: entry["pid"] for entry in entries}

    def wait_for(self, words: str) -> None:
        wait_until(lambda: self._shows(words), f"'siloscope up' says {words!r}", READY_WITHIN_S)

    def ask(self, path: str, token: str | None = None, body: dict[str, str] | None = None) -> Any:
        headers = {"Content-Type": "application/json"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        data = None if body is None else json.dumps(body).encode()
        url = f"http://{LOOPBACK}:{self._http_port}/api/v1/{path}"
        with urlopen(Request(url, data=data, headers=headers), timeout=10) as answer:
            return json.load(answer)

    def log_in(self) -> str:
        """Log in with what the first start kept for the owner."""
        text = (self.home / "secrets" / "administrator").read_text()
        kept = dict(line.split(": ") for line in text.splitlines())
        token = self.ask("auth/token", body={"username": kept["username"], "password": kept["password"]})
        return str(token["access_token"])

    def _shows(self, words: str) -> bool:
        if words in self.shown:
            return True
        assert self.process.poll() is None, f"it ended:\n{self.shown}"
        return False


class Household:
    """Starts `up` on one home and takes care that nothing of it outlives the test."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.http_port = free_port()
        # The usual ones may be taken by another platform between the look and the start.
        self._mqtt_port = free_port()
        edges = (name for name in EVERYBODY if name.startswith("edge-"))
        services = ("ingest", "sim", "jobs", "alerting", "gateway", *edges)
        (home / "run").mkdir(parents=True, mode=0o700)
        (home / "run" / "ports.json").write_text(json.dumps({f"{name} operations": free_port() for name in services}))
        self._runs: list[Up] = []

    def up(self, **told: str) -> Up:
        told = {"mqtt_port": str(self._mqtt_port), **told}
        run = Up(self.home, self.http_port, {f"SILOSCOPE_{name.upper()}": value for name, value in told.items()})
        self._runs.append(run)
        return run

    def left(self) -> list[str]:
        """What still runs of this home, by the folder in a command line or an environment."""
        return [text for text in _processes() if str(self.home) in text]

    def end(self) -> None:
        for run in self._runs:
            if run.process.poll() is None:
                run.process.kill()
                run.process.wait()
        wait_until(lambda: not self.left(), "nothing is left")


@pytest.fixture
def household() -> Iterator[Household]:
    with temporary_home() as folder:
        household = Household(folder / "home")
        yield household
        household.end()


def test_a_taken_port_is_named_with_what_to_do(household: Household) -> None:
    with socket.socket() as other:
        other.bind((LOOPBACK, household.http_port))
        other.listen()
        run = household.up()
        assert run.process.wait(READY_WITHIN_S) == 69
    assert f"port {household.http_port} on 127.0.0.1 is taken" in run.shown
    assert "SILOSCOPE_HTTP_PORT=" in run.shown


def test_up_starts_mends_itself_goes_on_after_a_sudden_death_and_leaves_nothing(household: Household) -> None:
    first = household.up()
    first.wait_for("Siloscope is ready after")
    assert re.search(r"password  \S{16,}", first.shown)
    assert set(first.pids) == EVERYBODY
    token = first.log_in()
    wait_until(lambda: _reporting(first, token) > 0, "channels report")

    second = household.up()
    assert second.process.wait(READY_WITHIN_S) == 69
    assert f"already running for {household.home}, pid {first.process.pid}" in second.shown

    ingest = first.pids["ingest"]
    os.kill(ingest, signal.SIGKILL)
    first.wait_for("ingest: was ended by SIGKILL")
    first.wait_for("ingest is ready again")
    assert identify(ingest) is None

    before = first.pids
    first.process.kill()
    first.process.wait()
    third = household.up()
    third.wait_for("Siloscope is ready after")
    assert "password  " not in third.shown
    assert [name for name, pid in before.items() if identify(pid) is not None] == []
    assert sorted(third.pids) == sorted(EVERYBODY)
    token = third.log_in()
    wait_until(lambda: _reporting(third, token) > 0, "channels report again")

    third.process.send_signal(signal.SIGTERM)
    assert third.process.wait(READY_WITHIN_S) == 0
    assert household.left() == []


def test_several_ingest_workers_share_the_load_and_one_of_them_may_die(household: Household) -> None:
    run = household.up(ingest_workers="2")
    run.wait_for("Siloscope is ready after")
    assert set(run.pids) == {*EVERYBODY, "ingest-2"}
    token = run.log_in()
    wait_until(lambda: _reporting(run, token) > 0, "channels report")
    os.kill(run.pids["ingest"], signal.SIGKILL)
    run.wait_for("ingest is ready again")
    before = _newest(run, token)
    wait_until(lambda: _newest(run, token) > before, "samples are stored after that")
    run.process.terminate()
    assert run.process.wait(READY_WITHIN_S) == 0
    # The stream goes on capturing every sample: what waits in it, and what comes, must be taken out by somebody.
    alone = household.up()
    alone.wait_for("Siloscope is ready after")
    assert set(alone.pids) == EVERYBODY
    assert any("SILOSCOPE_NATS_URL=" in text for text in household.left())
    before = _newest(alone, token)
    wait_until(lambda: _newest(alone, token) > before, "samples are stored by one worker")


def _newest(run: Up, token: str) -> str:
    """Return the time of the newest value of all."""
    items = run.ask("channels?limit=200", token)["items"]
    return max(str(item["latest"]["time"]) for item in items if item.get("latest"))


def _reporting(run: Up, token: str) -> int:
    return sum(site["reporting"] for site in run.ask("sites", token)["items"])


def _processes() -> Iterator[str]:
    """Command line and environment of every process that we may look at."""
    if sys.platform != "linux":
        yield from subprocess.run(["ps", "-axEww"], capture_output=True, text=True, check=True).stdout.splitlines()
        return
    for folder in Path("/proc").glob("[0-9]*"):
        if folder.name == str(os.getpid()):
            continue
        try:
            yield " ".join((folder / part).read_text(errors="replace") for part in ("cmdline", "environ"))
        except OSError:
            continue
