"""Messages in the words of their readers."""

from datetime import timedelta
from html.parser import HTMLParser
from typing import Any, get_args

import msgspec
import pytest

from siloscope_alerting.notify.messages import (
    DigestMessage,
    FailingMessage,
    IncidentMessage,
    Message,
    SiteCount,
    SummaryItem,
    SummaryMessage,
    TestMessage,
    message_of,
    payload_of,
)
from siloscope_alerting.notify.rendering import Language, Renderer
from siloscope_alerting.notify.views import Locale, line_of
from siloscope_alerting.ports import IncidentFacts, NotificationKind
from siloscope_contract.alerts.routes import Reader
from siloscope_contract.alerts.words import Cause
from siloscope_store.rule_messages import LINE
from tests.alerting.notify.facts import AT, alert, incident

RENDERER = Renderer()
EN, UK, US = Reader(), Reader(language="uk"), Reader(units="us", time_zone="America/Chicago")
PAST = [
    {"rule_name": "Too hot", "subject": "Bin 7", "from": "2026-03-02T00:10:00+00:00", "to": "2026-03-02T03:40:00+00:00",
     "worst": 31.0, "now": 24.0, "unit": "Cel"}
]  # fmt: skip
SILENT = {"silent_channels": 400, "channels": 400, "silent_nodes": ["pi"], "since": "2026-03-02T11:57:00+00:00"}
BEFORE = [
    {"alert_id": 1, "rule_name": "Too hot", "subject": "Bin 7"},
    {"alert_id": 2, "rule_name": "CO2", "subject": "Bin 8"},
]


def about(facts: IncidentFacts | None = None) -> IncidentMessage:
    return IncidentMessage(at=AT, incident=facts or incident())


MESSAGES: dict[str, Message] = {
    "summary": SummaryMessage(
        at=AT,
        channel="cab",
        since=AT,
        count=41,
        items=[SummaryItem(kind="firing", severity="warning", incident=incident())],
    ),
    "digest": DigestMessage(at=AT, digest="daily", time_zone="Europe/Kyiv", reporting=412, expected=412),
    "test": TestMessage(at=AT, author="ada"),
    "channel_failing": FailingMessage(at=AT, channel="cab", channel_kind="email", since=AT, detail="550 no", waiting=3),
}


def text(kind: str, reader: Reader = EN, message: Message | None = None, **more: Any) -> str:
    return RENDERER.words(kind, message or MESSAGES.get(kind) or about(), reader, **more).text


