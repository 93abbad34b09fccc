"""The page about keeping data, in a real browser over the real API and database."""

import re

import pytest
from playwright.sync_api import Locator, Page, ViewportSize, expect

from siloscope_store.connections import connect
from siloscope_store.retention import policies
from tests.e2e.conftest import Visit
from tests.e2e.contrast import faint_words
from tests.e2e.visitor import DESK, PHONE, SMALL_PHONE
from tests.e2e.watched_farm import NODE, WatchedFarm

pytestmark = [pytest.mark.browser, pytest.mark.postgres]
DAY_S = 86_400


@pytest.fixture(scope="module")
def old_samples(farm: WatchedFarm) -> WatchedFarm:
    """A cable with a sample a day for seven weeks."""
    farm.device("cable", [("t1", "temperature", "Cel")], title="Cable 1")
    farm.commit_history("cable", [(n * DAY_S, [20.0]) for n in reversed(range(49))])
    return farm


@pytest.fixture
def untouched(old_samples: WatchedFarm, farm_database_url: str) -> str:
    """Nobody has set anything, and nothing has gone."""
    with connect(farm_database_url, autocommit=True) as connection:
        connection.execute("DELETE FROM retention")
        connection.execute("DELETE FROM archive_policy")
        connection.execute("DELETE FROM retention_loss")
    return farm_database_url


def single_readings(page: Page) -> Locator:
    """Return the entry of the measurements' raw samples."""
    measurements = page.get_by_role("region", name="Measurements")
    return measurements.get_by_role("listitem").filter(has=page.get_by_role("heading", name="Single readings"))


@pytest.mark.parametrize("size", [pytest.param(DESK, id="desk"), pytest.param(SMALL_PHONE, id="small")])
def test_an_administrator_sees_what_would_go_before_it_is_saved(
    visit: Visit, untouched: str, size: ViewportSize
) -> None:
    visitor = visit(size=size)
    page = visitor.page
    page.get_by_label("Menu").click()
    page.get_by_role("link", name="Keeping data").click()
    expect(page.get_by_role("heading", name="Keeping data")).to_be_visible()
    entry = single_readings(page)
    expect(entry).to_contain_text("2\u00a0years")
    expect(entry).to_contain_text("the usual time")
    expect(page.get_by_text("Nothing has gone yet.")).to_be_visible()
    entry.get_by_role("button", name="Change: Single readings").click()
    save = entry.get_by_role("button", name="Save")
    expect(save).to_be_disabled()
    amount, unit = entry.get_by_label("Keep for"), entry.get_by_label("Unit")
    amount.fill("4")
    expect(entry.get_by_role("alert")).to_contain_text("Five-minute averages are kept for 3\u00a0years")
    expect(entry.get_by_role("button", name="See what would go")).to_be_disabled()
    amount.fill("0")
    expect(entry.get_by_role("alert")).to_contain_text("whole number")
    amount.fill("30")
    unit.select_option("days")
    entry.get_by_role("button", name="See what would go").click()
    preview = entry.get_by_role("status")
    expect(preview).to_contain_text("North Farm")
    expect(preview).to_contain_text(re.compile(r"\d+\sdays are written to the archive first"))
    entry.get_by_text("Which days").click()
    expect(preview).to_contain_text("not yet")
    expect(preview).to_contain_text("Counts and sizes are estimates.")
    assert not visitor.scrolls_sideways()
    assert faint_words(page) == []
    for button in entry.get_by_role("button").all():
        box = button.bounding_box()
        assert box is not None
        assert box["height"] >= 44
    amount.fill("31")
    expect(save).to_be_disabled()
    amount.fill("30")
    save.click()
    expect(entry.get_by_text("Saved. Kept for 30\u00a0days from now on.")).to_be_in_viewport(ratio=1)
    expect(entry).to_contain_text("set by admin on")
    with connect(untouched) as connection:
        kept = {each.level: each for each in policies.policies(connection, NODE.org) if not each.by_default}
        assert {level: each.keep_days for level, each in kept.items()} == {"raw": 30}
        assert connection.execute("SELECT count(*) FROM sample").fetchone() == (49,)
    assert visitor.complaints == []


