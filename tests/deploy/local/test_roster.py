import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from siloscope_deploy.local.identity import identify
from siloscope_deploy.local.roster import Roster
from siloscope_process.clock import SystemClock

STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); input()"
WILLING = "print('up', flush=True); input()"


class Processes:
    """Starts processes and takes care that none outlives the test."""

    def __init__(self) -> None:
        self._started: list[subprocess.Popen[bytes]] = []

    def start(self, program: str) -> int:
        process = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        return process.pid

    def end(self) -> None:
        for process in self._started:
            process.kill()
            process.communicate()


@pytest.fixture
def processes() -> Iterator[Processes]:
    started = Processes()
    yield started
    started.end()


async def test_a_sweep_ends_leftovers_asked_first_forced_then(tmp_path: Path, processes: Processes) -> None:
    pids = [processes.start(WILLING), processes.start(STUBBORN)]
    earlier = Roster(tmp_path / "children.json")
    earlier.add("edge", pids[0], signal.SIGTERM)
    earlier.add("ingest", pids[1], signal.SIGTERM)
    lines: list[str] = []
    later = Roster(tmp_path / "children.json")
    await later.sweep(SystemClock(), patience_s=0.2, tell=lines.append)
    assert lines == [f"ending a leftover edge (pid {pids[0]})", f"ending a leftover ingest (pid {pids[1]})"]
    assert [identify(pid) for pid in pids] == [None, None]
    assert Roster(tmp_path / "children.json").living() == []


async def test_a_sweep_leaves_a_stranger_alone_that_got_a_childs_pid(tmp_path: Path, processes: Processes) -> None:
    pid = processes.start(WILLING)
    path = tmp_path / "children.json"
    path.write_text(f'[{{"name":"edge","pid":{pid},"started":"another boot/1","graceful":15}}]')
    await Roster(path).sweep(SystemClock(), patience_s=0.2, tell=lambda _: None)
    assert identify(pid) is not None


def test_a_torn_file_counts_as_empty(tmp_path: Path) -> None:
    (tmp_path / "children.json").write_text('[{"name":"edge","pi')
    assert Roster(tmp_path / "children.json").living() == []


def test_a_child_that_ended_is_forgotten(tmp_path: Path, processes: Processes) -> None:
    roster = Roster(tmp_path / "children.json")
    pid = processes.start(WILLING)
    roster.add("edge", pid, signal.SIGTERM)
    assert [entry.name for entry in Roster(tmp_path / "children.json").living()] == ["edge"]
    roster.remove(pid)
    assert Roster(tmp_path / "children.json").living() == []
