"""The page of refused messages, in a real browser over the real API and database."""

import pytest
from playwright.sync_api import ViewportSize, expect

from siloscope_store.connections import connect
from tests.e2e.conftest import Visit
from tests.e2e.contrast import faint_words
from tests.e2e.visitor import DESK, SMALL_PHONE
from tests.e2e.watched_farm import NODE, WatchedFarm

pytestmark = [pytest.mark.browser, pytest.mark.postgres]
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def refused(farm: WatchedFarm, farm_database_url: str) -> str:
    """Two refused messages, one of which says something nasty, and a flood that was only counted."""
    with connect(farm_database_url, autocommit=True) as connection:
        connection.execute("DELETE FROM quarantine_withheld")
        connection.execute("DELETE FROM quarantine")
        for reason, detail, times in (("unknown_unit", "record 1, u: found 'Celsius'", 3), ("malformed", HOSTILE, 1)):
            connection.execute(
                "INSERT INTO quarantine (org_id, node_id, topic, payload, reason, detail, payload_sha256, times_seen) "
                "SELECT org_id, node_id, %s, %s::bytea, %s, %s, %s::bytea, %s FROM node",
                (f"silo/v1/{NODE}/samples", b"[{", reason, detail, reason.encode(), times),
            )
        connection.execute(
            "INSERT INTO quarantine_withheld (org_id, node_id, hour, reason, messages, bytes) "
            "SELECT org_id, node_id, date_trunc('hour', now()), 'malformed', 1234, 5678 FROM node"
        )
    return farm_database_url


@pytest.mark.parametrize("size", [pytest.param(DESK, id="desk"), pytest.param(SMALL_PHONE, id="small")])
def test_an_administrator_finds_them_has_one_tried_again_and_deletes_the_other(
    visit: Visit, refused: str, size: ViewportSize
) -> None:
    visitor = visit(size=size)
    page = visitor.page
    page.get_by_label("Menu").click()
    page.get_by_role("link", name="Refused messages").click()
    expect(page.get_by_role("heading", name="Refused messages")).to_be_visible()
    unit = page.get_by_role("listitem").filter(has_text="unknown unit")
    expect(unit).to_contain_text("found 'Celsius'")
    expect(unit).to_contain_text("3 times")
    torn = page.get_by_role("listitem").filter(has_text=HOSTILE)
    expect(torn).to_be_visible()
    expect(page.get_by_text("1234 × malformed")).to_be_visible()
    assert not visitor.scrolls_sideways()
    assert faint_words(page) == []
    unit.get_by_role("button", name="Try again").click()
    expect(unit).to_contain_text("It is being tried again.")
    page.once("dialog", lambda dialog: dialog.accept())
    torn.get_by_role("button", name="Delete").click()
    expect(torn).to_have_count(0)
    with connect(refused) as connection:
        left = connection.execute("SELECT reason, replay_requested_at IS NOT NULL FROM quarantine").fetchall()
    assert left == [("unknown_unit", True)]


def test_without_any_the_page_says_so(visit: Visit, refused: str) -> None:
    with connect(refused, autocommit=True) as connection:
        connection.execute("DELETE FROM quarantine")
    page = visit("/quarantine").page
    expect(page.get_by_text("No message was refused.")).to_be_visible()
