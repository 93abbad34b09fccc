"""The edge agent's own page on a phone: good values, a device that falls silent, and an agent that is gone."""

import asyncio
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from playwright.sync_api import Browser, expect

from siloscope_deploy.servers.ports import LOOPBACK, free_port
from tests.e2e.contrast import faint_words
from tests.e2e.visitor import PHONE, Visitor
from tests.edge.drivers.modbus.fake_host import FakeModbusHost, holding, silent
from tests.system.platform import Service, answers_ok

pytestmark = pytest.mark.browser
UNITS = (1, 2)


class Yard:
    """Two heads that answer, and an agent that reads them; there is no broker."""

    def __init__(self, folder: Path) -> None:
        self.loop = asyncio.new_event_loop()
        self.host = FakeModbusHost({unit: holding({at: 200 + 10 * unit + at for at in range(8)}) for unit in UNITS})
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self.host.start(), self.loop).result(10)
        port = free_port()
        self.url = f"http://{LOOPBACK}:{port}"
        (folder / "edge.yaml").write_text(yaml.safe_dump(self._configuration(port)))
        self.agent = Service(
            folder,
            "agent",
            ["edge", "run", "--config", str(folder / "edge.yaml")],
            {},
            ready=lambda: answers_ok(f"{self.url}/status.json"),
        )

    def silence(self, unit: int) -> None:
        """Let a head say nothing from now on."""
        self.host.units[unit] = silent

    def stop(self) -> None:
        """End the agent, if it still runs, and the heads."""
        self.agent.stop()
        asyncio.run_coroutine_threadsafe(self.host.stop(), self.loop).result(10)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(10)
        self.loop.close()

    def _configuration(self, port: int) -> dict[str, object]:
        devices = [
            {"name": f"head-{unit}", "profile": "r4dcb08", "unit_id": unit, "period_s": 1, "title": f"Bin {unit}"}
            for unit in UNITS
        ]
        return {
            "organisation": "demo",
            "site": "north-farm",
            "node": "yard-pi",
            "mqtt": {"host": LOOPBACK, "port": free_port()},
            "data_directory": "data",
            "clock": {"source": "system"},
            "page": {"port": port},
            "buses": [{"name": "heads", "modbus_tcp": {"host": LOOPBACK, "port": self.host.port}, "devices": devices}],
        }


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[Yard]:
    """A yard whose agent serves its page."""
    made = Yard(tmp_path)
    made.agent.start()
    made.agent.wait_ready()
    yield made
    made.stop()


@pytest.mark.parametrize("dark", [False, True])
def test_a_phone_in_the_yard_sees_what_is_and_what_is_not(browser: Browser, yard: Yard, *, dark: bool) -> None:
    visitor = Visitor(browser, yard.url, PHONE, dark=dark)
    visitor.open("/")
    page = visitor.page
    first = page.locator(".device").first.locator(".row").nth(2)
    expect(first).to_contain_text("21.2")
    expect(first).to_contain_text(re.compile(r"\d+\u00a0s ago"))
    expect(page.locator("#troubles")).to_contain_text("No link to the broker")
    first.click()
    chart = page.locator(".chart svg").nth(2)
    expect(chart).to_have_attribute("aria-label", re.compile("24 hours of Level 3: least 21.2"))
    expect(chart.locator(".line")).to_have_attribute("d", re.compile("^M"))
    assert not visitor.scrolls_sideways()
    assert not faint_words(page)

    yard.silence(1)
    expect(first).to_contain_text("no answer", timeout=20_000)
    expect(first.locator(".value")).to_have_text("—")
    expect(first).to_contain_text("was 21.2")
    expect(page.locator("#troubles")).to_contain_text("Bin 1 does not answer", timeout=20_000)
    expect(page.locator(".device").nth(1).locator(".row").nth(2)).to_contain_text("22.2")
    assert not faint_words(page)
    page.get_by_role("button", name="Українською").click()
    expect(page.locator("#troubles")).to_contain_text("Bin 1 не відповідає")
    assert not visitor.scrolls_sideways()
    page.get_by_role("button", name="In English").click()
    assert not visitor.complaints

    yard.agent.kill()
    expect(page.locator("#gone")).to_be_visible(timeout=20_000)
    expect(page.locator("#gone")).to_contain_text(re.compile(r"does not answer for \d+"))
    expect(page.locator(".device").nth(1).locator(".value").first).to_have_css(
        "background-image", re.compile("stripe|gradient")
    )
    assert not faint_words(page)
    visitor.close()
