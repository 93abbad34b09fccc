"""Which channels rules look at."""

from typing import Any

import msgspec

from siloscope_alerting.columns import BoundRule, Catalogue
from siloscope_alerting.watch.interest import watched
from siloscope_contract.alerts.rules import Rule
from tests.alerting.watch.test_feed import channel


def rule(**select: Any) -> BoundRule:
    told = {"rule": "r", "name": "R", "condition": {"kind": "threshold", "above": 1}, "select": select}
    return BoundRule(1, 1, 1, msgspec.convert(told, Rule))


def test_what_rules_select_is_watched_with_its_device_or_place() -> None:
    catalogue = Catalogue([channel(1, 0), channel(1, 1), channel(2, 0)])
    assert watched(catalogue, []).tolist() == [False] * 3
    assert watched(catalogue, [rule(channels=["t1"])]).tolist() == [True, True, False]
    assert watched(catalogue, [rule()]).tolist() == [True] * 3
