"""The pages of alerts in a real browser: what is open, acting on it with one hand, rules and silences."""

import math
import re
from datetime import timedelta

import pytest
from playwright.sync_api import ViewportSize, expect

from tests.e2e.conftest import Visit
from tests.e2e.contrast import faint_words
from tests.e2e.visitor import DESK, PHONE, SMALL_PHONE
from tests.e2e.watched_alerts import WatchedAlerts
from tests.e2e.watched_farm import Spot, WatchedFarm

pytestmark = [pytest.mark.browser, pytest.mark.postgres]
SIZES = [pytest.param(DESK, id="desk"), pytest.param(PHONE, id="phone"), pytest.param(SMALL_PHONE, id="small")]


@pytest.fixture(scope="module")
def alerts(farm: WatchedFarm, farm_database_url: str) -> WatchedAlerts:
    """Three of a bin: one critical, one that somebody may take, one that is over."""
    levels = ("t1", "t2", "t3")
    farm.device("cable", [(key, "temperature", "Cel") for key in levels], title="Cable 1")
    spots = [Spot(key, cable=1, level=number) for number, key in enumerate(levels, start=1)]
    farm.place("bin-7", "Bin 7", "bin", {"cable": spots})
    ages_s = range(9 * 3600, 0, -60)
    farm.commit_history("cable", [(age_s, [_heating(age_s), 22.0, 21.0]) for age_s in ages_s])
    return WatchedAlerts(farm_database_url)


@pytest.fixture(scope="module")
def alert_id(farm: WatchedFarm, alerts: WatchedAlerts) -> int:
    """The one that is looked at."""
    over = alerts.open(farm.channel_id("cable", "t3"), began=timedelta(hours=8), value=30.4)
    alerts.end(over, alerts.now - timedelta(hours=6))
    alerts.open(farm.channel_id("cable", "t2"), began=timedelta(hours=2), severity="critical", value=33.0)
    return alerts.open(farm.channel_id("cable", "t1"), began=timedelta(hours=3), value=31.2)


@pytest.mark.parametrize("size", SIZES)
def test_the_badge_leads_to_what_is_open_the_worst_first(visit: Visit, alert_id: int, size: ViewportSize) -> None:
    visitor = visit(size=size)
    page = visitor.page
    page.get_by_role("link", name="Alerts, 2 open").click()
    expect(page.get_by_role("heading", name="Alerts", exact=True)).to_be_visible()
    rows = page.get_by_role("main").get_by_role("listitem").filter(has_text="Grain is heating")
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("Critical")
    expect(rows.last).to_contain_text("Bin 7, cable 1, level 1")
    expect(rows.last).to_contain_text("31.2\u00a0°C, above 30.0\u00a0°C")
    assert not visitor.scrolls_sideways()
    assert faint_words(page) == []
    page.get_by_label("Severity").select_option("critical")
    expect(rows).to_have_count(1)
    page.get_by_label("Severity").select_option("")
    page.get_by_role("link", name="Over").click()
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("Resolved after 1 h 30 min")
    assert visitor.complaints == []


def test_an_alert_is_acknowledged_snoozed_and_commented_on_a_phone(visit: Visit, alert_id: int) -> None:
    visitor = visit(f"/alerts/{alert_id}", size=PHONE)
    page = visitor.page
    now = page.get_by_role("region", name="Now")
    history = page.get_by_role("region", name="History, newest first")
    expect(now).to_contain_text("31.2\u00a0°C, above 30.0\u00a0°C")
    expect(now).to_contain_text("above 30\u00a0°C for 30 min")
    acknowledge = page.get_by_role("button", name="Acknowledge", exact=True)
    box = acknowledge.bounding_box()
    assert box is not None
    assert box["height"] >= 44
    assert box["y"] + box["height"] < PHONE["height"], "it is reached without scrolling"
    page.get_by_label("Comment").fill("Fan is on")
    acknowledge.click()
    expect(now).to_contain_text("acknowledged by")
    expect(history.get_by_role("listitem").first).to_contain_text("acknowledged it")
    expect(history.get_by_role("listitem").first).to_contain_text("Fan is on")
    page.get_by_label("Tell nobody for").select_option("12 hours")
    page.get_by_role("button", name="Snooze").click()
    expect(now).to_contain_text("snoozed until")
    page.get_by_label("Who looks after it").fill("Olena")
    page.get_by_role("button", name="Assign").click()
    expect(now).to_contain_text("Olena")
    page.get_by_label("Comment").fill("Probe checked: it is real")
    page.get_by_role("button", name="Add comment").click()
    expect(history.get_by_role("listitem").first).to_contain_text("Probe checked: it is real")
    expect(history).to_contain_text("Message to crew, that it fires: delivered.")
    assert max(visitor.line_by_column()) > 0
    assert not visitor.scrolls_sideways()
    assert faint_words(page) == []
    assert visitor.complaints == []


