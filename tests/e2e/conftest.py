"""The real API over a real database, and Chromium to look at its page."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ViewportSize, sync_playwright

from siloscope_dashboards.page.assets import BUILT_AT
from siloscope_deploy.servers.ports import LOOPBACK, free_port
from tests.components import component_missing
from tests.databases import TestServer
from tests.e2e.visitor import DESK, Visitor
from tests.e2e.watched_farm import NODE, WatchedFarm
from tests.system.platform import Service, answers_ok

# Chromium as root needs no sandbox of its own, and none of its errands to the world.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
Visit = Callable[..., Visitor]


class Website:
    """`siloscope api` over a database, and the login of its first administrator."""

    def __init__(self, folder: Path, database_url: str) -> None:
        port = free_port()
        self.url = f"http://{LOOPBACK}:{port}"
        self._login = folder / "secrets" / "administrator"
        self.service = Service(
            folder,
            "api",
            ["api"],
            {
                "SILOSCOPE_DATABASE_URL": database_url,
                "SILOSCOPE_HTTP_PORT": str(port),
                "SILOSCOPE_HOME": str(folder),
                "SILOSCOPE_ORGANISATION": NODE.org,
            },
            ready=lambda: answers_ok(f"{self.url}/readyz"),
        )

    def start(self) -> None:
        """Return once it answers."""
        self.service.start()
        self.service.wait_ready()

    def login(self) -> tuple[str, str]:
        """Return user name and password."""
        username, password = (line.partition(": ")[2] for line in self._login.read_text().splitlines())
        return username, password


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium; per module, because Playwright keeps an event loop of its own running meanwhile."""
    executable = shutil.which("chromium")
    if executable is None:
        component_missing(dict(os.environ), "Chromium", "there is no `chromium` on the PATH")
    if not (BUILT_AT / "index.html").exists():
        component_missing(dict(os.environ), "the web page", "it is not built; `make install` builds it")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def farm_database_url(postgres_server: TestServer) -> Iterator[str]:
    """A migrated database for the tests of one module."""
    with postgres_server.migrated() as url:
        yield url


@pytest.fixture(scope="module")
def farm(farm_database_url: str) -> Iterator[WatchedFarm]:
    """The farm in it."""
    farm = WatchedFarm(farm_database_url)
    yield farm
    farm.close()


@pytest.fixture(scope="module")
def website(tmp_path_factory: pytest.TempPathFactory, farm_database_url: str, farm: WatchedFarm) -> Iterator[Website]:
    """The API and the page, as a process."""
    site = Website(tmp_path_factory.mktemp("website"), farm_database_url)
    site.start()
    yield site
    site.service.stop()


@pytest.fixture
def visit(browser: Browser, website: Website) -> Iterator[Visit]:
    """Open a window, logged in unless told otherwise; closed at the end."""
    visitors: list[Visitor] = []

    def visit(path: str = "/", *, size: ViewportSize = DESK, dark: bool = False, logged_in: bool = True) -> Visitor:
        visitor = Visitor(browser, website.url, size, dark=dark)
        visitors.append(visitor)
        visitor.open(path)
        if logged_in:
            visitor.log_in(*website.login())
        return visitor

    yield visit
    for visitor in visitors:
        visitor.close()
