"""The Debian tree with TimescaleDB: where it comes from, and that only a whole one is ever used."""

import os
from pathlib import Path

import pytest

from siloscope_deploy.servers import debian_root
from siloscope_process.errors import Unavailable

TARGETS = """\
Translations|Debian|main|http://mirror.example/debian/
Packages|Other|main|http://other.example/apt/
Packages|Debian|main|http://mirror.example/debian-security/
Packages|Debian|main|http://mirror.example/debian/
"""


@pytest.fixture
def bootstrap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A debootstrap that only leaves a mark (or fails when a file `broken` lies beside it), and apt's answer."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, script in {
        "debootstrap": f'#!/bin/sh\n[ -e {programs}/broken ] && echo no such suite && exit 3\necho "$@" >"$5/made"\n',
        "apt-get": f"#!/bin/sh\ncat <<'END'\n{TARGETS}END\n",
        "apt-config": "#!/bin/sh\n",
    }.items():
        (programs / name).write_text(script)
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr(debian_root, "KEYRING", programs / "debootstrap")
    return programs


def environ(tmp_path: Path) -> dict[str, str]:
    return {"SILOSCOPE_CACHE": str(tmp_path / "cache"), "PATH": os.environ["PATH"]}


def test_the_mirror_is_the_one_that_apt_uses() -> None:
    assert debian_root.debian_mirror(TARGETS) == "http://mirror.example/debian/"


def test_a_machine_without_a_debian_mirror_is_told_so() -> None:
    with pytest.raises(Unavailable, match="names no Debian mirror"):
        debian_root.debian_mirror("Packages|Other|main|http://other.example/apt/\n")


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"SILOSCOPE_CACHE": "/fast/cache", "HOME": "/home/x"}, "/fast/cache"),
        ({"XDG_CACHE_HOME": "/home/x/kept", "HOME": "/home/x"}, "/home/x/kept/siloscope"),
        ({"HOME": "/home/x"}, "/home/x/.cache/siloscope"),
    ],
)
def test_the_cache_is_where_the_person_wants_it(variables: dict[str, str], expected: str) -> None:
    assert debian_root.cache_directory(variables) == Path(expected)


@pytest.mark.usefixtures("bootstrap")
def test_a_tree_is_built_once(tmp_path: Path) -> None:
    tree = debian_root.debian_root(environ(tmp_path))
    built = (tree / "made").read_text()
    (tree / "made").write_text("kept")
    assert debian_root.debian_root(environ(tmp_path)) == tree
    assert (tree / "made").read_text() == "kept"
    assert "http://mirror.example/debian/" in built


@pytest.mark.usefixtures("bootstrap")
def test_the_remains_of_a_killed_build_are_neither_used_nor_kept(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    remains = cache / "debian-trixie-postgresql-17-timescaledb.building-x"
    (remains / "usr").mkdir(parents=True)
    tree = debian_root.debian_root(environ(tmp_path))
    assert (tree / "made").exists()
    assert not remains.exists()


def test_a_build_that_fails_leaves_nothing_and_says_why(tmp_path: Path, bootstrap: Path) -> None:
    (bootstrap / "broken").touch()
    with pytest.raises(Unavailable, match="failed with code 3: no such suite"):
        debian_root.debian_root(environ(tmp_path))
    assert not [path for path in (tmp_path / "cache").iterdir() if path.is_dir()]


def test_without_root_it_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(Unavailable, match="needs root"):
        debian_root.debian_root(environ(tmp_path))
