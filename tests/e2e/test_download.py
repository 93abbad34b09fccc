"""Taking readings home as a file, in a real browser over the real API and database."""

import csv
from pathlib import Path

import pytest
from playwright.sync_api import ViewportSize, expect

from tests.e2e.conftest import Visit
from tests.e2e.contrast import faint_words
from tests.e2e.visitor import DESK, SMALL_PHONE
from tests.e2e.watched_farm import Spot, WatchedFarm

pytestmark = [pytest.mark.browser, pytest.mark.postgres]
SIZES = [pytest.param(DESK, id="desk"), pytest.param(SMALL_PHONE, id="small")]
ROOM = "room-probe"


@pytest.fixture(scope="module")
def room_id(farm: WatchedFarm) -> int:
    """A cold room with half an hour of readings of two channels."""
    farm.device(ROOM, [("temperature", "temperature", "Cel"), ("humidity", "relative_humidity", "%RH")])
    farm.commit_history(ROOM, [(60.0 * minute, [4.0 + minute / 10, 90.0]) for minute in range(30, 0, -1)])
    return farm.place("room", "Cold room", "cold_room", {ROOM: [Spot("temperature"), Spot("humidity")]})


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as opened:
        return list(csv.DictReader(opened))


@pytest.mark.parametrize("size", SIZES)
def test_a_place_and_a_channel_are_taken_home(
    visit: Visit, farm: WatchedFarm, room_id: int, tmp_path: Path, size: ViewportSize
) -> None:
    visitor = visit(f"/places/{room_id}", size=size)
    page = visitor.page
    expect(page.get_by_role("button", name="Download CSV")).to_be_visible()
    assert not visitor.scrolls_sideways()
    assert faint_words(page) == []
    with page.expect_download() as begun:
        page.get_by_role("button", name="Download CSV").click()
    begun.value.save_as(tmp_path / "place.csv")
    assert begun.value.suggested_filename.endswith(".csv")
    assert {row["channel"] for row in rows(tmp_path / "place.csv")} == {"temperature", "humidity"}
    assert len(rows(tmp_path / "place.csv")) == 60

    visitor.open(f"/channels/{farm.channel_id(ROOM, 'temperature')}?range=1h")
    button = page.get_by_role("button", name="Download CSV")
    expect(button).to_be_visible()
    assert not visitor.scrolls_sideways()
    with page.expect_download() as begun:
        button.click()
    begun.value.save_as(tmp_path / "channel.csv")
    found = rows(tmp_path / "channel.csv")
    assert {row["channel"] for row in found} == {"temperature"}
    assert [float(row["value"]) for row in found] == [4.0 + minute / 10 for minute in range(30, 0, -1)]
    assert visitor.complaints == []


def test_a_file_that_lacks_what_was_let_go_says_so(visit: Visit, farm: WatchedFarm, room_id: int) -> None:
    visitor = visit(f"/places/{room_id}", size=SMALL_PHONE)
    visitor.page.get_by_role("button", name="Download CSV").click()
    expect(visitor.page.get_by_role("button", name="Download CSV")).to_be_enabled()
    told = visitor.page.get_by_role("status").filter(has_text="The file is not complete: what is older than ")
    expect(told).to_have_count(0)
    farm.let_go_before(900.0)
    visitor.page.get_by_role("button", name="Download CSV").click()
    expect(told).to_contain_text(" is no longer kept.")
    assert not visitor.scrolls_sideways()
    assert faint_words(visitor.page) == []


def test_what_cannot_be_fetched_is_said(visit: Visit, room_id: int) -> None:
    visitor = visit(f"/places/{room_id}")
    visitor.page.route("**/api/v1/export**", lambda route: route.abort())
    visitor.page.get_by_role("button", name="Download CSV").click()
    expect(visitor.page.get_by_role("alert")).to_have_text("The file could not be fetched. Try again.")
    expect(visitor.page.get_by_role("button", name="Download CSV")).to_be_enabled()
