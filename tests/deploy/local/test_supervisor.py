"""The supervisor with real, small processes; every wait is for something that happens, none for time."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from siloscope_deploy.errors import ServerFailed
from siloscope_deploy.local.backoff import Backoff
from siloscope_deploy.local.child import Child
from siloscope_deploy.local.identity import identify
from siloscope_deploy.local.roster import Roster
from siloscope_deploy.local.supervisor import Supervisor
from siloscope_process.clock import SystemClock

SERVE = """
import os, pathlib, signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
pathlib.Path(sys.argv[1]).write_text(str(os.getpid()))
signal.pause()
"""
END_IN_ORDER = """
import os, pathlib, signal, sys
def end(*_):
    with open(sys.argv[2], "a") as ends:
        ends.write(sys.argv[3] + "\\n")
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
pathlib.Path(sys.argv[1]).write_text(str(os.getpid()))
signal.pause()
"""
IGNORE = SERVE.replace("lambda *_: sys.exit(0)", "signal.SIG_IGN")
BREAK = "import sys; sys.exit('no register 4711')"
BREAK_ONCE = (
    """
import pathlib, sys
broke = pathlib.Path(sys.argv[2])
if not broke.exists():
    broke.touch()
    sys.exit(1)
"""
    + SERVE
)
PATIENCE_S = 20


class Told:
    """What the supervisor said."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._news = asyncio.Event()

    def __call__(self, line: str) -> None:
        self.lines.append(line)
        self._news.set()

    async def until(self, words: str) -> str:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                for line in self.lines:
                    if words in line:
                        return line
                self._news.clear()
                await self._news.wait()


def child(
    folder: Path, name: str, program: str = SERVE, *more: str, stage: int = 0, ends_within_s: float = 10
) -> Child:
    mark = folder / f"{name}.ready"

    async def ready() -> bool:
        return mark.exists()

    argv = (sys.executable, "-c", program, str(mark), *more)
    return Child(name, argv, ready, stage=stage, ends_within_s=ends_within_s)


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
async def supervisor(tmp_path: Path, told: Told) -> AsyncIterator[Supervisor]:
    running = Supervisor(tmp_path, Roster(tmp_path / "children.json"), SystemClock(), told, Backoff(first_s=0.01))
    yield running
    running.kill()
    await running.stop()


async def test_a_child_that_ends_while_it_starts_is_shown_with_its_last_words(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    with pytest.raises(ServerFailed, match=r"edge: ended with exit code 1 while it started\n  \| no register 4711"):
        await supervisor.start(child(tmp_path, "edge", BREAK))


async def test_a_child_that_dies_once_while_it_starts_gets_another_try(
    supervisor: Supervisor, tmp_path: Path, told: Told
) -> None:
    await supervisor.start(child(tmp_path, "api", BREAK_ONCE, str(tmp_path / "broke")))
    assert "starting api again" in await told.until("api: ended with exit code 1 while it started")
    assert list(supervisor.pids) == ["api"]


async def test_a_wrong_setting_gets_no_other_try(supervisor: Supervisor, tmp_path: Path, told: Told) -> None:
    with pytest.raises(ServerFailed, match="edge: ended with exit code 78"):
        await supervisor.start(child(tmp_path, "edge", "import sys; sys.exit(78)"))
    assert told.lines == []


async def test_only_lines_of_this_start_are_shown(supervisor: Supervisor, tmp_path: Path) -> None:
    (tmp_path / "edge.log").write_text("words of yesterday\n")
    with pytest.raises(ServerFailed) as caught:
        await supervisor.start(child(tmp_path, "edge", BREAK))
    assert caught.value.last_lines == ("no register 4711",)


async def test_a_child_that_cannot_be_started_again_now_is_started_later(
    supervisor: Supervisor, tmp_path: Path, told: Told
) -> None:
    await supervisor.start(child(tmp_path, "edge"))
    log, roster_in_writing = tmp_path / "edge.log", tmp_path / ".children.json.partial"
    log.unlink()
    for in_the_way in (log, roster_in_writing):
        in_the_way.mkdir()
    os.kill(supervisor.pids["edge"], signal.SIGKILL)
    await told.until("edge: cannot be started: ")
    log.rmdir()
    await told.until("children.json.partial")
    roster_in_writing.rmdir()
    await told.until("edge is ready again")


async def test_a_killed_child_is_started_again_and_the_person_is_told(
    supervisor: Supervisor, tmp_path: Path, told: Told
) -> None:
    await supervisor.start(child(tmp_path, "edge"))
    first = supervisor.pids["edge"]
    os.kill(first, signal.SIGKILL)
    assert "starting edge again" in await told.until("edge: was ended by SIGKILL")
    await told.until("edge is ready again")
    assert supervisor.pids["edge"] != first
    assert identify(first) is None


async def test_all_children_end_the_highest_stage_first(supervisor: Supervisor, tmp_path: Path) -> None:
    ends = tmp_path / "ends"
    for stage, name in enumerate(("postgres", "ingest", "api")):
        await supervisor.start(child(tmp_path, name, END_IN_ORDER, str(ends), name, stage=stage))
    pids = list(supervisor.pids.values())
    await supervisor.stop()
    assert ends.read_text().split() == ["api", "ingest", "postgres"]
    assert [identify(pid) for pid in pids] == [None, None, None]
    assert Roster(tmp_path / "children.json").living() == []


async def test_a_child_that_does_not_end_when_asked_is_forced(supervisor: Supervisor, tmp_path: Path) -> None:
    await supervisor.start(child(tmp_path, "sim", IGNORE, ends_within_s=0.1))
    pid = supervisor.pids["sim"]
    await supervisor.stop()
    assert identify(pid) is None


async def test_a_stopped_supervisor_starts_nothing_again(supervisor: Supervisor, tmp_path: Path, told: Told) -> None:
    await supervisor.start(child(tmp_path, "edge"))
    await supervisor.stop()
    assert told.lines == []
    assert supervisor.pids == {}


async def test_children_that_run_are_on_the_roster(supervisor: Supervisor, tmp_path: Path) -> None:
    await supervisor.start(child(tmp_path, "edge"))
    entries = Roster(tmp_path / "children.json").living()
    assert [(entry.name, entry.pid) for entry in entries] == [("edge", supervisor.pids["edge"])]


ORPHANING = """
import asyncio, os, signal, sys
from pathlib import Path
from siloscope_deploy.local.roster import Roster
from siloscope_deploy.local.supervisor import Supervisor
from siloscope_process.clock import SystemClock
from tests.deploy.local.test_supervisor import child
async def main(folder):
    supervisor = Supervisor(folder, Roster(folder / "children.json"), SystemClock(), print)
    await supervisor.start(child(folder, "edge"))
    os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(main(Path(sys.argv[1])))
"""


async def test_children_end_with_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    root = Path(__file__).parents[3]
    killed = await asyncio.create_subprocess_exec(
        sys.executable, "-c", ORPHANING, str(tmp_path), cwd=root, env={"PYTHONPATH": str(root)}
    )
    assert await killed.wait() == -signal.SIGKILL
    await Roster(tmp_path / "children.json").sweep(SystemClock(), patience_s=PATIENCE_S, tell=lambda _: None)
    assert identify(int((tmp_path / "edge.ready").read_text())) is None
