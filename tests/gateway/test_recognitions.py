"""Credentials in a real database."""

from pathlib import Path

import psycopg
import pytest

from siloscope_contract.topics import NodeName
from siloscope_gateway.credentials import issue
from siloscope_gateway.errors import UnknownCredential, UnknownOwner, UsernameTaken
from siloscope_gateway.main import command
from siloscope_gateway.principals import Principal
from siloscope_gateway.recognitions import StoredRecognitions
from siloscope_process import command_line

pytestmark = pytest.mark.postgres


@pytest.fixture
def url(migrated_postgres_url: str) -> str:
    """A database with one organisation, one site and no credential."""
    with psycopg.connect(migrated_postgres_url) as connection:
        connection.execute("INSERT INTO organisation (slug, name) VALUES ('demo', 'Demo')")
        connection.execute("INSERT INTO site (org_id, slug, name) SELECT org_id, 'north', 'North' FROM organisation")
    return migrated_postgres_url


@pytest.fixture
def stored(url: str) -> StoredRecognitions:
    return StoredRecognitions(url)


@pytest.fixture
def installed(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The gateway's command alone; the database is made before, by another."""
    monkeypatch.setattr(command_line, "_load", lambda name, installed: command)


def test_a_credential_of_an_unknown_organisation_or_site_is_refused_with_those_there_are(
    stored: StoredRecognitions,
) -> None:
    for org, site, words in (
        ("demo", "nort", "site of demo 'nort'; there are: north"),
        ("x", "north", "there are: demo"),
    ):
        _, recognition = issue(Principal.of_site(org, site))
        with pytest.raises(UnknownOwner, match=words):
            stored.add(recognition)
    assert stored.living() == []


def test_what_is_kept_comes_back_as_it_was(stored: StoredRecognitions) -> None:
    principals = [
        Principal.of_node(NodeName.of("demo", "north", "never-heard-of")),
        Principal.of_site("demo", "north"),
        Principal.ingest(),
        Principal.monitor(),
    ]
    recognitions = [issue(principal)[1] for principal in principals]
    for each in recognitions:
        stored.add(each)
    assert stored.living() == recognitions


def test_a_user_name_is_given_once_even_after_it_was_revoked(stored: StoredRecognitions) -> None:
    _, recognition = issue(Principal.ingest())
    stored.add(recognition)
    stored.revoke(recognition.username)
    assert stored.living() == []
    with pytest.raises(UsernameTaken):
        stored.add(recognition)
    with pytest.raises(UnknownCredential):
        stored.revoke(recognition.username)


def test_who_gave_and_revoked_is_on_the_audit_trail(url: str, stored: StoredRecognitions) -> None:
    _, recognition = issue(Principal.of_site("demo", "north"))
    stored.add(recognition)
    stored.revoke(recognition.username)
    with psycopg.connect(url) as connection:
        trail = connection.execute(
            "SELECT o.slug, a.actor, a.action, a.subject FROM audit AS a JOIN organisation AS o USING (org_id)"
            " ORDER BY a.audit_id"
        ).fetchall()
    assert trail == [
        ("demo", "command:siloscope gateway", "credential.add", recognition.username),
        ("demo", "command:siloscope gateway", "credential.revoke", recognition.username),
    ]


@pytest.mark.usefixtures("installed")
def test_the_command_refuses_in_one_line(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    environ = {"SILOSCOPE_DATABASE_URL": url}
    for wrong in (["add", "site", "demo", "nort"], ["add", "node", "demo", "north", "Yard Pi"], ["revoke", "nobody"]):
        assert command_line.main(["gateway", "credential", *wrong], environ) == 78
        assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.usefixtures("installed")
def test_the_command_shows_a_password_once_and_the_database_never(
    url: str, stored: StoredRecognitions, capsys: pytest.CaptureFixture[str]
) -> None:
    environ = {"SILOSCOPE_DATABASE_URL": url}
    assert command_line.main(["gateway", "credential", "add", "node", "demo", "north", "yard"], environ) == 0
    shown = dict(line.partition(": ")[::2] for line in capsys.readouterr().out.splitlines())
    assert [each.username for each in stored.living()] == [shown["username"]]
    assert shown["password"] not in repr(stored.living())
    assert command_line.main(["gateway", "credential", "list"], environ) == 0
    assert capsys.readouterr().out == f"{shown['username']}\n"


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("broker", "files"), [("nats", {"nats.conf"}), ("mosquitto", {"mosquitto.conf", "passwords", "acl"})]
)
def test_a_rendered_configuration_is_for_its_owner_alone(
    broker: str, files: set[str], url: str, stored: StoredRecognitions, tmp_path: Path
) -> None:
    _, recognition = issue(Principal.ingest())
    stored.add(recognition)
    arguments = ["gateway", "render", broker, "--directory", str(tmp_path / "broker")]
    assert command_line.main(arguments, {"SILOSCOPE_DATABASE_URL": url}) == 0
    written = list((tmp_path / "broker").iterdir())
    assert {each.name for each in written} == files
    assert all(each.stat().st_mode & 0o077 == 0 for each in written)
    assert any(recognition.username in each.read_text() for each in written)


@pytest.mark.usefixtures("installed")
def test_a_server_of_a_nats_cluster_is_rendered_when_all_of_it_is_told(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    environ = {"SILOSCOPE_DATABASE_URL": url}
    arguments = ["gateway", "render", "nats", "--directory", str(tmp_path / "n1"), "--server", "n1"]
    assert command_line.main(arguments, environ) == 78
    assert "--cluster-password-file" in capsys.readouterr().err
    secret = tmp_path / "secret"
    arguments += ["--peer", "10.0.0.1:6222", "--peer", "10.0.0.2:6222", "--cluster-password-file", str(secret)]
    assert command_line.main(arguments, environ) == 78
    assert str(secret) in capsys.readouterr().err
    secret.write_text("between us\n")
    assert command_line.main(arguments, environ) == 0
    assert "between%20us@10.0.0.2:6222" in (tmp_path / "n1" / "nats.conf").read_text()
