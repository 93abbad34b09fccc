"""Which channels a rule watches, and what its alerts are about."""

import re
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from siloscope_alerting.columns import Catalogue, Int32
from siloscope_alerting.engine.subjects import matched, meets, subject_kind
from siloscope_alerting.engine.table import NOWHERE, Codes, Table
from siloscope_contract.alerts.selectors import Selector
from siloscope_contract.alerts.words import SubjectKind
from tests.alerting.engine.stand import HOT, channel, rule

CHANNELS = [
    channel(1, place="bin-1", level=1, fill_level=2.0, tags={"crop": "wheat"}),
    channel(2, place="bin-2", level=3, fill_level=2.0, tags={"crop": "wheat", "row": "a"}),
    channel(3, place="cold", place_kind="room", level=None, spot="door", tags={}),
    channel(4, place=None, place_id=None, place_kind=None, level=None, quantity="voltage", vitals=True, node="pi-2"),
    channel(5, org_id=2),
    channel(6, place="bin-3", level=4, device="co2", quantity="co2"),
]


@pytest.mark.parametrize(
    ("selector", "found"),
    [
        ({}, [1, 2, 3, 6]),
        ({"vitals": True}, [4]),
        ({"place_kinds": ["bin"]}, [1, 2, 6]),
        ({"places": ["bin-*"]}, [1, 2, 6]),
        ({"places": ["bin-1", "cold"]}, [1, 3]),
        ({"places": ["bin"]}, []),
        ({"spots": ["door"]}, [3]),
        ({"tags": {"crop": "wheat"}}, [1, 2]),
        ({"tags": {"crop": "wheat", "row": "a"}}, [2]),
        ({"quantities": ["co2"]}, [6]),
        ({"devices": ["c*"], "quantities": ["temperature"]}, [1, 2, 3]),
        ({"channels": ["t3"]}, [3]),
        ({"sites": ["south"]}, []),
        ({"nodes": ["pi"]}, [1, 2, 3, 6]),
        ({"covered": True}, [1, 6]),
    ],
)
def test_a_selector_means(selector: dict[str, Any], found: list[int]) -> None:
    table = Table(Catalogue(CHANNELS))
    rows = matched(msgspec.convert(selector, Selector), table, org_id=1)
    assert [CHANNELS[row].channel_id for row in rows] == found


@pytest.mark.parametrize(
    ("condition", "kind"),
    [
        (HOT, "channel"),
        ({"kind": "deviation", "above": 1.0}, "channel"),
        ({"kind": "spread", "above": 1.0}, "place"),
        ({"kind": "count", "state": "firing"}, "place"),
        ({"kind": "no_data"}, "channel"),
        ({"kind": "no_data", "of": "node"}, "node"),
        ({"kind": "no_data", "of": "site"}, "site"),
        ({"kind": "platform", "metric": "spool_share", "above": 1.0}, "node"),
        ({"kind": "platform", "metric": "database_lag_s", "above": 1.0}, "platform"),
        ({"kind": "all", "conditions": [HOT, HOT]}, "channel"),
        ({"kind": "all", "conditions": [HOT, HOT | {"where": {"quantities": ["co2"]}}]}, "place"),
        ({"kind": "not", "condition": {"kind": "spread", "above": 1.0}}, "place"),
    ],
)
def test_an_alert_is_about_what_its_condition_is_about(condition: dict[str, Any], kind: str) -> None:
    assert subject_kind(rule("x", condition)) is SubjectKind(kind)
    assert subject_kind(rule("x", condition, per="organisation")) is SubjectKind.ORGANISATION


def test_a_catalogue_without_channels_is_one() -> None:
    assert len(matched(Selector(), Table(Catalogue(())), org_id=1)) == 0


@given(
    names=st.lists(st.text("ab*", min_size=1, max_size=7), min_size=1, max_size=3),
    values=st.lists(st.none() | st.text("ab", max_size=7), max_size=8),
)
def test_names_with_stars_mean_what_they_say(names: list[str], values: list[str | None]) -> None:
    patterns = [re.compile(re.escape(name).replace(r"\*", ".*")) for name in names]
    plainly = [each is not None and any(pattern.fullmatch(each) for pattern in patterns) for each in values]
    assert Codes(values).named(names).tolist() == plainly


def test_many_stars_are_answered_at_once() -> None:
    name = "*a" * 30 + "*b"
    assert Codes(["a" * 64, "a" * 40 + "b"]).named([name]).tolist() == [False, True]
    assert not meets((name,), "a" * 64)


def test_what_belongs_together_has_one_number() -> None:
    table = Table(
        Catalogue(
            [
                channel(1, place_id=1, level=1),
                channel(2, place_id=1, level=1),
                channel(3, place_id=1, level=2),
                channel(4, place_id=1, level=None, quantity="co2"),
                channel(5, place_id=None, device_id=1),
                channel(6, place_id=None, device_id=2),
                channel(7, place_id=2, level=1),
            ]
        )
    )

    def together(column: Int32) -> list[list[int]]:
        found = {number: np.flatnonzero(column == number) + 1 for number in column.tolist() if number != NOWHERE}
        return sorted(each.tolist() for each in found.values())

    assert together(table.block) == [[1, 2, 3, 4], [5], [6], [7]]
    assert together(table.place_quantity) == [[1, 2, 3], [4], [7]]
    assert together(table.neighbours) == [[1, 2], [3], [4], [7]]
