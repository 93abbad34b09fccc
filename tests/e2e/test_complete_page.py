"""The page that says whether anything is missing, in a real browser over the real API and database."""

import re

import pytest
from playwright.sync_api import ViewportSize, expect

from siloscope_contract.quality import Quality
from siloscope_process.clock import SystemClock, from_ms
from siloscope_store.connections import connect
from tests.e2e.conftest import Visit
from tests.e2e.contrast import faint_words
from tests.e2e.visitor import DESK, PHONE, SMALL_PHONE
from tests.e2e.watched_farm import Spot, WatchedFarm

pytestmark = [pytest.mark.browser, pytest.mark.postgres]

SIZES = [pytest.param(DESK, id="desk"), pytest.param(PHONE, id="phone"), pytest.param(SMALL_PHONE, id="small")]
HOUR_S = 3600


@pytest.fixture(scope="module")
def site_id(farm: WatchedFarm, farm_database_url: str) -> int:
    """Return a site with a bin that is whole and one with an hour off, an hour evicted and an hour unexplained."""
    for name in ("bin-1", "bin-2"):
        farm.device(name, [("t1", "temperature", "Cel"), ("t2", "temperature", "Cel")], title=name)
        farm.place(name, name.replace("bin-", "Bin "), "bin", {name: [Spot("t1"), Spot("t2")]})
    now_ms = SystemClock().now_ms()
    slots = range(0, 60 * HOUR_S, 600)
    holes = {"agent_off": range(10 * HOUR_S, 11 * HOUR_S), "evicted": range(20 * HOUR_S, 21 * HOUR_S)}
    unexplained = range(30 * HOUR_S, 31 * HOUR_S)
    farm.commit_history("bin-1", [(age_s, [11.0, 12.0]) for age_s in reversed(slots)])
    kept = [age_s for age_s in slots if not any(age_s in each for each in (*holes.values(), unexplained))]
    farm.commit_history("bin-2", [(age_s, [11.0, Quality.COMM_FAILURE]) for age_s in reversed(kept)])
    with connect(farm_database_url, autocommit=True) as connection:
        connection.execute("UPDATE group_expectation SET interval_s = 600")
        row = connection.execute("UPDATE node SET last_pack_at = now() RETURNING site_id, node_id, org_id").fetchone()
        assert row is not None
        for kind, ages in holes.items():
            connection.execute(
                "INSERT INTO gap_record (org_id, node_id, device, kind, from_time, to_time) "
                "VALUES (%s, %s, %s, %s, %s, %s)",
                (
                    row[2],
                    row[1],
                    "bin-2",
                    kind,
                    from_ms(now_ms - 1000 * ages[-1] - 1000),
                    from_ms(now_ms - 1000 * ages[0]),
                ),
            )
        connection.execute(
            'INSERT INTO sample_conflict (group_id, "time", position, kept_value, kept_quality, kept_epoch, kept_seq, '
            "other_value, other_quality, other_epoch, other_seq) SELECT group_id, now() - INTERVAL '1 hour', 0, 11, 0, "
            "gen_random_uuid(), 41, 12.5, 0, gen_random_uuid(), 7 FROM channel WHERE key = 't1' LIMIT 1"
        )
    return int(row[0])


@pytest.mark.parametrize("size", SIZES)
def test_the_site_leads_to_what_is_missing_and_why(visit: Visit, site_id: int, size: ViewportSize) -> None:
    visitor = visit(size=size)
    page = visitor.page
    page.get_by_role("link", name="North Farm").click()
    page.get_by_role("link", name="Is anything missing?").click()
    expect(page.get_by_role("heading", name="Is anything missing?")).to_be_visible()
    short = page.get_by_role("region", name="In short")
    expect(short).to_contain_text("6 not measured: the computer at the site was off.")
    expect(short).to_contain_text("6 lost: the storage at the site was full or damaged before they could be sent.")
    expect(short).to_contain_text("6 missing, and nobody knows why.")
    expect(short).to_contain_text("single readings failed: the device did not answer.")
    whole = page.get_by_role("article").filter(has=page.get_by_role("heading", name="Bin 1"))
    expect(whole).to_contain_text("Nothing missing")
    holed = page.get_by_role("article").filter(has=page.get_by_role("heading", name="Bin 2"))
    expect(holed).not_to_contain_text("Nothing missing")
    holed.get_by_role("button", name=re.compile("nobody knows why")).first.click()
    expect(holed.get_by_role("status")).to_contain_text("nobody knows why")
    gaps = page.get_by_role("region", name="What is missing, newest first")
    expect(gaps.get_by_role("listitem")).to_have_count(3)
    expect(gaps.get_by_role("listitem").first).to_contain_text("Computer was off")
    twice = page.get_by_role("region", name="Came twice with different values")
    expect(twice).to_contain_text("kept 11.0\u00a0°C, also came 12.5\u00a0°C")
    expect(twice).to_contain_text("pack 41 of start")
    assert not visitor.scrolls_sideways()
    assert visitor.complaints == []


@pytest.mark.parametrize("dark", [False, True])
def test_every_word_stands_out_and_every_square_is_large_enough_to_touch(
    visit: Visit, site_id: int, *, dark: bool
) -> None:
    visitor = visit(f"/sites/{site_id}/complete?days=28", size=PHONE, dark=dark)
    squares = visitor.page.get_by_role("article").get_by_role("button")
    expect(squares.first).to_be_visible()
    assert squares.count() >= 2 * 28
    box = squares.nth(5).bounding_box()
    assert box is not None
    assert min(box["width"], box["height"]) >= 40
    assert faint_words(visitor.page) == []
