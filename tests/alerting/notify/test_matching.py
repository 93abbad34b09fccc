"""Which alerts a matcher means."""

import pytest

from siloscope_alerting.notify.matching import About, meets
from siloscope_contract.alerts.selectors import Matcher, Selector
from siloscope_contract.alerts.words import Severity

BIN = About(
    Severity.WARNING, "bin-heating", {"team": "grain"}, site="yard", node="pi", device="cable-1", channel="t1",
    place="bin-7", place_kind="bin", quantity="temperature", tags={"crop": "wheat"}, covered=True,
)  # fmt: skip


@pytest.mark.parametrize(
    ("matcher", "met"),
    [
        (Matcher(), True),
        (Matcher(rules=("bin-*", "frost")), True),
        (Matcher(rules=("frost",)), False),
        (Matcher(severities=(Severity.CRITICAL,)), False),
        (Matcher(labels={"team": "grain"}), True),
        (Matcher(labels={"team": "grain", "shift": "1"}), False),
        (Matcher(select=Selector(sites=("yard",), place_kinds=("bin",), quantities=("temp*",))), True),
        (Matcher(select=Selector(sites=("yard",), nodes=("mast",))), False),
        (Matcher(select=Selector(tags={"crop": "wheat"}, covered=True)), True),
        (Matcher(select=Selector(tags={"crop": "maize"})), False),
        (Matcher(select=Selector(spots=("inlet",))), False),
        (Matcher(select=Selector(vitals=True)), False),
    ],
)
def test_everything_that_is_asked_for_must_hold(matcher: Matcher, *, met: bool) -> None:
    assert meets(matcher, BIN) is met


def test_an_alert_of_a_place_meets_no_channels() -> None:
    assert not meets(Matcher(select=Selector(channels=("*",))), About(Severity.WARNING, place="bin-7"))
