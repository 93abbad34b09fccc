"""What git may hold and what it may not."""

import re
from pathlib import PurePath

from tests.house.repository import ROOT, tracked

TEXT = {
    ".py",
    ".toml",
    ".txt",
    ".md",
    ".yaml",
    ".yml",
    ".json",
    ".sql",
    ".ts",
    ".svelte",
    ".css",
    ".html",
    ".cfg",
    ".ini",
}
PACKAGE_ADDRESS = re.compile(
    r"https?://[\w.-]*(pypi\.org|pythonhosted\.org|registry\.npmjs\.org|registry\.yarnpkg\.com|pkg\.dev|jfrog\.io)"
    r"|(index|extra-index|registry)[-_]?(url)?\s*[=:]\s*[\"']?https?://",
    re.IGNORECASE,
)
WRITTEN_BY_TOOLS = {"uv.lock", "yarn.lock", "pnpm-lock.yaml", "pip.conf", "uv.toml"}
LARGEST_BYTES = 1_500_000


def test_no_file_that_carries_registry_addresses_is_tracked() -> None:
    assert not [path for path in tracked() if PurePath(path).name in WRITTEN_BY_TOOLS]


def test_no_tracked_file_names_a_package_registry() -> None:
    here = str(PurePath(__file__).relative_to(ROOT))
    naming = [
        path
        for path in tracked()
        if PurePath(path).suffix in TEXT | {""} and path != here and PACKAGE_ADDRESS.search(_text(path))
    ]
    assert not naming


def test_no_tracked_file_is_built_or_large() -> None:
    built = [
        path for path in tracked() if {"static", "node_modules", "dist", "__pycache__"} & set(PurePath(path).parts)
    ]
    large = [path for path in tracked() if (ROOT / path).stat().st_size > LARGEST_BYTES]
    assert not built
    assert not large


def test_every_test_folder_is_a_package() -> None:
    folders = {PurePath(path).parent for path in tracked() if path.startswith("tests/") and path.endswith(".py")}
    assert not [str(folder) for folder in folders if not (ROOT / folder / "__init__.py").exists()]


def _text(path: str) -> str:
    return (ROOT / path).read_text(errors="replace")
