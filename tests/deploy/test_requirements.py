"""What `make up` installs: everything the members need, pinned, with hashes, from whatever registry a machine has."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = ("requirements.txt", "requirements-dev.txt", "requirements-edge.txt")
PINNED = re.compile(r"^([a-z0-9][a-z0-9._-]*)==", re.MULTILINE)


def pinned(file: str) -> set[str]:
    return set(PINNED.findall((ROOT / file).read_text()))


def needed(project: Path, group: str | None = None) -> set[str]:
    read = tomllib.loads(project.read_text())
    listed = read["dependency-groups"][group] if group else read["project"]["dependencies"]
    names = {re.split(r"[\[<>=~!; ]", each, maxsplit=1)[0].lower().replace("_", "-") for each in listed}
    return {name for name in names if not name.startswith("siloscope-")}


@pytest.mark.parametrize("project", sorted(ROOT.glob("*/pyproject.toml")), ids=lambda path: path.parent.name)
def test_every_dependency_of_a_member_is_pinned(project: Path) -> None:
    missing = needed(project) - pinned("requirements.txt")
    assert not missing, f"{sorted(missing)}: run make lock"


def test_every_tool_of_the_tests_is_pinned() -> None:
    assert not needed(ROOT / "pyproject.toml", "dev") - pinned("requirements-dev.txt")


def test_an_edge_alone_gets_no_server_library() -> None:
    assert needed(ROOT / "edge" / "pyproject.toml") <= pinned("requirements-edge.txt")
    assert not pinned("requirements-edge.txt") & {"psycopg", "fastapi", "pydantic", "uvicorn", "gmqtt", "bcrypt"}


@pytest.mark.parametrize("file", FILES)
def test_every_pin_has_a_hash_and_no_file_an_address(file: str) -> None:
    text = (ROOT / file).read_text()
    assert "://" not in text
    entries = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
    assert all("--hash=sha256:" in entry for entry in entries)
