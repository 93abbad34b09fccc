"""Which local dates an export of days holds: those of the site that meet its span."""

import csv
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from siloscope_store.exchange import exporting
from siloscope_store.exports import Selection
from tests.store.exchange.conftest import Killed, Run
from tests.store.farm import Farm

EIGHTH = date(2026, 1, 8)
MOMENT = timedelta(microseconds=1)
ZONES = ["Etc/UTC", "Asia/Kolkata", "Europe/Kyiv", "America/Chicago", "Pacific/Kiritimati", "Pacific/Pago_Pago"]


def midnight(day: date, zone: str) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)


def filled(farm: Farm, zone: str, around: date = EIGHTH, device: str = "gauge") -> None:
    """Move the site, and give a device of it the ten days around a date; its counter adds 1 every day."""
    farm.connection.execute("UPDATE site SET time_zone = %s WHERE site_id = %s", (zone, farm.site_id))
    group = farm.group(device, [("rain", "rain", "mm")])
    for number in range(-5, 5):
        value = [float(number + 5)]
        farm.connection.execute(
            "INSERT INTO rollup_day (group_id, day, samples, counts, minimum, maximum, mean, last, first, increase) "
            "VALUES (%s, %s, 1, '{1}', %s, %s, %s, %s, %s, '{0}')",
            (group.group_id, around + timedelta(days=number), *[value] * 5),
        )


