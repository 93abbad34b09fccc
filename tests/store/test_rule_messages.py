"""A rule's own message: what it may say, and that it can do nothing else."""

import msgspec
import pytest

from siloscope_contract.alerts.rules import Rule
from siloscope_store.rule_messages import MOST_OUTPUT, RuleMessageBroken, message_faults, rule_words

VALUES = {"subject": "Bin 7", "value": "31.2 °C", "number": 31.24, "alerts": [{"subject": "a"}, {"subject": "b"}]}


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{ subject }} is at {{ value }}", "Bin 7 is at 31.2 °C"),
        ("{{ number|round(1) * 2 }}", "62.4"),
        ("{% if number > 30 %}hot{% else %}fine{% endif %}", "hot"),
        ("{% for each in alerts %}{{ each.subject }}{% if not loop.last %}, {% endif %}{% endfor %}", "a, b"),
        ("{{ level|default('no level') }}", "no level"),
        ("<b>{{ subject }}</b>", "<b>Bin 7</b>"),  # the page and the mail escape it
    ],
)
def test_it_says_what_it_was_given(source: str, text: str) -> None:
    assert rule_words(source, VALUES) == text


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ subject.__init__.__globals__ }}",
        "{{ alerts.append(1) }}",
        "{{ range(999999999) }}",
        "{{ 'a' * 1000000000 }}",
        "{{ alerts * 1000000000 }}",
        "{{ 9 ** 9 ** 9 }}",
        "{{ '%1000000000d' % 1 }}",
        "{% set a = 'aa' %}{% set a = a ~ a %}",
        "{% macro a() %}{{ a() }}{% endmacro %}",
        "{% include 'en.j2' %}",
        "{% import 'en.j2' as w %}",
        "{% for a in alerts %}{% for b in alerts %}{% for c in alerts %}x{% endfor %}{% endfor %}{% endfor %}",
        "{% for a in '" + "x" * 3_500 + "' %}{% for b in '" + "x" * 3_500 + "' %}{% endfor %}{% endfor %}",
        "{% for a in 'x' ~ subject %}{% endfor %}",
        "{{ subject|replace('B', 'x') }}",
        "{{ nothing }}",
        "{{ 1 / 0 }}",
        "{{ subject + 1 }}",
        "{% if %}",
        "{{ subject",
        "x" * 9_000,
        "{{ " + "(" * 4_000 + "1" + ")" * 4_000 + " }}",
        "{{ number|round(-1000000000) }}",
        "{{ 1|round(1000000000, 'ceil') }}",
        "{% if number %}" * 150 + "{% endif %}" * 150,
        "{{ " + "+".join(["number"] * 250) + " }}",
        "{{ " + " and ".join(["number"] * 250) + " }}",
        "{{ alerts" + "[0]" * 250 + " }}",
        "{{ number" + "|int" * 250 + " }}",
        "{{ number|default(a=1, a=2) }}",
    ],
)
def test_what_it_may_not_is_refused_at_once(source: str) -> None:
    with pytest.raises(RuleMessageBroken):
        rule_words(source, VALUES)


def test_it_stays_small() -> None:
    with pytest.raises(RuleMessageBroken, match="longer"):
        rule_words("{% for each in alerts %}{{ long }}{% endfor %}", {**VALUES, "long": "x" * (MOST_OUTPUT - 1)})


def faults(message: dict[str, str], **told: object) -> list[tuple[str, str, str]]:
    rule = {"rule": "hot", "name": "Hot", "condition": {"kind": "threshold", "above": 30}, "message": message, **told}
    found = message_faults(msgspec.convert(rule, Rule))
    return [(str(each.path[-1]), each.found, each.expected) for each in found]


def test_a_message_that_can_be_made_has_no_fault() -> None:
    source = (
        "{{ subject }} is at {{ value }} (limit {{ level }}) since {{ since }}, {{ labels.team }}, {{ count }}: "
        "{% for each in alerts %}{{ each.subject }} {{ loop.index }}{% endfor %}{{ nothing|default('-') }}"
    )
    assert faults({"en": source, "uk": source}, labels={"team": "grain"}) == []


def test_every_name_that_nobody_gives_is_told_at_once() -> None:
    found = faults({"en": "".join(f"{{{{a{number}}}}}" for number in range(1_000))})
    assert len(found) == 1_000


@pytest.mark.parametrize(
    ("source", "found", "expected"),
    [
        ("{{ subject }}\n{{ valeu }}", "line 2: 'valeu'", "did you mean 'value'"),
        ("{% if count > 9 %}{{ valeu }}{% endif %}", "line 1: 'valeu'", "did you mean 'value'"),
        ("{% for a in alerts %}{{ a.subjekt }}{% endfor %}", "line 1: 'a.subjekt'", "'a.subject'"),
        ("{{ subject }}\n{% if %}", "line 2: Expected an expression", "a template that can be made"),
        ("{{ value|round }}", "", "a template that can be made"),
        ("{{ labels.team }}", "no attribute 'team'", "a template that can be made"),
        ("{{ fine() }}", "line 1: found call", "a template that can be made"),
    ],
)
def test_a_message_that_cannot_be_made_says_where_and_why(source: str, found: str, expected: str) -> None:
    ((language, what, wanted),) = faults({"en": "{{ subject }}", "uk": source})
    assert language == "uk"
    assert found in what
    assert expected in wanted
