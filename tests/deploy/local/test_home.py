import subprocess
import sys
from pathlib import Path

import pytest

from siloscope_deploy.errors import AlreadyRunning
from siloscope_deploy.local.home import Home, write_private

HOLDER = """
import sys
from pathlib import Path
from siloscope_deploy.local.home import Home
with Home(Path(sys.argv[1])).locked():
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    home.create()
    return home


def test_other_people_can_read_nothing(home: Home) -> None:
    assert home.root.stat().st_mode & 0o066 == 0
    for folder in (home.log, home.run, home.secrets, home.nats):
        assert folder.stat().st_mode & 0o077 == 0
    write_private(home.secrets / "x", "secret")
    assert (home.secrets / "x").stat().st_mode & 0o077 == 0


def test_a_second_supervisor_is_refused_with_the_pid_of_the_first_and_let_in_after_its_sudden_death(home: Home) -> None:
    first = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(home.root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert first.stdout is not None
    assert first.stdout.readline() == b"held\n"
    with pytest.raises(AlreadyRunning, match=f"pid {first.pid}"), home.locked():
        pass
    first.kill()
    first.communicate()
    with home.locked():
        pass


def test_a_path_is_shown_as_one_would_type_it(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home.root.parent)
    assert home.shown(home.secrets) == "home/secrets"
    assert home.shown(Path("/elsewhere/x")) == "/elsewhere/x"
