"""`siloscope alerts backtest` on a file and on a database."""

import argparse
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from psycopg import Connection
from psycopg.types.json import Jsonb

from siloscope_alerting.command import backtest
from siloscope_contract.alerts.conditions import Threshold
from siloscope_contract.alerts.routes import Channel, Route, Step
from siloscope_contract.alerts.rules import Rule
from siloscope_contract.alerts.selectors import Selector
from siloscope_process.errors import Stop, WrongSetting
from tests.alerting.conftest import AlertFarm

Run = Callable[..., dict[str, Any]]
HOT = Rule(
    rule="hot",
    name="Hot grain",
    condition=Threshold(above=30.0, clear=28.0),
    select=Selector(place_kinds=("bin",)),
    hold="10m",
)
BEGIN = datetime(2026, 2, 1, tzinfo=UTC)
ROUTES = """
channels: [{channel: office, kind: webhook, to: ["http://127.0.0.1:9/"]}]
routes: [{route: all, steps: [{channels: [office]}]}]
"""


def parsed(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    backtest.configure(parser)
    return parser.parse_args(list(words))


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the command and returns its JSON document."""

    def run(*words: str, **environ: str) -> dict[str, Any]:
        capsys.readouterr()  # what fixtures said
        assert backtest.run(parsed(*words, "--json"), environ) == 0
        found: dict[str, Any] = json.loads(capsys.readouterr().out)
        return found

    return run


@pytest.fixture
def room(tmp_path: Path) -> Path:
    """A cold room that is too warm from one to four, in °F."""
    rows = [f"2026-02-01T{m // 60:02}:{m % 60:02}:00Z,{48.2 if 60 <= m < 240 else 37.4}" for m in range(0, 480, 5)]
    file = tmp_path / "room.csv"
    file.write_text("\n".join(["timestamp,room", *rows]), "utf-8")
    return file


@pytest.mark.parametrize(
    ("words", "refusal"),
    [
        (["shipped:cold-room"], "did you mean 'cold-rooms'"),
        (["shipped:cold-rooms/chilled-warm"], "did you mean 'chilled-too-warm'"),
        (["nothing.yaml"], "nothing.yaml"),
        (["shipped:cold-rooms", "--quantity", "temprature"], "did you mean 'temperature'"),
        (["shipped:cold-rooms", "--from", "noon"], "--from: found 'noon', expected a time"),
        (["shipped:cold-rooms", "--from", "2026-02-02", "--to", "2026-02-01"], "expected a span of time"),
    ],
)
def test_what_cannot_be_replayed_is_refused(run: Run, room: Path, words: list[str], refusal: str) -> None:
    with pytest.raises(Stop, match=refusal):
        run(*words, "--series", str(room))


def test_a_database_without_a_span_is_refused(run: Run) -> None:
    with pytest.raises(Stop, match="found no --from or no --to"):
        run("hot")


@pytest.mark.parametrize("text", ["", "{}", '[["2026-02-01"]]', '[["soon", "later"]]'])
def test_labels_that_are_none_are_refused(run: Run, room: Path, tmp_path: Path, text: str) -> None:
    labels = tmp_path / "labels.json"
    labels.write_text(text, "utf-8")
    with pytest.raises(WrongSetting, match="expected a JSON list such as"):
        run("shipped:cold-rooms", "--series", str(room), "--labelled", str(labels))


def test_a_file_is_replayed_in_its_own_unit(run: Run, room: Path, tmp_path: Path) -> None:
    routes = tmp_path / "routes.yaml"
    routes.write_text(ROUTES, "utf-8")
    words = ("--series", str(room), "--unit", "degF", "--routes", str(routes))
    found = run("shipped:cold-rooms/chilled-too-warm", *words)
    assert [(each["fired"], each["ended"], each["value"]) for each in found["firings"]] == [
        ("2026-02-01T01:15:00Z", "2026-02-01T04:10:00Z", pytest.approx(9.0)),
    ]
    assert [(each["channel"], each["kind"], each["messages"]) for each in found["paged"]] == [
        ("office", "firing", 1),
        ("office", "resolved", 1),
    ]
    assert (found["incidents"], found["channels"], found["readings"]) == (1, 1, 96)


def test_labels_say_what_was_found_and_what_was_a_false_alarm(run: Run, room: Path, tmp_path: Path) -> None:
    labels = tmp_path / "labels.json"
    labels.write_text('[["2026-02-01 01:00", "2026-02-01 04:00"], ["2026-02-01 06:00", "2026-02-01 07:00"]]', "utf-8")
    words = ("--series", str(room), "--unit", "degF", "--labelled", str(labels))
    found = run("shipped:cold-rooms/chilled-too-warm", *words)["labels"]
    assert (len(found["found"]), len(found["missed"]), found["false_alarms"]) == (1, 1, [])


def test_people_read_a_table_and_see_a_picture(room: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = tmp_path / "room.png"
    words = ("shipped:cold-rooms/chilled-too-warm", "--series", str(room), "--unit", "degF", "--plot", str(picture))
    assert backtest.run(parsed(*words), {}) == 0
    out = capsys.readouterr().out
    assert "would have fired 1 time, for 2 h 55 min together" in out
    assert "2026-02-01T01:15:00Z" in out
    assert "room (9.0 °C)" in out
    assert "1 incident; no route tells anybody" in out
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.fixture
def grain(owner: Connection[Any], alert_farm: AlertFarm) -> AlertFarm:
    """A farm whose third cable is hot at its second level from hour one to three, a rule about it, and a route."""
    for number, cable in enumerate(alert_farm.cables):
        rows: list[tuple[datetime, list[float | None], list[int | None] | None]] = []
        for minute in range(0, 300, 5):
            hot = number == 2 and 60 <= minute < 170
            rows.append(
                (BEGIN + timedelta(minutes=minute), [20.0, 33.0 if hot else 20.0, 20.0, 20.0, 20.0, 20.0], None)
            )
        alert_farm.samples(cable, rows)
    owner.execute("UPDATE sample_group SET interval_s = 300")
    put(owner, alert_farm, "alert_rule", "hot", HOT)
    put(owner, alert_farm, "notify_channel", "office", Channel(channel="office", kind="webhook"))
    put(owner, alert_farm, "notify_route", "all", Route(route="all", steps=(Step(channels=("office",)),)))
    return alert_farm


def put(owner: Connection[Any], farm: AlertFarm, table: str, slug: str, document: msgspec.Struct) -> None:
    told = (farm.org_id, slug, Jsonb(msgspec.to_builtins(document)))
    if table == "alert_rule":
        owner.execute(
            "WITH rule AS (INSERT INTO alert_rule (org_id, slug) VALUES (%s, %s) RETURNING rule_id, org_id) "
            "INSERT INTO alert_rule_version SELECT rule_id, 1, org_id, %s, 'test' FROM rule",
            told,
        )
    elif table == "notify_channel":
        owner.execute("INSERT INTO notify_channel (org_id, slug, kind, document) VALUES (%s, %s, 'webhook', %s)", told)
    else:
        owner.execute("INSERT INTO notify_route (org_id, slug, document) VALUES (%s, %s, %s)", told)


def test_the_database_is_replayed_and_stays_as_it_is(run: Run, owner: Connection[Any], grain: AlertFarm) -> None:
    words = ("--from", "2026-02-01", "--to", "2026-02-01T05:00Z")
    found = run("hot", *words, SILOSCOPE_DATABASE_URL=grain.url)
    assert [(each["rule"], each["fired"], each["ended"]) for each in found["firings"]] == [
        ("hot", "2026-02-01T01:10:00Z", "2026-02-01T02:50:00Z"),
    ]
    assert (found["channels"], found["readings"]) == (30, 30 * 60), "the mast is not watched"
    assert [(each["channel"], each["kind"]) for each in found["paged"]] == [
        ("office", "firing"),
        ("office", "resolved"),
    ]
    written = owner.execute(
        "SELECT (SELECT count(*) FROM alert) + (SELECT count(*) FROM alert_state) + "
        "(SELECT count(*) FROM alert_incident) + (SELECT count(*) FROM notify_outbox)"
    )
    assert written.fetchone() == (0,)


def test_a_shipped_set_may_be_tried_before_it_is_applied(run: Run, grain: AlertFarm) -> None:
    words = ("--from", "2026-02-01", "--to", "2026-02-01T05:00Z", "--org", "ours")
    found = run("shipped:grain-bins/grain-hot-spot-severe", *words, SILOSCOPE_DATABASE_URL=grain.url)
    assert found["rules"] == ["grain-hot-spot-severe"]
    assert found["firings"] == [], "two hours are its duration, and it cooled within them"


def test_a_rule_that_nobody_knows_is_refused_with_the_nearest(run: Run, grain: AlertFarm) -> None:
    with pytest.raises(WrongSetting, match="found 'hott', expected a known one; did you mean 'hot'"):
        run("hott", "--from", "2026-02-01", "--to", "2026-02-02", SILOSCOPE_DATABASE_URL=grain.url)


def test_an_organisation_that_nobody_knows_is_refused(run: Run, grain: AlertFarm) -> None:
    with pytest.raises(WrongSetting, match="theirs"):
        run("hot", "--org", "theirs", "--from", "2026-02-01", "--to", "2026-02-02", SILOSCOPE_DATABASE_URL=grain.url)
