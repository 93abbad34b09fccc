"""Content negotiation."""

import pytest

from siloscope_dashboards.forms import accepts


@pytest.mark.parametrize(
    ("header", "accepted"),
    [
        ("text/html", False),
        ("application/json;q=0", False),
        ("application/json; q=0.000, */*", False),
        ("application/*;q=0, */*;q=1", False),
        ("nonsense", False),
        (",,;", False),
        ("*/*", True),
        ("text/html, application/*;q=0.1", True),
        ("APPLICATION/JSON; charset=utf-8", True),
        ("text/html, */*; q=0.8", True),
    ],
)
def test_the_most_specific_range_decides(header: str, accepted: bool) -> None:
    assert accepts(header, "application/json") is accepted
