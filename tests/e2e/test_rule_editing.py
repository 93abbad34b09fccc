"""Rules as text on the page: read by everybody, checked and changed by administrators, on a desk and in one hand."""

import pytest
from playwright.sync_api import Locator, Page, ViewportSize, expect

from tests.e2e.conftest import Visit
from tests.e2e.contrast import faint_words
from tests.e2e.visitor import DESK, PHONE
from tests.e2e.watched_alerts import WatchedAlerts
from tests.e2e.watched_farm import Spot, WatchedFarm

pytestmark = [pytest.mark.browser, pytest.mark.postgres]


@pytest.fixture(scope="module")
def rule(farm: WatchedFarm, farm_database_url: str) -> WatchedAlerts:
    """A rule about a bin of three levels."""
    levels = ("t1", "t2", "t3")
    farm.device("cable", [(key, "temperature", "Cel") for key in levels], title="Cable 1")
    spots = [Spot(key, cable=1, level=number) for number, key in enumerate(levels, start=1)]
    farm.place("bin-7", "Bin 7", "bin", {"cable": spots})
    return WatchedAlerts(farm_database_url)


def opened(page: Page) -> Locator:
    """Return the entry of the rule, opened."""
    entry = page.get_by_role("listitem").filter(has=page.get_by_text("Grain is heating", exact=True))
    entry.get_by_text("bin-heating, version").click()
    return entry


@pytest.mark.parametrize("size", [pytest.param(PHONE, id="phone"), pytest.param(DESK, id="desk")])
def test_a_fault_names_its_line_and_a_rule_says_what_it_watches(
    visit: Visit, rule: WatchedAlerts, size: ViewportSize
) -> None:
    visitor = visit("/rules", size=size)
    page = visitor.page
    entry = opened(page)
    text = entry.get_by_label("Rule bin-heating, as YAML")
    before = text.input_value()
    assert "above: 30" in before
    text.fill(before.replace("above:", "abvoe:"))
    entry.get_by_role("button", name="Check").click()
    wrong = entry.get_by_role("alert")
    expect(wrong).to_contain_text("condition.abvoe: expected")
    expect(wrong).to_contain_text("'above'")
    line = before.splitlines().index(next(each for each in before.splitlines() if "above:" in each)) + 1
    wrong.get_by_role("button", name=f"Line {line}").click()
    assert "abvoe" in str(text.evaluate("area => area.value.slice(area.selectionStart, area.selectionEnd)"))
    assert not visitor.scrolls_sideways()
    assert faint_words(page) == []
    text.fill(before)
    entry.get_by_role("button", name="Check").click()
    expect(entry.get_by_role("status")).to_contain_text("It watches 3 channels now.")
    expect(entry.get_by_role("status")).to_contain_text("cable/t1")
    for button in entry.get_by_role("button").all():
        box = button.bounding_box()
        assert box is not None
        assert box["height"] >= 44
    assert not visitor.scrolls_sideways()


def test_a_rule_is_changed_switched_off_and_a_new_one_made(visit: Visit, rule: WatchedAlerts) -> None:
    page = visit("/rules", size=PHONE).page
    entry = opened(page)
    text = entry.get_by_label("Rule bin-heating, as YAML")
    text.fill(text.input_value().replace("above: 30", "above: 29"))
    entry.get_by_role("button", name="Save as a new version").click()
    expect(entry.get_by_text("bin-heating, version 2")).to_be_visible()
    expect(entry).to_contain_text("above 29")
    entry.get_by_role("button", name="Switch off").click()
    expect(entry).to_contain_text("switched off")
    entry.get_by_role("button", name="Switch on").click()
    expect(entry.get_by_text("bin-heating, version 4")).to_be_visible()
    page.get_by_role("button", name="New rule").click()
    page.get_by_role("region", name="New rule").get_by_role("button", name="Save").click()
    expect(page.get_by_role("listitem").filter(has_text="my-rule, version 1")).to_be_visible()
