"""Run every check of the repository, one after the other, and say at the end what ran and how long it took.

`make test` runs all; `make lint` runs the ones without tests. A check that fails does not stop the next one, so one run
shows everything; the exit code is 1 when anything failed. With SILOSCOPE_TEST_REQUIRE_ALL=1 a check whose tool is
missing fails too, where it is otherwise left out by name.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.components import REQUIRE_ALL

ROOT = Path(__file__).parent.parent
TOOLS = Path(sys.executable).parent
WEB = ROOT / "dashboards" / "web"
MEMBERS = tuple(sorted(path.parent.name for path in ROOT.glob("*/pyproject.toml")))
NO_TESTS_RAN = 5


@dataclass(frozen=True)
class Check:
    """One command; `missing` says why it cannot run on this machine."""

    name: str
    command: Sequence[str]
    directory: Path = ROOT
    missing: str | None = None


@dataclass(frozen=True)
class Outcome:
    """How one check ended."""

    name: str
    verdict: str
    seconds: float

    @property
    def failed(self) -> bool:
        """Whether the whole run fails for it."""
        return self.verdict.startswith("FAILED")


def lint_checks() -> Iterator[Check]:
    """Yield the checks that start no test."""
    sources = [str(ROOT / member / "src") for member in MEMBERS]
    yield Check("ruff check", [_tool("ruff"), "check", "."])
    yield Check("ruff format", [_tool("ruff"), "format", "--check", "."])
    yield Check("mypy --strict", [_tool("mypy"), *sources, "tests"])
    yield Check("import rules", [_tool("lint-imports")])
    for member in MEMBERS:
        yield Check(f"deptry {member}", [_tool("deptry"), "src"], ROOT / member)
    yield from _web_checks()


def test_checks() -> Iterator[Check]:
    """Yield the test runs: many short tests, then the few that start a platform or a browser each."""
    pytest = [sys.executable, "-m", "pytest", "-q"]
    # Three at a time also on two processors: they wait for one another's processes for a quarter of the time.
    yield Check("pytest", [*pytest, "-n", "3", "-m", "not system and not browser"])
    yield Check("pytest system, browser", [*pytest, "-n", "3", "-m", "system or browser"])


def main() -> int:
    """Run the checks and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--lint", action="store_true", help="only the checks that start no test")
    checks = [*lint_checks(), *([] if parser.parse_args().lint else test_checks())]
    outcomes = [run_check(check, os.environ) for check in checks]
    print("\n" + "\n".join(table(outcomes)))
    return 1 if any(outcome.failed for outcome in outcomes) else 0


def run_check(check: Check, environ: Mapping[str, str]) -> Outcome:
    """Run one check, its output to ours, and return how it ended."""
    if check.missing:
        required = bool(environ.get(REQUIRE_ALL))
        verdict = f"FAILED: {check.missing}" if required else f"left out: {check.missing}"
        return Outcome(check.name, verdict, 0.0)
    print(f"\n== {check.name}", flush=True)
    started = time.monotonic()
    ended = subprocess.run(list(check.command), cwd=check.directory, check=False)
    verdict = "ok" if ended.returncode == 0 else f"FAILED with code {ended.returncode}"
    if ended.returncode == NO_TESTS_RAN and "pytest" in check.name:
        verdict = "FAILED: no test ran"
    return Outcome(check.name, verdict, time.monotonic() - started)


def table(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Yield the lines that say what ran and how long it took."""
    for outcome in outcomes:
        yield f"{outcome.name:24}{outcome.seconds:7.1f} s  {outcome.verdict}"
    yield f"{'together':24}{sum(outcome.seconds for outcome in outcomes):7.1f} s"


def _web_checks() -> Iterator[Check]:
    package = WEB / "package.json"
    scripts = json.loads(package.read_text())["scripts"] if package.exists() else {}
    npm = shutil.which("npm") or shutil.which("npm", path=str(TOOLS))
    missing = None
    if npm is None:
        missing = "npm is missing"
    elif not (WEB / "node_modules").is_dir():
        missing = "dashboards/web is not installed (make install)"
    for script in ("check", "lint", "test"):
        if script in scripts:
            yield Check(f"web {script}", [npm or "npm", "run", "--silent", script], WEB, missing)


def _tool(name: str) -> str:
    return str(TOOLS / name)


if __name__ == "__main__":
    sys.exit(main())