class Links(HTMLParser):
    """What a mail program would load or open."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.sources: list[str] = []
        self.targets: list[str] = []
        self.tags: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.sources += [value or "" for name, value in attrs if name == "src"]
        self.targets += [value or "" for name, value in attrs if name == "href"]


def test_the_example_that_messages_are_judged_by_has_what_a_line_has() -> None:
    line = line_of(alert(), Locale("Etc/UTC", AT))
    assert {name: type(value) for name, value in line.items()} == {name: type(LINE[name]) for name in LINE}


@pytest.mark.parametrize("language", RENDERER.languages)
def test_a_language_says_all_that_is_asked_of_it(language: str) -> None:
    said = RENDERER._text.get_template(f"{language}.j2").module
    assert [name for name in (*Language.__annotations__, "title") if not hasattr(said, name)] == []


@pytest.mark.parametrize("reader", [EN, UK, US])
@pytest.mark.parametrize("kind", get_args(NotificationKind))
def test_every_kind_has_words_in_every_language(kind: str, reader: Reader) -> None:
    words = RENDERER.words(kind, MESSAGES.get(kind) or about(), reader)
    assert words.title
    assert "\n" not in words.title
    assert words.text.startswith(words.title)
    assert "None" not in words.text + words.html


@pytest.mark.parametrize("cause", list(Cause))
@pytest.mark.parametrize("reader", [EN, UK])
def test_every_cause_has_words(cause: Cause, reader: Reader) -> None:
    facts = incident([], cause=cause, facts={**SILENT, "firing": BEFORE, "flapping": True, "firings": 4})
    for kind in ("firing", "changed", "resolved", "escalated", "repeated", "retrospective"):
        assert RENDERER.words(kind, about(facts), reader).title


def test_a_value_a_limit_and_a_time_are_in_the_readers_units_and_zone() -> None:
    assert "Bin 7, cable 2, level 3: Too hot, 31.2 °C (limit 30 °C), since 13:50" in text("firing")
    assert "88.2 °F (limit 86 °F), since 05:50" in text("firing", US)
    assert "31,2 °C (межа 30 °C), від 13:50" in text("firing", UK)


IN_A_BIN = {"cable": 2, "height": 3, "value": 31.2, "unit": "Cel"}


@pytest.mark.parametrize(
    ("facts", "line", "line_uk"),
    [
        (
            {"kind": "rate", "level": 5.0, "figure": 6.1},
            "Bin 7, cable 2, level 3: Too hot, 88.2 °F, a change of 11.0 °F (limit 9 °F)",
            "Bin 7, кабель 2, рівень 3: Too hot, 31,2 °C, зміна 6,1 °C (межа 5 °C)",
        ),
        (
            {"kind": "deviation", "level": 2.0, "figure": 3.5},
            "88.2 °F, 6.3 °F off its neighbours (limit 3.6 °F)",
            "відхилення від сусідів 3,5 °C",
        ),
        ({"kind": "bad_share", "level": 0.2, "figure": 0.5}, "(limit 20 %)", "(межа 20 %)"),
        ({"kind": "no_data", "level": 3.0}, "Too hot, 88.2 °F, since", "Too hot, 31,2 °C, від"),
    ],
)
def test_what_was_compared_is_told_as_its_kind_asks(facts: dict[str, Any], line: str, line_uk: str) -> None:
    message = about(incident([alert(facts={**IN_A_BIN, **facts})]))
    assert line in text("firing", US, message)
    assert line_uk in text("firing", UK, message)


def test_a_figure_of_the_platform_has_its_unit() -> None:
    lag = alert(place=None, subject="Siloscope", facts={"kind": "platform", "metric": "ingest_lag_s", "value": 4_000.0})
    assert "Siloscope: Too hot, 1 h 6 min" in text("firing", message=about(incident([lag])))


def test_an_alert_of_another_day_has_its_date() -> None:
    old = alert(fired_at=AT - timedelta(days=3))
    assert "since 2026-02-27 14:00" in text("repeated", message=about(incident([old])))


def test_a_silent_site_counts_what_is_silent_and_lists_what_fired_before() -> None:
    facts = incident([], cause=Cause.SITE_SILENT, facts={**SILENT, "firing": BEFORE})
    told = text("firing", message=about(facts))
    assert told.startswith("Warning: Yard is silent")
    assert "400 of 400 sensors silent" in told
    assert "- Bin 7: Too hot\n- Bin 8: CO2" in told
    assert "мовчать 400 з 400 датчиків" in text("firing", UK, about(facts))


def test_what_late_data_shows_is_told_with_its_span_its_worst_and_what_is_now() -> None:
    facts = incident([], cause=Cause.SITE_SILENT, closed_at=AT, facts={**SILENT, "retrospects": PAST})
    told = text("retrospective", message=about(facts))
    assert told.startswith("While offline: Bin 7: Too hot")
    assert "from 02:10 to 05:40, reached 31 °C, now 24 °C" in told


def test_a_digest_says_that_all_is_quiet_only_where_it_is() -> None:
    assert text("digest").startswith("All quiet: 412 of 412 sensors reporting")
    worse = DigestMessage(
        at=AT, digest="daily", time_zone="Europe/Kyiv", reporting=410, expected=412, open=[alert()], open_count=1,
        failing=["cab"], sites=[SiteCount(site="Yard", reporting=1, expected=3)],
    )  # fmt: skip
    told = text("digest", message=worse)
    assert told.startswith("410 of 412 sensors reporting, 1 alert open")
    assert "2 sensors do not report" in told
    assert "cab" in told
    assert "Yard: 1 of 3" in told


def test_of_many_alerts_a_few_are_listed_and_all_are_counted() -> None:
    many = incident([alert(number, subject=f"Bin {number}") for number in range(50)], alerts_count=400)
    told = text("firing", message=about(many))
    assert "(400)" in told
    assert told.count("\n- ") == 12
    assert "and 388 more" in told


def test_what_is_not_ours_is_escaped_in_html() -> None:
    evil = incident([alert(subject="<script>alert(1)</script>", rule_name='"><img src=http://x>')], site="<i>Yard</i>")
    for message in (about(evil), about(incident([alert()], templates={"en": "<script>{{ subject }}</script>"}))):
        found = Links(RENDERER.words("firing", message, EN).html)
        assert "script" not in found.tags
        assert "i" not in found.tags
        assert found.sources == []


def test_nothing_is_loaded_from_anywhere_and_links_lead_where_they_say() -> None:
    links = {"acknowledge": "https://farm.example/a/x", "open": "https://farm.example/alerts/5"}
    found = Links(RENDERER.words("firing", about(), EN, links=links, picture="chart").html)
    assert found.sources == ["cid:chart"]
    assert found.targets == list(links.values())


def test_a_rules_own_message_stands_for_ours_in_the_readers_language() -> None:
    own = incident(templates={"en": "{{ subject }} heats: {{ value }}", "uk": "{{ subject }} гріється: {{ value }}"})
    assert "level 3 heats: 31.2 °C" in text("firing", message=about(own))
    assert "level 3 гріється: 31,2 °C" in text("firing", UK, about(own))


@pytest.mark.parametrize("template", ["{{ nix }}", "{{ subject", "{{ 'a' * 99999999 }}"])
def test_a_broken_one_is_said_to_be_broken_and_the_message_goes_out(template: str) -> None:
    told = text("firing", message=about(incident(templates={"en": template})))
    assert "31.2 °C" in told
    assert "own message could not be made" in told


def test_an_unknown_language_is_told_in_english_and_an_unknown_zone_in_utc() -> None:
    told = text("firing", Reader(language="xx", time_zone="Nowhere/Land"))
    assert "since 11:50" in told
    assert "Etc/UTC" in told


@pytest.mark.parametrize("kind", get_args(NotificationKind))
def test_a_payload_is_read_as_it_was_written(kind: str) -> None:
    message = MESSAGES.get(kind) or about()
    stored = msgspec.json.encode(payload_of(message))
    assert msgspec.json.encode(payload_of(message_of(kind, msgspec.json.decode(stored)))) == stored
