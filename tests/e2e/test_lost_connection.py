"""The web page while the server is gone, and when it is back."""

import re

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import Visit, Website
from tests.e2e.watched_farm import Spot, WatchedFarm

pytestmark = [pytest.mark.browser, pytest.mark.postgres]

ROOM = "room-1-back"


def test_a_lost_connection_is_said_and_what_was_missed_is_fetched(
    visit: Visit, website: Website, farm: WatchedFarm
) -> None:
    """The API is killed, a sample is committed meanwhile, and the API comes back; nobody touches the page."""
    farm.device(ROOM, [("temperature", "temperature", "Cel")])
    place_id = farm.place("room-1", "Cold room 1", "cold_room", {ROOM: [Spot("temperature", spot="by the evaporator")]})
    farm.commit(ROOM, [3.4])
    visitor = visit(f"/places/{place_id}")
    card = visitor.page.get_by_role("link", name=re.compile("Temperature"))
    expect(card).to_contain_text("3.4")
    website.service.kill()
    expect(visitor.page.get_by_text("Connection lost.")).to_be_visible()
    expect(visitor.page.get_by_text(re.compile(r"What you see is from \d+ s ago"))).to_be_visible()
    farm.commit(ROOM, [7.9])
    website.start()
    expect(card).to_contain_text("7.9", timeout=20_000)
    expect(visitor.page.get_by_text("Connection lost.")).not_to_be_visible()