@pytest.fixture
def exported(run: Run, farm: Farm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Export days; return each as device and date, the same whatever the length of a page."""

    def found(begins: date, ends: date) -> list[str]:
        words = (
            "--org",
            farm.slug,
            "--level",
            "day",
            "--from",
            begins.isoformat(),
            "--to",
            ends.isoformat(),
            "--force",
        )
        files = []
        for cells in (1, 2, 40_000):
            monkeypatch.setattr("siloscope_store.exports.CELLS_A_PAGE", cells)
            assert run("export", tmp_path / "day.csv", *words) == 0
            files.append((tmp_path / "day.csv").read_text())
        assert len(set(files)) == 1
        return [f"{row['device']} {row['day']}" for row in csv.DictReader(files[0].splitlines())]

    return found


@pytest.mark.parametrize("zone", ZONES)
def test_between_midnights_of_the_site_are_whole_days(
    farm: Farm, exported: Callable[..., list[str]], zone: str
) -> None:
    filled(farm, zone)
    begins, ends = midnight(EIGHTH, zone), midnight(EIGHTH + timedelta(days=2), zone)
    assert exported(begins, ends) == ["gauge 2026-01-08", "gauge 2026-01-09"]
    seventh_to_tenth = [f"gauge 2026-01-{day:02}" for day in (7, 8, 9, 10)]
    assert exported(begins - MOMENT, ends + MOMENT) == seventh_to_tenth
    assert exported(ends - MOMENT, ends) == ["gauge 2026-01-09"]
    assert exported(begins, begins + MOMENT) == ["gauge 2026-01-08"]


@pytest.mark.parametrize("zone", [*ZONES, "America/Havana"])
def test_mere_dates_are_those_of_the_site(farm: Farm, exported: Callable[..., list[str]], zone: str) -> None:
    for first in (EIGHTH, date(2026, 3, 8), date(2026, 11, 1)):  # clocks change on the other two in places
        filled(farm, zone, first, device=f"gauge-{first}")
        wanted = [f"gauge-{first} {first + timedelta(days=later)}" for later in (0, 1)]
        assert exported(first, first + timedelta(days=2)) == wanted


@pytest.mark.parametrize(
    ("zone", "begins", "ends"),
    [
        ("Europe/Kyiv", "2026-03-28T22:00Z", "2026-03-29T21:00Z"),
        ("Europe/Kyiv", "2026-10-24T21:00Z", "2026-10-25T22:00Z"),
        ("America/Chicago", "2026-03-08T06:00Z", "2026-03-09T05:00Z"),
        ("America/Chicago", "2026-11-01T05:00Z", "2026-11-02T06:00Z"),
        # There clocks change at midnight: one that is skipped, and two of which the first counts.
        ("America/Havana", "2026-03-08T05:00Z", "2026-03-09T04:00Z"),
        ("America/Havana", "2026-11-01T04:00Z", "2026-11-02T05:00Z"),
    ],
)
def test_a_day_of_23_or_25_hours(
    farm: Farm, exported: Callable[..., list[str]], zone: str, begins: str, ends: str
) -> None:
    since, until = datetime.fromisoformat(begins), datetime.fromisoformat(ends)
    day = (since + timedelta(hours=12)).astimezone(ZoneInfo(zone)).date()
    filled(farm, zone, day)
    before, after = day - timedelta(days=1), day + timedelta(days=1)
    assert exported(since, until) == [f"gauge {day}"]
    assert exported(since - MOMENT, until + MOMENT) == [f"gauge {before}", f"gauge {day}", f"gauge {after}"]


def test_each_site_has_its_own_midnights(farm: Farm, exported: Callable[..., list[str]]) -> None:
    filled(farm, "America/Chicago", device="west")
    (farm.site_id,) = farm.connection.execute(
        "INSERT INTO site (org_id, slug, name, time_zone) VALUES (%s, 'far', 'Far', 'UTC') RETURNING site_id",
        (farm.org_id,),
    ).fetchone() or (0,)
    (farm.node_id,) = farm.connection.execute(
        "INSERT INTO node (org_id, site_id, slug) VALUES (%s, %s, 'far') RETURNING node_id", (farm.org_id, farm.site_id)
    ).fetchone() or (0,)
    filled(farm, "Asia/Kolkata", device="east")
    at = datetime(2026, 1, 8, 20, tzinfo=UTC)  # the afternoon in the west, the night after in the east
    assert exported(at, at + timedelta(hours=1)) == ["west 2026-01-08", "east 2026-01-09"]


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "America/Chicago"])
@pytest.mark.parametrize("dies_at", [1, 2, 3])
def test_killed_it_goes_on_with_the_day_behind(
    run: Run, farm: Farm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, zone: str, dies_at: int
) -> None:
    filled(farm, zone)
    monkeypatch.setattr("siloscope_store.exports.CELLS_A_PAGE", 1)
    monkeypatch.setattr(exporting, "_SAVE_EVERY_S", 0)
    begins, ends = midnight(EIGHTH, zone), midnight(EIGHTH + timedelta(days=4), zone) - timedelta(hours=20)
    words = ("--org", farm.slug, "--level", "day", "--from", begins.isoformat(), "--to", ends.isoformat())
    written, write = 0, exporting.CsvParts.write

    def dying(self: Any, page: Any) -> None:
        nonlocal written
        written += 1
        if written > dies_at:
            raise Killed
        write(self, page)

    monkeypatch.setattr(exporting.CsvParts, "write", dying)
    with pytest.raises(Killed):
        run("export", tmp_path / "out.csv", *words)
    monkeypatch.setattr(exporting.CsvParts, "write", write)
    assert run("export", tmp_path / "out.csv", *words) == 0
    with (tmp_path / "out.csv").open(newline="") as opened:
        found = [(row["day"], row["increase"]) for row in csv.DictReader(opened)]
    assert found == [(f"2026-01-{day:02}", "1.0") for day in (8, 9, 10, 11)]


def test_a_version_that_counts_days_otherwise_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    def orders() -> list[str]:
        begins = midnight(EIGHTH, "UTC")
        levels = [Selection(1, begins, begins + MOMENT, level) for level in ("day", "hour", "raw")]
        return [exporting.order_of(wanted, "csv", local=False, ends=None) for wanted in levels]

    ours = orders()
    monkeypatch.setattr(exporting, "_DAYS", "of UTC")
    theirs = orders()
    assert theirs[0] != ours[0]
    assert theirs[1:] == ours[1:]
