"""An app over fakes, and a client that speaks to it in-process."""

from collections.abc import AsyncIterator, Iterator, MutableMapping
from pathlib import Path
from typing import Any

import httpx2
import pytest
from structlog.testing import capture_logs

from siloscope_dashboards.app import create_app
from siloscope_dashboards.auth.tokens import Identity
from tests.dashboards.account_fakes import OURS, THEIRS
from tests.dashboards.fakes import Parts, parts

Headers = dict[str, str]


@pytest.fixture(autouse=True)
def records() -> Iterator[list[MutableMapping[str, Any]]]:
    """What was logged, instead of printing it."""
    with capture_logs() as logged:
        yield logged


@pytest.fixture
def static(tmp_path: Path) -> Path:
    """A built page."""
    built = tmp_path / "static"
    (built / "assets").mkdir(parents=True)
    (built / "index.html").write_text("<!doctype html><title>Siloscope</title>")
    (built / "icon.svg").write_text("<svg/>")
    (built / "assets" / "index-C3d4E5f6.js").write_text("export {};" * 200)
    return built


@pytest.fixture
def fakes(static: Path) -> Parts:
    """The parts of the app under test."""
    return parts(static)


@pytest.fixture
async def client(fakes: Parts) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of the app; nobody is logged in."""
    transport = httpx2.ASGITransport(create_app(fakes.wiring), client=("192.0.2.7", 1234))
    async with httpx2.AsyncClient(transport=transport, base_url="http://siloscope.test") as client:
        yield client


@pytest.fixture
def ours(fakes: Parts) -> Headers:
    """The header of our administrator."""
    return _bearer(fakes, Identity(1, OURS, "ada", "administrator"))


@pytest.fixture
def operators(fakes: Parts) -> Headers:
    """The header of our operator."""
    return _bearer(fakes, Identity(3, OURS, "eve", "operator"))


@pytest.fixture
def theirs(fakes: Parts) -> Headers:
    """The header of another organisation's viewer."""
    return _bearer(fakes, Identity(2, THEIRS, "bob", "viewer"))


def _bearer(fakes: Parts, identity: Identity) -> Headers:
    return {"Authorization": f"Bearer {fakes.wiring.tokens.issue(identity)}"}
