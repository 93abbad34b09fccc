"""`deploy/install/uv.sh` on machines that lack things; every program it calls is a stand-in."""

import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[3] / "deploy" / "install"
PYTHON = """#!/bin/sh
case "$*" in
    "-c "*) ;;
    "-m pip --version") [ -e pip-is-there ] ;;
    "-m venv "*) [ -e venv-is-there ] && mkdir -p .tools/pip/bin && cp "$0" .tools/pip/bin/python ;;
    "-m pip install "*) mkdir -p .tools/uv/bin && echo '#!/bin/sh' >.tools/uv/bin/uv && chmod +x .tools/uv/bin/uv ;;
    *) exit 9 ;;
esac
"""
APT_GET = """#!/bin/sh
echo "$*" >>asked-of-apt
case "$*" in
    install*python3-pip) [ ! -e mirror-is-away ] && touch pip-is-there ;;
esac
"""


class Machine:
    """A folder to install into, and a PATH with these programs only.

    Args:
        folder: Empty.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._programs = folder / "bin"
        self._programs.mkdir()
        shutil.copytree(SCRIPTS, folder / "deploy" / "install")
        for name in ("sh", "mkdir", "ln", "rm", "cp", "chmod", "touch"):
            found = shutil.which(name)
            assert found
            (self._programs / name).symlink_to(found)
        self.program("python3", PYTHON)

    def program(self, name: str, text: str) -> None:
        """Put a program on the PATH."""
        file = self._programs / name
        file.write_text(text)
        file.chmod(0o755)

    def has(self, *marks: str) -> None:
        """Note what the stand-ins go by."""
        for mark in marks:
            (self.folder / mark).touch()

    def install_uv(self) -> subprocess.CompletedProcess[str]:
        """Run the script."""
        return subprocess.run(
            [str(self._programs / "sh"), "deploy/install/uv.sh"],
            cwd=self.folder,
            env={"PATH": str(self._programs)},
            capture_output=True,
            text=True,
            check=False,
            timeout=20,
        )

    @property
    def asked_of_apt(self) -> list[str]:
        """What `apt-get` was called with."""
        asked = self.folder / "asked-of-apt"
        return asked.read_text().splitlines() if asked.exists() else []

    @property
    def has_uv(self) -> bool:
        """Whether uv is where the Makefile looks for it."""
        return (self.folder / ".tools" / "bin" / "uv").resolve().is_file()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine with a Python and nothing else."""
    return Machine(tmp_path)


def as_user(machine: Machine, number: int) -> None:
    machine.program("id", f"#!/bin/sh\necho {number}\n")
    machine.program("apt-get", APT_GET)


def test_root_without_pip_gets_it_from_debian(machine: Machine) -> None:
    as_user(machine, 0)
    ended = machine.install_uv()
    assert ended.returncode == 0, ended.stderr
    assert machine.has_uv
    assert machine.asked_of_apt == ["update -qq", "install -y -qq --no-install-recommends python3-pip"]


def test_who_is_not_root_is_told_what_to_install(machine: Machine) -> None:
    as_user(machine, 1000)
    ended = machine.install_uv()
    assert ended.returncode == 1
    assert "apt-get install python3-pip" in ended.stderr
    assert machine.asked_of_apt == []


def test_a_mirror_that_is_away_ends_in_the_same_words(machine: Machine) -> None:
    as_user(machine, 0)
    machine.has("mirror-is-away")
    ended = machine.install_uv()
    assert ended.returncode == 1
    assert "apt-get install python3-pip" in ended.stderr


@pytest.mark.parametrize("mark", ["pip-is-there", "venv-is-there"])
def test_where_pip_can_be_had_nothing_is_installed_on_the_machine(machine: Machine, mark: str) -> None:
    as_user(machine, 0)
    machine.has(mark)
    assert machine.install_uv().returncode == 0
    assert machine.has_uv
    assert machine.asked_of_apt == []


def test_a_uv_on_the_path_is_taken(machine: Machine) -> None:
    machine.program("uv", "#!/bin/sh\n")
    assert machine.install_uv().returncode == 0
    assert machine.has_uv
