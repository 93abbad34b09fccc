"""What the checks of the house look at: the members, their modules, and what git tracks."""

import ast
import subprocess
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Module:
    """One Python file of a member, or of the tests."""

    path: Path

    @property
    def name(self) -> str:
        """The path as a person writes it, from the root."""
        return str(self.path.relative_to(ROOT))

    @property
    def text(self) -> str:
        """The source."""
        return self.path.read_text()

    @property
    def tree(self) -> ast.Module:
        """The parsed source."""
        return _parsed(self.path)


@cache
def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def project() -> dict[str, object]:
    """Return the root pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def members() -> list[Path]:
    """Return the folders of the workspace's members."""
    return sorted(path.parent for path in ROOT.glob("*/pyproject.toml"))


def modules() -> list[Module]:
    """Return every Python module of every member, without tests."""
    return [Module(path) for member in members() for path in sorted((member / "src").rglob("*.py"))]


def files_of_tests() -> list[Module]:
    """Return every Python file of the tests, also those that hold no test."""
    return [Module(ROOT / path) for path in tracked() if path.startswith("tests/") and path.endswith(".py")]


def tracked() -> list[str]:
    """Return the files that git tracks, as paths from the root."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [path for path in listed.stdout.split("\0") if path and (ROOT / path).exists()]


def strings(tree: ast.Module) -> Iterator[ast.Constant]:
    """Yield the text constants of a module that are not docstrings."""
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node
