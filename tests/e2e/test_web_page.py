"""The web page in a real browser, over the real API and database."""

import itertools
import math
import re

import pytest
from playwright.sync_api import ViewportSize, expect

from siloscope_contract.quality import Quality
from tests.e2e.conftest import Visit, Website
from tests.e2e.contrast import faint_words
from tests.e2e.visitor import DESK, PHONE, SMALL_PHONE
from tests.e2e.watched_farm import Spot, WatchedFarm

pytestmark = [pytest.mark.browser, pytest.mark.postgres]

HEAD = "bin-1-cable-1"
FAN = "bin-1-fan"
ROOF = "bin-1-roof"
MAST = "yard-mast"
LEVELS = 4
SIZES = [pytest.param(DESK, id="desk"), pytest.param(PHONE, id="phone")]
HOUR_S = 3600


@pytest.fixture(scope="module")
def bin_id(farm: WatchedFarm) -> int:
    """Return a bin with a cable, a fan and the air under its roof."""
    keys = [f"t{level}" for level in range(1, LEVELS + 1)]
    farm.device(HEAD, [(key, "temperature", "Cel") for key in keys], title="Bin 1, cable 1")
    farm.device(FAN, [("power", "power", "W")], title="Bin 1, fan")
    farm.device(ROOF, [("co2", "co2", "ppm")], title="Bin 1, head space")
    return farm.place(
        "bin-1",
        "Bin 1",
        "bin",
        {
            HEAD: [Spot(key, cable=1, level=level) for level, key in enumerate(keys, start=1)],
            FAN: [Spot("power", spot="fan")],
            ROOF: [Spot("co2", spot="head space")],
        },
    )


@pytest.fixture(scope="module")
def mast_id(farm: WatchedFarm) -> int:
    """Return a weather mast with a day of wind, but for three hours in its middle."""
    farm.device(MAST, [("wind_speed", "wind_speed", "m/s"), ("temperature", "temperature", "Cel")])
    minutes = [minute for minute in range(24 * 60 - 1, 0, -1) if not 10 * 60 < minute < 13 * 60]
    farm.commit_history(MAST, [(60.0 * minute, _weather(minute)) for minute in minutes])
    return farm.place("mast", "Weather mast", "mast", {MAST: [Spot("wind_speed"), Spot("temperature")]})


def test_a_wrong_password_is_refused_in_words_and_the_right_one_opens_the_sites(visit: Visit, website: Website) -> None:
    """And the words say nothing about whether the user exists."""
    username, password = website.login()
    visitor = visit(logged_in=False)
    visitor.log_in(username, "not the password")
    expect(visitor.page.get_by_role("alert")).to_have_text("Wrong user name or password.")
    visitor.complaints.clear()  # Chromium itself reports the refusal
    visitor.log_in(username, password)
    expect(visitor.page.get_by_role("heading", name="Sites")).to_be_visible()
    expect(visitor.page.get_by_role("link", name="North Farm")).to_be_visible()
    assert visitor.complaints == []


@pytest.mark.parametrize("size", SIZES)
def test_a_value_changes_by_itself_when_a_sample_is_committed(
    visit: Visit, farm: WatchedFarm, bin_id: int, size: ViewportSize
) -> None:
    """From the list of sites down to the cell of one probe, then without touching anything."""
    farm.commit(HEAD, [11.1, 12.2, 13.3, 14.4])
    visitor = visit(size=size)
    visitor.page.get_by_role("link", name="North Farm").click()
    visitor.page.get_by_role("link", name="Bin 1").click()
    cell = visitor.page.get_by_role("link", name=re.compile("^Cable 1, level 2:"))
    expect(cell).to_have_accessible_name("Cable 1, level 2: 12.2\u00a0°C")
    farm.commit(HEAD, [11.1, 27.8, 13.3, 14.4])
    expect(cell).to_have_text("27.8")
    expect(visitor.page.get_by_text("Hottest 27.8 °C on cable 1, level 2")).to_be_visible()
    assert not visitor.scrolls_sideways()
    assert visitor.complaints == []


def test_a_failed_reading_says_why_and_shows_no_number(visit: Visit, farm: WatchedFarm, bin_id: int) -> None:
    """The last good number has no business there."""
    farm.commit(HEAD, [11.1, 12.2, 13.3, 14.4], age_s=20)
    farm.commit(HEAD, [11.1, 12.2, Quality.SENSOR_MISSING, 14.4])
    visitor = visit(f"/places/{bin_id}")
    broken = visitor.page.locator(f"[data-channel='{farm.channel_id(HEAD, 't3')}']")
    expect(broken).to_have_text("no probe")
    broken.click()
    now = visitor.page.locator(f".value[data-channel='{farm.channel_id(HEAD, 't3')}']")
    expect(now).to_have_text("No probe is connected, or its cable is broken")
    assert not re.search(r"\d", now.inner_text())


