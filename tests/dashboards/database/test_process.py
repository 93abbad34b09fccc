"""`siloscope api` as people start it: refusals in one line, then a life from first start to SIGTERM."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
from psycopg import Connection

from siloscope_dashboards.listening import listen
from siloscope_process.clock import SystemClock
from tests.store.farm import Farm

pytestmark = pytest.mark.postgres

PROGRAM = [str(Path(sys.executable).with_name("siloscope")), "api"]
PATIENCE_S = 30


def refused(environ: dict[str, str]) -> tuple[int, str]:
    ended = subprocess.run(PROGRAM, env=environ, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert ended.stdout == ""
    assert ended.stderr.count("\n") == 1, ended.stderr
    return ended.returncode, ended.stderr.strip()


@contextmanager
def running(url: str, home: Path) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """Run the API on a free port and give its process and address once it listens."""
    environ = {"SILOSCOPE_DATABASE_URL": url, "SILOSCOPE_HTTP_PORT": "0", "SILOSCOPE_HOME": str(home)}
    with subprocess.Popen(PROGRAM, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            record = json.loads(process.stderr.readline())
            assert record["event"] == "listening"
            yield process, record["url"]
        finally:
            process.kill()


def login(client: httpx2.Client, home: Path) -> dict[str, str]:
    username, password = (line.split(": ")[1] for line in (home / "secrets" / "administrator").read_text().splitlines())
    tokens = client.post("/api/v1/auth/token", json={"username": username, "password": password}).json()
    return {"Authorization": f"Bearer {tokens['access_token']}"}


def test_a_missing_database_url_is_one_line() -> None:
    code, line = refused({})
    assert code == 78
    assert line.startswith("siloscope api: SILOSCOPE_DATABASE_URL is not set; expected")


def test_a_database_that_refuses_is_one_line_without_the_password(migrated_postgres_url: str) -> None:
    port = urlsplit(migrated_postgres_url).port
    wrong = f"postgresql://nobody:pa55word@127.0.0.1:{port}/nothing"
    code, line = refused({"SILOSCOPE_DATABASE_URL": wrong, "SILOSCOPE_HTTP_PORT": "0"})
    assert code == 78
    assert f"127.0.0.1:{port}/nothing" in line
    assert "pa55word" not in line


def test_a_database_that_is_away_is_one_line() -> None:
    with closing(listen("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    environ = {"SILOSCOPE_DATABASE_URL": f"postgresql://u:p@127.0.0.1:{port}/d", "SILOSCOPE_HTTP_PORT": "0"}
    code, line = refused(environ)
    assert code == 69
    assert f"127.0.0.1:{port}/d does not answer" in line


def test_a_database_without_our_tables_is_one_line(postgres_database_url: str) -> None:
    code, line = refused({"SILOSCOPE_DATABASE_URL": postgres_database_url, "SILOSCOPE_HTTP_PORT": "0"})
    assert code == 78
    assert "siloscope db migrate" in line


def test_a_taken_port_is_one_line(migrated_postgres_url: str) -> None:
    with closing(listen("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        code, line = refused({"SILOSCOPE_DATABASE_URL": migrated_postgres_url, "SILOSCOPE_HTTP_PORT": port})
    assert code == 69
    assert line == (
        f"siloscope api: port {port} on 127.0.0.1 is taken by another program; set SILOSCOPE_HTTP_PORT to a free one"
    )


def test_a_new_reading_is_shown_live_and_sigterm_ends_it_cleanly(
    migrated_postgres_url: str, owner: Connection[Any], tmp_path: Path
) -> None:
    farm = Farm(owner, "ours")
    group = farm.group("head", [("t1", "temperature", "Cel")])
    with running(migrated_postgres_url, tmp_path) as (process, url), httpx2.Client(base_url=url) as client:
        headers = login(client, tmp_path)
        (channel,) = client.get("/api/v1/channels", headers=headers).json()["items"]
        assert channel["latest"] is None
        with client.stream("GET", "/api/v1/live", headers=headers, timeout=PATIENCE_S) as stream:
            lines = stream.iter_lines()
            next(line for line in lines if line == "event: cursor")
            farm.latest(group, SystemClock().now(), [12.5])
            data = next(line for line in lines if '"value"' in line)
            assert json.loads(data.removeprefix("data: "))["value"] == 12.5
            process.send_signal(signal.SIGTERM)
            assert list(lines)[-3:] == ["event: end", "data: stopping", ""]
        assert process.wait(PATIENCE_S) == 0


def test_a_second_start_makes_no_second_administrator_and_keeps_everybody_logged_in(
    migrated_postgres_url: str, owner: Connection[Any], tmp_path: Path
) -> None:
    with running(migrated_postgres_url, tmp_path) as (_, url), httpx2.Client(base_url=url) as client:
        headers = login(client, tmp_path)
    with running(migrated_postgres_url, tmp_path) as (_, url), httpx2.Client(base_url=url) as client:
        assert client.get("/api/v1/me", headers=headers).json()["username"] == "admin"
    assert owner.execute("SELECT count(*) FROM app_user").fetchone() == (1,)