@pytest.mark.parametrize("dark", [False, True])
def test_what_is_silenced_is_said_until_somebody_ends_it(visit: Visit, alert_id: int, *, dark: bool) -> None:
    visitor = visit(f"/alerts/{alert_id}", size=SMALL_PHONE, dark=dark)
    page = visitor.page
    page.get_by_role("link", name="Silence all of this kind here").click()
    expect(page.get_by_role("heading", name="Silences")).to_be_visible()
    expect(page.get_by_label("Place")).to_have_value("bin-7")
    expect(page.get_by_label("Rule")).to_have_value("bin-heating")
    page.get_by_label("Why").fill("Loading")
    page.get_by_role("button", name="Begin now").click()
    first = page.get_by_role("main").get_by_role("listitem").filter(has_text="Loading").first
    expect(first).to_contain_text("rules bin-heating · place bin-7")
    expect(first).to_contain_text("Silence, now")
    assert not visitor.scrolls_sideways()
    assert faint_words(page) == []
    first.get_by_role("button", name="End it now").click()
    expect(first).to_contain_text("Silence, over")
    assert visitor.complaints == []


def test_a_maintenance_window_is_planned_ahead(visit: Visit, alert_id: int) -> None:
    visitor = visit("/silences", size=PHONE)
    page = visitor.page
    page.get_by_label("What").select_option("maintenance")
    page.get_by_label("Place").select_option("bin-7")
    page.get_by_label("From").fill("2031-05-04T06:00")
    page.get_by_label("Why").fill("New cable")
    page.get_by_role("button", name="Plan it").click()
    planned = page.get_by_role("main").get_by_role("listitem").filter(has_text="New cable")
    expect(planned).to_contain_text("Maintenance, to come")
    expect(planned).to_contain_text("2031")
    assert not visitor.scrolls_sideways()
    planned.get_by_role("button", name="End it now").click()
    expect(planned).to_contain_text("Maintenance, over")
    assert visitor.complaints == []


@pytest.mark.parametrize("dark", [False, True])
def test_rules_are_told_in_words_and_lead_to_their_alerts(visit: Visit, alert_id: int, *, dark: bool) -> None:
    visitor = visit("/rules", size=SMALL_PHONE, dark=dark)
    page = visitor.page
    rule = page.get_by_role("listitem").filter(has=page.get_by_text("Grain is heating", exact=True))
    expect(rule).to_contain_text("above 30\u00a0°C for 30 min")
    expect(rule).to_contain_text("Watches temperature · bin")
    rule.get_by_text("bin-heating, version 1").click()
    expect(rule).to_contain_text("Source of the level: practice")
    assert not visitor.scrolls_sideways()
    assert faint_words(page) == []
    rule.get_by_role("link", name="2 open").click()
    expect(page.get_by_role("main").get_by_role("listitem").filter(has_text="Grain is heating")).to_have_count(2)
    expect(page.get_by_role("button", name=re.compile("Rule bin-heating"))).to_be_visible()
    assert visitor.complaints == []


def test_an_alert_that_does_not_exist_is_said_in_words(visit: Visit, alert_id: int) -> None:
    page = visit("/alerts/999999", size=PHONE).page
    expect(page.get_by_role("alert")).to_contain_text("There is nothing at this address.")


def _heating(age_s: int) -> float:
    return 31.2 - age_s / 3600 * 0.8 + 0.2 * math.sin(age_s / 900)
