"""A node whose clock is wrong is shown as such, in a real browser: what it reads is never the newest."""

import pytest
from playwright.sync_api import ViewportSize, expect

from siloscope_store.connections import connect
from tests.e2e.conftest import Visit
from tests.e2e.contrast import faint_words
from tests.e2e.visitor import DESK, SMALL_PHONE
from tests.e2e.watched_farm import Spot, WatchedFarm

pytestmark = [pytest.mark.browser, pytest.mark.postgres]
SIZES = [pytest.param(DESK, id="desk"), pytest.param(SMALL_PHONE, id="small")]


@pytest.fixture(scope="module")
def place_id(farm: WatchedFarm) -> int:
    """A mast of which nothing ever was the newest."""
    farm.device("mast", [("wind", "wind_speed", "m/s"), ("air", "temperature", "Cel")], title="Mast")
    return farm.place("mast-1", "Mast 1", "mast", {"mast": [Spot("wind"), Spot("air")]})


@pytest.fixture
def seen(farm_database_url: str, place_id: int) -> str:
    """The node is heard, and nothing is known of its clock."""
    with connect(farm_database_url, autocommit=True) as connection:
        connection.execute("DELETE FROM node_clock_event")
        connection.execute("UPDATE node SET last_pack_at = now()")
    return farm_database_url


def note(url: str, kind: str, offset_s: float, since: str, *, is_over: bool) -> None:
    with connect(url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO node_clock_event (org_id, node_id, kind, offset_s, since, until) SELECT org_id, node_id, %s, "
            "%s, now() - %s::interval, CASE WHEN %s THEN now() - %s::interval END FROM node",
            (kind, offset_s, since, is_over, since),
        )


@pytest.mark.parametrize("size", SIZES)
def test_a_clock_two_minutes_ahead_is_said_wherever_its_readings_are_missed(
    visit: Visit, seen: str, place_id: int, size: ViewportSize
) -> None:
    note(seen, "ahead", 125, "60 days", is_over=False)
    visitor = visit("/sites/1", size=size)
    page = visitor.page
    node = page.get_by_role("listitem").filter(has_text="yard-pi")
    expect(node).to_contain_text("Clock 2 min ahead")
    expect(node).to_contain_text("none is shown as the newest until its clock is set right")
    assert not visitor.scrolls_sideways()
    assert faint_words(page) == []
    page.get_by_role("link", name="Mast 1").click()
    expect(page.get_by_text("Clock 2 min ahead").first).to_be_visible()
    expect(page.get_by_text("no current reading").first).to_be_visible()
    expect(page.get_by_text("no reading yet")).to_have_count(0)
    assert not visitor.scrolls_sideways()
    assert faint_words(page) == []
    assert visitor.complaints == []


def test_a_clock_that_stepped_back_this_week_is_said_until_it_came_back(visit: Visit, seen: str) -> None:
    note(seen, "step_back", -7_260, "1 day", is_over=True)
    page = visit("/sites/1").page
    node = page.get_by_role("listitem").filter(has_text="yard-pi")
    expect(node).to_contain_text("Clock 2 h 1 min behind")
    expect(node).to_contain_text("may bear older times")
    note(seen, "step_forward", 0.4, "1 hour", is_over=True)
    page.reload()
    expect(node).to_be_visible()
    expect(page.get_by_text("Clock 2 h")).to_have_count(0)


def test_nothing_is_said_of_a_clock_that_is_right_again(visit: Visit, seen: str) -> None:
    note(seen, "ahead", 125, "1 day", is_over=True)
    note(seen, "step_back", -7_260, "30 days", is_over=True)
    page = visit("/sites/1").page
    expect(page.get_by_role("listitem").filter(has_text="yard-pi")).to_be_visible()
    expect(page.get_by_text("Clock")).to_have_count(0)
