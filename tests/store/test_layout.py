"""Layout files: what is wrong with them, and what applying them does."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from psycopg import Connection

from siloscope_store import layout, layout_apply
from siloscope_store.errors import LayoutWrong
from siloscope_store.layout_apply import Applied
from tests.store.farm import NOW

ZONES = {"America/New_York", "Europe/Berlin"}
DAY = timedelta(days=1)
LAYOUT = """\
organisations:
  - slug: demo
    sites:
      - slug: north
        time_zone: Europe/Berlin
        places:
          - slug: bin-1
            kind: bin
            channels:
              - {node: pi, device: head, channels: [t1, t2], cable: 1}
          - slug: bin-2
            kind: bin
            channels:
              - {node: pi, device: room, channel: co2, spot: top}
"""


@pytest.mark.parametrize(
    ("found", "put", "message"),
    [
        (LAYOUT, "", "farm.yaml: the file is empty"),
        (LAYOUT, "[]", "farm.yaml:1: expected a layout of the form 'key: value', found a list"),
        (LAYOUT, "organisations: [", "farm.yaml:1: no YAML: "),
        (
            "organisations:",
            "organisation:",
            "farm.yaml:1: a layout has no 'organisation'; did you mean 'organisations'?",
        ),
        ("slug: demo", "name: Demo", "farm.yaml:2: this organisation lacks 'slug'"),
        ("slug: demo", "slug: Demo!", "farm.yaml:2: "),
        ("time_zone:", "tiem_zone:", "farm.yaml:5: a site has no 'tiem_zone'; did you mean 'time_zone'?"),
        ("Europe/Berlin", "Europe/Berln", "farm.yaml:5: time_zone: 'Europe/Berln' is no IANA time zone; did you mean"),
        ("        time_zone: Europe/Berlin\n", "", "farm.yaml:4: this site lacks 'time_zone'"),
        ("slug: bin-2", "slug: bin-1", "farm.yaml:11: the place 'bin-1' stands already at farm.yaml:7"),
        ("kind: bin", "kind: bin\n            kind: mast", "farm.yaml:9: 'kind' stands twice in this place"),
        ("kind: bin", "kind: yes", "farm.yaml:8: kind: expected a text, in quotes if need be, found 'yes'"),
        ("channels: [t1, t2]", "keys: [t1, t2]", "farm.yaml:10: a channel has no 'keys'"),
        ("channels: [t1, t2], ", "", "farm.yaml:10: expected one of 'channel: t1' and 'channels: [t1, t2]'"),
        ("channels: [t1, t2]", "channels: t1", "farm.yaml:10: channels: expected a list, found 't1'"),
        ("cable: 1", "cable: one", "farm.yaml:10: cable: expected a number from 0 to 2.14748e+09, found 'one'"),
        ("cable: 1", "cable: 1.5", "farm.yaml:10: cable: expected a whole number, found 1.5"),
        ("cable: 1", "since: 2026-01-31", "farm.yaml:10: since: expected a time with its offset"),
        ("spot: top", "spot: [top]", "farm.yaml:14: spot: expected a text"),
        (
            "device: room, channel: co2",
            "device: head, channel: t2",
            "the channel pi/head/t2 stands already at farm.yaml:10",
        ),
    ],
)
def test_a_mistake_is_named_with_its_line(found: str, put: str, message: str) -> None:
    assert found in LAYOUT
    with pytest.raises(LayoutWrong, match=re.escape(message)):
        layout.read(LAYOUT.replace(found, put, 1), "farm.yaml", ZONES)


def test_levels_count_up_from_one() -> None:
    (organisation,) = layout.read(LAYOUT, "farm.yaml", ZONES).organisations
    spots = organisation.sites[0].places[0].spots
    assert [(spot.name, spot.cable, spot.level) for spot in spots] == [("pi/head/t1", 1, 1), ("pi/head/t2", 1, 2)]


def apply(owner: Connection[Any], text: str, *, days: int = 0) -> Applied:
    return layout_apply.apply(owner, layout.read(text, "farm.yaml", ZONES), at=NOW + days * DAY)


def placements(owner: Connection[Any]) -> list[tuple[Any, ...]]:
    return owner.execute(
        "SELECT p.slug, channel, cable, level, spot, lower(during), upper(during) FROM placement "
        "JOIN place AS p USING (place_id) ORDER BY channel, lower(during) NULLS FIRST"
    ).fetchall()


def test_a_first_placement_holds_for_all_that_was_measured_before(owner: Connection[Any]) -> None:
    assert apply(owner, LAYOUT) == Applied(1, 1, 2, opened=3, closed=0, kept=0)
    assert placements(owner) == [
        ("bin-2", "co2", None, None, "top", None, None),
        ("bin-1", "t1", 1, 1, None, None, None),
        ("bin-1", "t2", 1, 2, None, None, None),
    ]


def test_applied_twice_it_changes_nothing(owner: Connection[Any]) -> None:
    apply(owner, LAYOUT)
    before = placements(owner)
    assert apply(owner, LAYOUT, days=1) == Applied(1, 1, 2, opened=0, closed=0, kept=3)
    assert placements(owner) == before


def test_a_channel_that_moves_keeps_its_history(owner: Connection[Any]) -> None:
    apply(owner, LAYOUT)
    moved = LAYOUT.replace("channels: [t1, t2]", "channel: t1").replace("channel: co2", "channels: [co2, t2]")
    moved = moved.replace("device: room", "device: head")
    applied = apply(owner, moved, days=1)
    assert (applied.opened, applied.closed, applied.kept) == (3, 3, 0)
    t2 = [row for row in placements(owner) if row[1] == "t2"]
    assert t2 == [
        ("bin-1", "t2", 1, 2, None, None, NOW + DAY),
        ("bin-2", "t2", None, 2, "top", NOW + DAY, None),
    ]


def test_what_a_place_no_longer_names_leaves_it_and_other_places_stay(owner: Connection[Any]) -> None:
    apply(owner, LAYOUT)
    only_bin_1 = LAYOUT[: LAYOUT.index("          - slug: bin-2")].replace("[t1, t2]", "[t1]")
    applied = apply(owner, only_bin_1, days=1)
    assert (applied.opened, applied.closed, applied.kept) == (0, 1, 1)
    assert [(row[1], row[6]) for row in placements(owner)] == [("co2", None), ("t1", None), ("t2", NOW + DAY)]


def test_since_says_when_a_channel_came(owner: Connection[Any]) -> None:
    apply(owner, LAYOUT)
    apply(owner, LAYOUT.replace("spot: top", "spot: floor, since: 2026-02-01T06:00:00Z"))
    co2 = [row for row in placements(owner) if row[1] == "co2"]
    assert [(row[4], row[5] and row[5].isoformat()) for row in co2] == [
        ("top", None),
        ("floor", "2026-02-01T06:00:00+00:00"),
    ]


def test_since_does_not_reach_behind_what_stands_there(owner: Connection[Any]) -> None:
    apply(owner, LAYOUT.replace("spot: top", "spot: top, since: 2026-02-01T06:00:00Z"))
    with pytest.raises(LayoutWrong, match=re.escape("farm.yaml:14: since: pi/room/co2 stands elsewhere since")):
        apply(owner, LAYOUT.replace("spot: top", "spot: floor, since: 2026-01-01T06:00:00Z"))
    assert [row[4] for row in placements(owner) if row[1] == "co2"] == ["top"]


def test_a_placement_that_would_have_lasted_no_time_is_forgotten(owner: Connection[Any]) -> None:
    apply(owner, LAYOUT)
    apply(owner, LAYOUT.replace("spot: top", "spot: floor"), days=1)
    apply(owner, LAYOUT.replace("spot: top", "spot: door"), days=1)
    assert [(row[4], row[6]) for row in placements(owner) if row[1] == "co2"] == [("top", NOW + DAY), ("door", None)]


def test_names_change_and_ids_stay(owner: Connection[Any]) -> None:
    apply(owner, LAYOUT)
    before = owner.execute("SELECT site_id, name FROM site").fetchall()
    apply(owner, LAYOUT.replace("- slug: north", "- slug: north\n        name: The North"))
    assert owner.execute("SELECT site_id, name FROM site").fetchall() == [(before[0][0], "The North")]
    assert owner.execute("SELECT action, subject FROM audit").fetchall() == [("layout.apply", "demo")] * 2


def test_the_database_knows_the_worlds_time_zones(owner: Connection[Any]) -> None:
    assert {"Europe/Berlin", "America/New_York", "Etc/UTC"} <= layout_apply.time_zones(owner)


def test_the_example_in_the_documentation_is_right(owner: Connection[Any]) -> None:
    page = Path(__file__).parents[2] / "docs" / "layout.md"
    (example,) = re.findall(r"```yaml\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    assert apply(owner, example).opened == 7
