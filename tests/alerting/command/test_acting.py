"""`siloscope alerts list|show|ack|…|silence|…`: what is open, and doing something about it."""

from typing import Any

import pytest
from psycopg import Connection

from tests.alerting.command.conftest import Alerts
from tests.store.alerts import Alerts as Rows
from tests.store.farm import Farm

pytestmark = pytest.mark.postgres


def test_alerts_are_listed_worst_first(alerts: Alerts, farm: Farm) -> None:
    rows = Rows(farm)
    made = [rows.alert(1), rows.alert(2, severity="critical"), rows.alert(3, state="resolved")]
    code, listed = alerts("list")
    assert code == 0
    assert [line.split()[:3] for line in listed.splitlines()[1:]] == [
        [str(made[1]), "critical", "firing"],
        [str(made[0]), "warning", "firing"],
    ]
    assert [line.split()[0] for line in alerts("list", "--all")[1].splitlines()[1:]] == [
        *map(str, (made[1], made[2], made[0])),
    ]
    assert len(alerts("list", "--severity", "critical", "--rule", "hot")[1].splitlines()) == 2


def test_all_that_happened_to_one_is_shown(alerts: Alerts, farm: Farm) -> None:
    number = Rows(farm).alert(1)
    assert alerts("ack", number, "--comment", "on my way") == (0, f"{number}: acknowledge\n")
    assert alerts("assign", "bob", number)[0] == 0
    assert alerts("comment", "the \x1b[31mfan", number)[0] == 0
    assert alerts("snooze", "8h", number)[0] == 0
    code, shown = alerts("show", number)
    assert code == 0
    for words in (
        "Hot grain (hot, version 1)",
        "ok → pending: held",
        "acknowledge by command:siloscope alerts: on my way",
        "assigned to bob",
        "snoozed until",
        "the \\x1b[31mfan",
    ):
        assert words in shown
    assert alerts("unsnooze", number)[0] == alerts("unack", number)[0] == alerts("assign", "", number)[0] == 0


def test_what_changes_nothing_is_said(alerts: Alerts, farm: Farm) -> None:
    rows = Rows(farm)
    first, over = rows.alert(1), rows.alert(2, state="resolved")
    code, said = alerts("ack", first, over)
    assert (code, said) == (0, f"{first}: acknowledge\n{over}: nothing to do: over, done before, or unknown\n")
    assert alerts("ack", first, 4_711)[0] == 78
    assert alerts("show", 4_711) == (78, "siloscope alerts: no alert is named '4711'\n")


@pytest.mark.parametrize("word", ["0s", "8", "eight hours"])
def test_a_span_that_is_none_is_refused(alerts: Alerts, farm: Farm, word: str) -> None:
    with pytest.raises(SystemExit, match="2"):
        alerts("snooze", word, 1)


def test_a_silence_is_narrowed_listed_and_ended(alerts: Alerts, owner: Connection[Any], farm: Farm) -> None:
    code, said = alerts("silence", "2h", "--rule", "hot", "--place", "bin-*", "--comment", "cleaning")
    assert code == 0
    number = said.split()[1]
    assert owner.execute("SELECT selector->'rules', selector->'select'->'places' FROM alert_silence").fetchall() == [
        (["hot"], ["bin-*"])
    ]
    (line,) = alerts("silences")[1].splitlines()[1:]
    assert line.endswith("rules hot; places bin-*; cleaning")
    assert alerts("end-silence", number)[0] == 0
    assert alerts("silences")[1].splitlines()[1:] == []
    assert len(alerts("silences", "--all")[1].splitlines()) == 2
    assert alerts("end-silence", 4_711)[0] == 78


def test_everything_is_silenced_only_where_that_is_said(alerts: Alerts, owner: Connection[Any], farm: Farm) -> None:
    code, said = alerts("silence", "2h")
    assert (code, "--everything" in said) == (78, True)
    assert alerts("silence", "2h", "--everything", "--maintenance")[0] == 0
    assert owner.execute("SELECT kind FROM alert_silence").fetchall() == [("maintenance",)]
