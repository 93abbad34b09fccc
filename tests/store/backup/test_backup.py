"""Whether a server is set up for backups, and the generation that a restore calls for."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from psycopg import Connection

from siloscope_process.command_line import main
from siloscope_store.backup import generation, readiness
from siloscope_store.backup.readiness import Archiver
from tests.store.farm import NOW

GOOD = {
    "wal_level": "replica",
    "archive_mode": "on",
    "archive_command": "cp %p /backup/%f",
    "archive_library": "",
    "archive_timeout": "60",
    "fsync": "on",
    "full_page_writes": "on",
}
WELL = Archiver(9, "000000010000000000000009", NOW - timedelta(seconds=30), 0, None, None)


def test_a_server_that_archives_has_no_problem() -> None:
    assert readiness.problems(GOOD, WELL, at=NOW) == []


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("wal_level", "minimal", "wal_level is minimal; expected replica"),
        ("archive_mode", "off", "archive_mode is off; expected on"),
        ("archive_command", "", "archive_command and archive_library are empty"),
        ("archive_timeout", "0", "archive_timeout is 0"),
        ("fsync", "off", "fsync is off"),
        ("full_page_writes", "off", "full_page_writes is off"),
    ],
)
def test_a_setting_that_stands_in_the_way_is_named(name: str, value: str, says: str) -> None:
    (line,) = readiness.problems({**GOOD, name: value}, WELL, at=NOW)
    assert line.startswith(says)


def test_archiving_that_fails_or_rests_is_told() -> None:
    failed = Archiver(9, "09", NOW - timedelta(hours=3), 4, "0A", NOW - timedelta(hours=2))
    assert readiness.problems(GOOD, failed, at=NOW) == ["archiving 0A failed at 2026-03-01 10:00:00 UTC"]
    rested = Archiver(9, "09", NOW - timedelta(hours=3), 0, None, None)
    assert readiness.problems(GOOD, rested, at=NOW) == ["no WAL was archived in the last hour; the last one was 09"]


def test_a_generation_is_renewed_and_the_store_stays_itself(owner: Connection[Any]) -> None:
    assert generation.renew(owner) is None
    owner.execute(
        "INSERT INTO store_identity (store_id, generation, system_identifier, timeline) VALUES (%s, %s, '1', 1)",
        (store := uuid4(), old := uuid4()),
    )
    renewed = generation.renew(owner)
    assert renewed not in (None, str(old))
    assert owner.execute("SELECT store_id, generation::text FROM store_identity").fetchone() == (store, renewed)


@pytest.mark.postgres
def test_a_server_without_archived_wal_fails_the_check(
    migrated_postgres_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["db", "backup", "check"], {"SILOSCOPE_DATABASE_URL": migrated_postgres_url}) == 78
    said = capsys.readouterr()
    assert "archive_mode is off; expected on" in said.err
    assert said.err.count("\n") == 1
    assert "WAL archived      0 files, last never; 0 failures" in said.out
