"""Compiled code is left out where it cannot be made, and made anew where it has changed."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.components import component_missing

ROOT = Path(__file__).parents[3]
ASK = "import siloscope_native as n; print(n.IS_COMPILED, n.OBSTACLE)"


class Installation:
    """A virtual environment, and sources that may be changed.

    Args:
        folder: Empty.
    """

    def __init__(self, folder: Path) -> None:
        uv = shutil.which("uv", path=f"{ROOT / '.tools/bin'}") or shutil.which("uv")
        assert uv, "uv is not installed: make install"
        self._uv = uv
        self.sources = folder / "native"
        shutil.copytree(ROOT / "native", self.sources, ignore=shutil.ignore_patterns("*.so", "*.egg-info", "build"))
        self._python = folder / "venv/bin/python"
        self._run(uv, "venv", "--quiet", "--python", sys.executable, str(folder / "venv"))

    def install(self, **environ: str) -> None:
        """Do what `make` does for this member."""
        command = [self._uv, "pip", "install", "--python", str(self._python), "--no-deps", "-e", str(self.sources)]
        try:
            self._run(*command, "--offline", **environ)
        except subprocess.CalledProcessError:  # what builds it is not in the cache
            self._run(*command, **environ)

    def says(self, code: str = ASK) -> str:
        """Return what code prints there."""
        return self._run(str(self._python), "-c", code)

    def _run(self, *command: str, **environ: str) -> str:
        ended = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, **environ})
        return ended.stdout.strip()


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    """Nothing is installed yet."""
    return Installation(tmp_path)


def test_without_a_compiler_it_is_installed_without_and_says_so(installation: Installation) -> None:
    installation.install(CC="/bin/false")
    assert installation.says() == "False No module named 'siloscope_native._batches'"
    code = (
        "import siloscope_ingest.main as _, siloscope_ingest.frames as f, siloscope_ingest.folding as b;"
        "print(f.split is f.split_plainly and b.fold is b.fold_plainly)"
    )
    environ = {**os.environ, "PYTHONPATH": str(installation.sources / "src")}
    plain = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False, env=environ
    )
    assert plain.stdout.strip() == "True", plain.stderr


def test_what_cannot_be_loaded_is_left_out_and_says_why(installation: Installation) -> None:
    suffix = installation.says("import sysconfig; print(sysconfig.get_config_var('EXT_SUFFIX'))")
    (installation.sources / f"src/siloscope_native/_batches{suffix}").write_bytes(b"of another machine")
    installation.install(CC="/bin/false")
    found = installation.says()
    assert found.startswith("False")
    assert "siloscope_native/_batches" in found


def test_changed_c_is_compiled_anew(installation: Installation) -> None:
    if shutil.which(os.environ.get("CC", "cc")) is None:
        component_missing(os.environ, "a C compiler", "none is installed")
    installation.install()
    assert installation.says() == "True None"
    source = installation.sources / "src/siloscope_native/frames.c"
    described = '.m_doc = "MQTT control packets in what a socket brought."'
    text = source.read_text()
    assert described in text
    source.write_text(text.replace(described, '.m_doc = "changed"'))
    installation.install()
    assert installation.says("from siloscope_native import _frames; print(_frames.__doc__)") == "changed"


def test_a_compiler_that_came_later_is_used(installation: Installation) -> None:
    """By the command of docs/operations.md."""
    if shutil.which(os.environ.get("CC", "cc")) is None:
        component_missing(os.environ, "a C compiler", "none is installed")
    installation.install(CC="/bin/false")
    project = installation.sources / "pyproject.toml"
    before = project.stat().st_mtime_ns
    os.utime(project, ns=(before + 10**9, before + 10**9))
    installation.install()
    assert installation.says() == "True None"
