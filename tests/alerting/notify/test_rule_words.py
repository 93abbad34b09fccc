"""A rule's own message: what it may say, and that it can do nothing else."""

import pytest

from siloscope_alerting.notify.rule_words import MOST_OUTPUT, RuleMessageBroken, check, rule_words

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
    ],
)
def test_what_it_may_not_is_refused_at_once(source: str) -> None:
    with pytest.raises(RuleMessageBroken):
        rule_words(source, VALUES)


def test_it_stays_small() -> None:
    with pytest.raises(RuleMessageBroken, match="longer"):
        rule_words("{% for each in alerts %}{{ long }}{% endfor %}", {**VALUES, "long": "x" * (MOST_OUTPUT - 1)})


def test_a_template_is_checked_without_values() -> None:
    check("{{ anything }} of {{ anybody }}")
    with pytest.raises(RuleMessageBroken, match="line 2: found call"):
        check("{{ fine }}\n{{ fine() }}")
