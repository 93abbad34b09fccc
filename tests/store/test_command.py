"""`siloscope db` as people use it: what it prints, and what it says when something is wrong."""

import io
from pathlib import Path

import psycopg
import pytest
from argon2 import PasswordHasher
from psycopg import sql
from psycopg.conninfo import make_conninfo

from siloscope_deploy.servers.ports import free_port
from siloscope_process.command_line import main
from siloscope_store import schema
from siloscope_store.connections import connect

LAYOUT = "organisations: [{slug: demo, sites: [{slug: north, time_zone: Europe/Berlin}]}]"


def db(url: str, *arguments: str) -> int:
    return main(["db", *arguments], {"SILOSCOPE_DATABASE_URL": url})


@pytest.mark.parametrize(
    "url",
    [
        "nonsense",
        "mysql://me:hunter2@127.0.0.1/db",
        "postgresql://me:hunt er2@h/d",
    ],
)
def test_a_url_that_cannot_be_read_is_one_line_without_the_password(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert db(url, "migrate") == 78
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("siloscope db: the database URL cannot be read; expected postgresql://")
    assert "hunt" not in line


@pytest.mark.parametrize("end", ["127.0.0.1:nan/db", "127.0.0.1:99999/db", "127.0.0.1/db?sslmode=perhaps"])
def test_a_wrong_part_of_a_url_is_named(end: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert db(f"postgresql://me:hunter2@{end}", "migrate") == 78
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("siloscope db: the database URL is wrong: invalid ")
    assert "hunter2" not in line


def test_a_password_with_an_at_sign_is_not_taken_for_the_host(capsys: pytest.CaptureFixture[str]) -> None:
    assert db("postgresql://me:hunt@er2@127.0.0.1/db", "migrate") == 78
    (line,) = capsys.readouterr().err.splitlines()
    assert "write %40" in line
    assert "er2" not in line


def test_no_url_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["db", "status"], {}) == 78
    (line,) = capsys.readouterr().err.splitlines()
    assert "SILOSCOPE_DATABASE_URL is not set" in line


def test_a_server_that_is_away_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert db(f"postgresql://me:hunter2@127.0.0.1:{free_port()}/db", "status") == 69
    (line,) = capsys.readouterr().err.splitlines()
    assert "does not answer" in line
    assert "hunter2" not in line


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("wrong", "says"),
    [({"password": "hunter2"}, "password authentication failed"), ({"dbname": "nosuch"}, "does not exist")],
)
def test_a_server_that_refuses_is_one_line(
    postgres_database_url: str, wrong: dict[str, str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    url = make_conninfo(postgres_database_url, **wrong)
    assert db(url, "migrate") == 78
    (line,) = capsys.readouterr().err.splitlines()
    assert "refuses the connection" in line
    assert says in line
    assert "hunter2" not in line


def test_migrate_and_status_tell_what_they_did(database_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    first, *others = schema.names()
    assert db(database_url, "migrate", "--to", first) == 0
    assert capsys.readouterr().out.splitlines() == [f"applied {first}"]
    assert db(database_url, "status") == 0
    expected = [f"applied  {first}", *(f"missing  {name}" for name in others)]
    assert capsys.readouterr().out.splitlines() == expected
    assert db(database_url, "migrate") == 0
    assert capsys.readouterr().out.splitlines() == [f"applied {name}" for name in others]
    assert db(database_url, "migrate", "--rollback", "1") == 0
    assert capsys.readouterr().out.splitlines() == [f"took back {others[-1]}"]
    assert db(database_url, "migrate") == 0
    assert db(database_url, "migrate") == 0
    assert capsys.readouterr().out.splitlines()[-1].endswith("is up to date")


@pytest.mark.postgres
@pytest.mark.parametrize(
    "arguments",
    [("apply", "layout.yaml"), ("user", "add", "demo", "ada"), ("tenant-role", "create", "demo", "anybody")],
)
def test_a_database_without_a_schema_is_one_line(
    postgres_database_url: str,
    arguments: tuple[str, ...],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("layout.yaml").write_text(LAYOUT)
    assert db(postgres_database_url, *arguments) == 78
    (line,) = capsys.readouterr().err.splitlines()
    assert "run 'siloscope db migrate' first" in line


def test_a_user_gets_a_password_that_is_shown_once_and_kept_as_a_hash(
    migrated_database_url: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "layout.yaml"
    path.write_text(LAYOUT)
    assert db(migrated_database_url, "apply", str(path)) == 0
    assert "sites 1" in capsys.readouterr().out
    assert db(migrated_database_url, "user", "add", "demo", "ada", "--role", "administrator") == 0
    said, password = capsys.readouterr().out.splitlines()
    assert said.startswith("added the administrator ada")
    with connect(migrated_database_url) as connection:
        (stored,) = connection.execute("SELECT password_hash FROM app_user").fetchone() or ("",)
        trail = connection.execute("SELECT action, subject, org_id IS NULL FROM audit ORDER BY audit_id").fetchall()
    assert PasswordHasher().verify(stored, password)
    assert trail == [("layout.apply", "demo", False), ("user.add", "ada", False)]
    assert db(migrated_database_url, "user", "add", "demo", "ada") == 78
    assert db(migrated_database_url, "user", "add", "nobody", "eve") == 78
    assert capsys.readouterr().err.splitlines() == [
        "siloscope db: a user named 'ada' exists already",
        "siloscope db: no organisation is named 'nobody'",
    ]


@pytest.mark.postgres
def test_a_password_may_come_from_standard_input(
    migrated_postgres_url: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "layout.yaml"
    path.write_text(LAYOUT)
    assert db(migrated_postgres_url, "apply", str(path)) == 0
    assert db(migrated_postgres_url, "user", "add", "demo", "ada") == 0
    capsys.readouterr()
    monkeypatch.setattr("sys.stdin", io.StringIO("short\n"))
    assert db(migrated_postgres_url, "user", "password", "ada", "--password-stdin") == 78
    assert "has 5 characters; expected at least 10" in capsys.readouterr().err
    monkeypatch.setattr("sys.stdin", io.StringIO("battery staple\n"))
    assert db(migrated_postgres_url, "user", "password", "ada", "--password-stdin") == 0
    assert capsys.readouterr().out == "changed the password of ada\n"


def test_a_tenant_role_logs_in_with_what_was_printed(
    migrated_database_url: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "layout.yaml"
    path.write_text(LAYOUT)
    role = "command_" + migrated_database_url.rsplit("/", 1)[1]
    assert db(migrated_database_url, "apply", str(path)) == 0
    capsys.readouterr()
    assert db(migrated_database_url, "tenant-role", "create", "demo", role) == 0
    _, password = capsys.readouterr().out.splitlines()
    url = make_conninfo(migrated_database_url, user=role, password=password)
    with psycopg.connect(url) as tenant:
        assert tenant.execute("SELECT slug FROM site").fetchall() == [("north",)]
    assert db(url, "migrate", "--rollback", "1") == 78
    assert capsys.readouterr().err.count("\n") == 1
    assert db(migrated_database_url, "tenant-role", "drop", role) == 0
    assert db(migrated_database_url, "tenant-role", "drop", role) == 78


def test_an_owner_without_superuser_rights_can_do_it_all(
    database_url: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "layout.yaml"
    path.write_text(LAYOUT)
    name = database_url.rsplit("/", 1)[1]
    owner, tenant = f"owner_{name}", f"tenant_{name}"
    with connect(database_url, autocommit=True) as superuser:
        superuser.execute(sql.SQL("CREATE ROLE {} LOGIN CREATEROLE PASSWORD 'x'").format(sql.Identifier(owner)))
        superuser.execute(sql.SQL("ALTER DATABASE {} OWNER TO {}").format(sql.Identifier(name), sql.Identifier(owner)))
        try:
            url = make_conninfo(database_url, user=owner, password="x")
            assert db(url, "migrate") == 0
            assert db(url, "apply", str(path)) == 0
            assert db(url, "tenant-role", "create", "demo", tenant) == 0
            assert db(url, "tenant-role", "drop", tenant) == 0
            assert db(url, "migrate", "--rollback", str(len(schema.names()))) == 0
        finally:
            capsys.readouterr()
            superuser.execute(sql.SQL("REASSIGN OWNED BY {} TO CURRENT_USER").format(sql.Identifier(owner)))
            superuser.execute(sql.SQL("DROP OWNED BY {}").format(sql.Identifier(owner)))
            superuser.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(owner)))


@pytest.mark.parametrize("content", [None, b"\xff"])
@pytest.mark.postgres
def test_a_layout_that_cannot_be_read_is_one_line(
    migrated_postgres_url: str, content: bytes | None, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "layout.yaml"
    if content is not None:
        path.write_bytes(content)
    assert db(migrated_postgres_url, "apply", str(path)) == 78
    assert capsys.readouterr().err.count("\n") == 1