def test_who_was_overtaken_is_told_and_sees_what_holds(visit: Visit, untouched: str) -> None:
    visitor = visit("/keeping", size=PHONE)
    entry = single_readings(visitor.page)
    entry.get_by_role("button", name="Change: Single readings").click()
    entry.get_by_label("Keep for").fill("1")
    entry.get_by_role("button", name="See what would go").click()
    expect(entry.get_by_role("status")).to_contain_text("Nothing would go.")
    with connect(untouched, autocommit=True) as connection:
        policies.set_policy(connection, NODE.org, "measurements", "raw", 400)
    entry.get_by_role("button", name="Save").click()
    expect(entry.get_by_role("alert")).to_contain_text("Somebody else changed this meanwhile.")
    expect(entry).to_contain_text("400\u00a0days")
    expect(entry.get_by_role("button", name="Save")).to_be_disabled()


@pytest.mark.parametrize("size", [pytest.param(DESK, id="desk"), pytest.param(SMALL_PHONE, id="small")])
def test_the_archive_is_switched_after_reading_what_that_means(
    visit: Visit, untouched: str, size: ViewportSize
) -> None:
    def required() -> bool:
        with connect(untouched) as connection:
            return all(policies.archive_required(connection).values())

    visitor = visit("/keeping", size=size)
    archive = visitor.page.get_by_role("region", name="Archive")
    expect(archive).to_contain_text("Single readings go only once their day is safely in a file")
    archive.get_by_role("button", name="Switch the archive off").click()
    expect(archive).to_contain_text("nobody can put them back")
    archive.get_by_role("button", name="Cancel").click()
    archive.get_by_role("button", name="Switch the archive off").click()
    assert required()
    assert not visitor.scrolls_sideways()
    assert faint_words(visitor.page) == []
    archive.get_by_role("button", name="Yes, without a file").click()
    expect(archive.get_by_role("status")).to_have_text("The archive is off now.")
    expect(archive).to_contain_text("Single readings go without a file in the archive")
    assert not required()
    archive.get_by_role("button", name="Switch the archive on").click()
    with connect(untouched, autocommit=True) as connection:
        policies.require_archive(connection, NODE.org, required=True)
    archive.get_by_role("button", name="Yes, only with a file").click()
    expect(archive.get_by_role("alert")).to_contain_text("Somebody else changed this meanwhile.")
    expect(archive.get_by_role("button", name="Switch the archive off")).to_be_visible()
    assert required()


def test_it_is_read_in_ukrainian_too_and_what_has_gone_stands_below(visit: Visit, untouched: str) -> None:
    with connect(untouched, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO retention_loss (gone_at, org_id, site_id, retention_class, level, rows, size_bytes, "
            "first_time, last_time, archived) "
            "SELECT '2025-01-02 00:00Z', org_id, site_id, 'measurements', 'raw', 336, 26208, "
            "'2023-03-02 00:00Z', '2023-03-15 23:00Z', true FROM site"
        )
    visitor = visit("/keeping", size=PHONE)
    page = visitor.page
    gone = page.get_by_role("region", name="What has gone")
    expect(gone).to_contain_text("336\u00a0sets of readings, 2\u00a0Mar\u00a02023 to 15\u00a0Mar\u00a02023")
    page.get_by_role("button", name="Українською").click()
    expect(page.get_by_role("heading", name="Зберігання даних")).to_be_visible()
    gone = page.get_by_role("region", name="Що вже вилучено")
    expect(gone).to_contain_text("336\u00a0вимірів")
    expect(gone).to_contain_text("є в архіві")
    measurements = page.get_by_role("region", name="Виміри")
    expect(measurements).to_contain_text("2\u00a0роки")
    assert not visitor.scrolls_sideways()
    assert faint_words(page) == []
    page.reload()
    expect(page.get_by_role("button", name="In English")).to_be_visible()
