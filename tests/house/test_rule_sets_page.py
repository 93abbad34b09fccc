"""Every shipped rule is documented, as it is in its file."""

from siloscope_alerting.rulesets.shipped import names, shipped
from tests.house.rule_sets_page import PAGE, page


def test_the_page_is_what_the_sets_say() -> None:
    assert PAGE.read_text("utf-8") == page(), "run `make docs`"


def test_each_rule_stands_there_with_its_source() -> None:
    text = PAGE.read_text("utf-8")
    for rule in (each for name in names() for each in shipped(name)):
        assert f"`{rule.rule}`" in text
        assert rule.source.strip() in text
