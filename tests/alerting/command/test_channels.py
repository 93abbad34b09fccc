"""`siloscope alerts channels` and `test-alarm`: secrets by the environment, all of a file or nothing."""

from pathlib import Path
from typing import Any

import pytest
from psycopg import Connection

from tests.alerting.command.conftest import Alerts
from tests.store.farm import Farm

pytestmark = pytest.mark.postgres
TOKEN = ("SILOSCOPE_NOTIFY_FARM_BOT_TOKEN", "1:hush")
FILE = """channels:
  - channel: mail
    kind: email
    to: [ada@farm.example]
  - channel: farm-bot
    kind: telegram
    to: ["42"]
routes:
  - route: nights
    steps: [{channels: [farm-bot]}]
  - route: all
    steps: [{channels: [mail]}, {after: 10m, channels: [farm-bot]}]
digests:
  - digest: calm
    channels: [mail]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Two channels, two routes, a digest."""
    found = tmp_path / "notify.yaml"
    found.write_text(FILE)
    return found


def test_a_file_is_applied_whole(alerts: Alerts, owner: Connection[Any], farm: Farm, file: Path) -> None:
    assert alerts("channels", "apply", file, environ=[TOKEN]) == (0, "2 channels\n2 routes\n1 digests\n")
    assert owner.execute("SELECT slug FROM notify_route ORDER BY place").fetchall() == [("nights",), ("all",)]
    _, listed = alerts("channels", "list")
    assert [line.split() for line in listed.splitlines()[1:]] == [
        ["farm-bot", "telegram", "42", "token"],
        ["mail", "email", "ada@farm.example"],
    ]
    assert "hush" not in listed
    assert alerts("channels", "apply", file)[0] == 0
    assert owner.execute("SELECT secrets FROM notify_channel WHERE slug = 'farm-bot'").fetchall() == [
        ({"token": "1:hush"},)
    ]


def test_a_secret_that_lacks_is_named_by_its_variable(
    alerts: Alerts, owner: Connection[Any], farm: Farm, file: Path
) -> None:
    code, said = alerts("channels", "apply", file)
    assert (code, "notify.yaml:5: channels[1].secrets.token" in said, TOKEN[0] in said) == (78, True, True)
    assert owner.execute("SELECT count(*) FROM notify_channel").fetchone() == (0,)


def test_a_route_to_nobody_is_refused_with_its_line(alerts: Alerts, farm: Farm, file: Path) -> None:
    file.write_text(FILE.replace("[{channels: [farm-bot]}]", "[{channels: [farm-bto]}]"))
    code, said = alerts("channels", "apply", file, environ=[TOKEN])
    assert code == 78
    assert "notify.yaml:10: routes[0].steps[0].channels[0]: found 'farm-bto'" in said
    assert "did you mean 'farm-bot'?" in said


def test_a_test_alarm_is_on_its_way(alerts: Alerts, owner: Connection[Any], farm: Farm, file: Path) -> None:
    alerts("channels", "apply", file, environ=[TOKEN])
    code, said = alerts("test-alarm", "mail")
    assert (code, said.startswith("a test message is on its way to mail")) == (0, True)
    assert owner.execute("SELECT kind FROM notify_outbox").fetchall() == [("test",)]
    assert alerts("test-alarm", "fax") == (78, "siloscope alerts: no channel is named 'fax'\n")
