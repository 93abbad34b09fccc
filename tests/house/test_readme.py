"""What the README and the pages under docs/ promise exists."""

import re
from pathlib import Path

import pytest

from siloscope_process.command_line import KNOWN
from tests.house.repository import ROOT, tracked

PAGES = [ROOT / path for path in tracked() if path.endswith(".md") and not path.startswith("tests/")]
README = (ROOT / "README.md").read_text()
HIDDEN_FROM_THE_MAP = {".ci"}


def page_id(page: Path) -> str:
    return str(page.relative_to(ROOT))


def test_the_map_is_the_tree() -> None:
    mapped = set(re.findall(r"^\| \[`([\w-]+)/`\]", README, re.MULTILINE))
    folders = {path.split("/")[0] for path in tracked() if "/" in path}
    assert mapped == folders - HIDDEN_FROM_THE_MAP


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_every_make_target_that_a_page_names_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z][\w-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:`|^)make ([a-z][\w-]*)", page.read_text(), re.MULTILINE))
    assert named <= targets


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_every_siloscope_command_that_a_page_names_exists(page: Path) -> None:
    named = set(re.findall(r"(?:`|^|bin/)siloscope ([a-z]+)\b", page.read_text(), re.MULTILINE))
    assert named <= set(KNOWN)


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_every_link_within_the_repository_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)(?:#[\w-]+)?\)", page.read_text())
    assert not [link for link in links if not (page.parent / link).exists()]