def test_an_old_value_looks_old_and_its_age_ticks(visit: Visit, farm: WatchedFarm, bin_id: int) -> None:
    """Though the server is up and the connection too."""
    farm.commit(ROOF, [655], age_s=45 * 60)
    visitor = visit(f"/places/{bin_id}")
    card = visitor.page.get_by_role("link", name=re.compile("CO₂"))
    expect(card).to_contain_text("655")
    expect(card).to_contain_text("Stale")
    expect(card).to_contain_text("45 min ago")
    expect(card).to_have_class(re.compile("striped"))
    farm.commit(ROOF, [661])
    expect(card).not_to_contain_text("Stale")
    age = card.locator("time")
    first = age.inner_text()
    expect(age).not_to_have_text(first)


@pytest.mark.parametrize("size", SIZES)
def test_a_chart_is_drawn_with_its_gap(visit: Visit, farm: WatchedFarm, mast_id: int, size: ViewportSize) -> None:
    """A line through the day, but no ink where nothing was stored."""
    visitor = visit(f"/channels/{farm.channel_id(MAST, 'wind_speed')}", size=size)
    columns = visitor.line_by_column()
    drawn = [x for x, pixels in enumerate(columns) if pixels > 0]
    share = len(drawn) / (drawn[-1] - drawn[0])
    assert 0.8 < share < 0.92, "21 of 24 hours are stored"
    widest = max(after - before for before, after in itertools.pairwise(drawn))
    assert widest / (drawn[-1] - drawn[0]) == pytest.approx(3 / 24, abs=0.03)
    for span in ("7 days", "30 days"):
        visitor.page.get_by_role("link", name=span).click()
        expect(visitor.page.get_by_role("img", name=re.compile(span))).to_be_visible()
        assert len([pixels for pixels in visitor.line_by_column() if pixels > 0]) < len(drawn)
    assert not visitor.scrolls_sideways()
    assert visitor.complaints == []


def test_the_chart_can_be_read_with_the_keyboard(visit: Visit, farm: WatchedFarm, mast_id: int) -> None:
    """Times in it are those of the site."""
    visitor = visit(f"/channels/{farm.channel_id(MAST, 'temperature')}")
    chart = visitor.page.get_by_role("img")
    chart.focus()
    chart.press("ArrowLeft")
    readout = visitor.page.locator(".readout")
    expect(readout).to_contain_text("°C")
    first = readout.inner_text()
    chart.press("ArrowLeft")
    expect(readout).not_to_have_text(first)
    expect(visitor.page.get_by_text("America/New York")).to_be_visible()


def test_every_page_can_be_linked_to_fits_a_small_phone_and_is_legible(
    visit: Visit, farm: WatchedFarm, bin_id: int, mast_id: int
) -> None:
    """In light and in dark."""
    farm.commit(HEAD, [-12.5, 12.2, Quality.COMM_FAILURE, 34.4])
    farm.commit(FAN, [2203.4])
    paths = ["/sites", "/sites/1", "/sites/1/channels", f"/places/{bin_id}", f"/places/{mast_id}", "/channels/1", "/no"]
    for dark in (False, True):
        visitor = visit("/sites", size=SMALL_PHONE, dark=dark)
        expect(visitor.page.get_by_role("heading", level=1)).to_be_visible()
        for path in paths:
            visitor.open(path)
            expect(visitor.page.get_by_role("heading", level=1)).not_to_have_text(re.compile("^(Place|Site|Channel)$"))
            visitor.page.wait_for_load_state("domcontentloaded")
            assert not visitor.scrolls_sideways(), path
            assert faint_words(visitor.page) == [], f"{path}, dark={dark}"
        assert visitor.complaints == []


def test_a_login_ends_when_its_owner_says_so(visit: Visit, bin_id: int) -> None:
    """And the page that was asked for is shown again to the next one who logs in."""
    visitor = visit(f"/places/{bin_id}")
    expect(visitor.page.get_by_role("heading", name="Bin 1")).to_be_visible()
    visitor.page.get_by_label("Menu").click()
    visitor.page.get_by_role("button", name="Log out").click()
    expect(visitor.page.get_by_label("User name")).to_be_visible()
    visitor.page.reload()
    expect(visitor.page.get_by_label("User name")).to_be_visible()
    assert visitor.page.get_by_text("Bin 1").count() == 0


def _weather(minute: int) -> list[float]:
    return [5 + 3 * math.sin(minute / 200), 8 + 4 * math.cos(minute / 300)]
