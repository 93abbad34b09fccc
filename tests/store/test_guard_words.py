"""`siloscope db quarantine` and `siloscope db undated` as people use them."""

import asyncio
import base64
import json
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from psycopg import Connection

from siloscope_process.clock import to_ms
from siloscope_process.command_line import main
from siloscope_store import ledger, quarantine, samples, shelf
from siloscope_store.connections import connect_async
from siloscope_store.ledger import RefusedNumber
from siloscope_store.quarantine import Quarantined
from siloscope_store.samples import Undated
from tests.store.farm import Farm

pytestmark = pytest.mark.postgres
HOMES = ["postgres"]
AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
TOPIC = "silo/v1/ours/yard/pi/samples"


@pytest.fixture(params=HOMES)
def database_home(request: pytest.FixtureRequest) -> str:
    """What is printed is the same in all homes."""
    return str(request.param)


def db(url: str, *arguments: str) -> int:
    return main(["db", *arguments], {"SILOSCOPE_DATABASE_URL": url})


def refuse(url: str, *messages: Quarantined) -> None:
    async def work() -> None:
        async with await connect_async(url, autocommit=True) as connection:
            await quarantine.keep(connection, messages)

    asyncio.run(work())


@pytest.fixture
def refused(migrated_database_url: str, farm: Farm, foreign: Farm) -> str:
    """Four refused messages: two of ours, one of nobody that named us, one of theirs."""
    ours = (farm.org_id, farm.node_id, "0" * 32)
    refuse(
        migrated_database_url,
        Quarantined(TOPIC, b"[{", "malformed", "payload: torn", AT, *ours, 7),
        Quarantined(TOPIC, b"\xff\x1b[2J", "unknown_form", "first byte: found b'\\xff'", AT, *ours, None),
        Quarantined("silo/v1/ours/nowhere/pi/samples", b"[]", "site_unknown", "no such site", AT),
        Quarantined("silo/v1/theirs/yard/pi/samples", b"[1]", "malformed", "", AT, foreign.org_id, foreign.node_id),
    )
    return migrated_database_url


def test_a_list_names_everything_and_an_organisations_only_its_own(
    refused: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert db(refused, "quarantine", "list") == 0
    assert len(capsys.readouterr().out.splitlines()) == 4
    assert db(refused, "quarantine", "list", "--organisation", "ours") == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert any("malformed" in line and "number 7" in line and TOPIC in line for line in lines)


def test_a_payload_is_shown_without_harm_to_the_terminal(refused: str, capsys: pytest.CaptureFixture[str]) -> None:
    refuse(refused, Quarantined(TOPIC, b"[\x1b[2J", "malformed", "", AT))
    for quarantine_id in range(1, 50):
        db(refused, "quarantine", "show", str(quarantine_id))
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert "ff 1b 5b 32 4a" in shown
    assert "payload: torn" in shown


def test_an_export_holds_every_byte(refused: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "refused.jsonl"
    assert db(refused, "quarantine", "export", "--organisation", "ours", "--to", str(path)) == 0
    assert "wrote 3 messages" in capsys.readouterr().out
    found = [json.loads(line) for line in path.read_bytes().splitlines()]
    payloads = [base64.b64decode(each["payload_base64"]) for each in found]
    assert sorted(payloads) == sorted([b"[{", b"\xff\x1b[2J", b"[]"])
    assert [each["sha256"] for each in found] == [sha256(payload).hexdigest() for payload in payloads]
    assert db(refused, "quarantine", "export", "--to", str(path)) == 78, "nothing is overwritten"


def test_replay_and_discard_want_to_be_told_which(
    refused: str, owner: Connection[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    for word in ("replay", "discard"):
        assert db(refused, "quarantine", word) == 78
        assert "name the ids" in capsys.readouterr().err
    assert db(refused, "quarantine", "replay", "--reason", "malformed", "--organisation", "ours") == 0
    asked = "SELECT reason FROM quarantine WHERE replay_requested_at IS NOT NULL"
    assert owner.execute(asked).fetchall() == [("malformed",)]
    assert db(refused, "quarantine", "discard", "--all", "--organisation", "ours") == 0
    assert owner.execute("SELECT topic FROM quarantine").fetchall() == [("silo/v1/theirs/yard/pi/samples",)]
    deeds = owner.execute("SELECT action, detail->'messages' FROM audit ORDER BY audit_id").fetchall()
    assert deeds == [("quarantine.replay", 1), ("quarantine.discard", 3)]


def test_too_old_and_too_much_go_oldest_first_and_are_counted(refused: str, owner: Connection[Any], farm: Farm) -> None:
    owner.execute("DELETE FROM quarantine")
    now = datetime.now(UTC)
    for at in range(10):
        message = Quarantined(TOPIC, bytes([at]) * 1_000, "malformed", "", now - timedelta(hours=at), farm.org_id)
        refuse(refused, message)
    refuse(refused, Quarantined(TOPIC, b"old", "malformed", "", now - timedelta(days=100), farm.org_id))

    async def prune(limit: int) -> int:
        async with await connect_async(refused, autocommit=True) as connection:
            return await shelf.prune(connection, older_than_days=90, most_bytes=4 * (1_000 + 512) + 500, limit=limit)

    assert asyncio.run(prune(2)) == 2
    assert asyncio.run(prune(100)) == 5
    assert asyncio.run(prune(100)) == 0
    kept = owner.execute("SELECT get_byte(payload, 0) FROM quarantine ORDER BY 1").fetchall()
    assert kept == [(0,), (1,), (2,), (3,)]
    counted = "SELECT sum((detail->'messages')::int), sum((detail->'bytes')::int) FROM audit"
    assert owner.execute(counted + " WHERE action = 'quarantine.prune'").fetchall() == [(7, 6_003)]


def test_many_small_messages_are_too_much_and_no_other_organisation_pays_for_them(
    refused: str, owner: Connection[Any]
) -> None:
    now = datetime.now(UTC)
    owner.execute("DELETE FROM quarantine")
    refuse(refused, Quarantined("silo/v1/theirs/farm/pi/samples", b"them", "malformed", "", now - timedelta(days=2)))
    for each in range(20):
        topic = "silo/v1/ours/nowhere/pi/samples"
        refuse(refused, Quarantined(topic, bytes([each]), "malformed", "", now - timedelta(seconds=each)))

    async def prune() -> int:
        async with await connect_async(refused, autocommit=True) as connection:
            return await shelf.prune(connection, older_than_days=90, most_bytes=5_200, limit=100)

    assert asyncio.run(prune()) == 10
    assert owner.execute("SELECT count(*) FROM quarantine WHERE payload = %s", (b"them",)).fetchone() == (1,)


def test_undated_samples_are_listed_and_shifted_after_a_dry_run(
    migrated_database_url: str, owner: Connection[Any], farm: Farm, capsys: pytest.CaptureFixture[str]
) -> None:
    url, head = migrated_database_url, farm.group("head", [("t1", "temperature", "Cel")])

    async def keep() -> None:
        async with await connect_async(url, autocommit=True) as connection:
            wrong_ms = to_ms(AT - timedelta(hours=3))
            undated = Undated(farm.org_id, farm.node_id, head.group_id, wrong_ms, [1.0], None, None, None, AT)
            await samples.keep_undated(connection, [undated])

    asyncio.run(keep())
    assert db(url, "undated", "list") == 0
    assert "ours/yard/pi  out_of_window  1 samples" in capsys.readouterr().out
    assert db(url, "undated", "redate", "ours/yard/pi", "--shift", "+3h") == 0
    assert capsys.readouterr().out.startswith("dry run: would re-date 1 samples of 2026-03-01T12:00:00+00:00")
    assert owner.execute("SELECT count(*) FROM sample").fetchone() == (0,)
    assert db(url, "undated", "redate", "ours/yard/pi", "--shift=-1d3h") == 0
    assert capsys.readouterr().out.startswith("dry run: would re-date 1 samples of 2026-02-28T06:00:00+00:00")
    assert db(url, "undated", "redate", "ours/yard/pi", "--shift", "+3h", "--apply") == 0
    assert "re-dated 1 samples" in capsys.readouterr().out
    assert owner.execute("SELECT time FROM sample").fetchall() == [(AT,)]
    assert db(url, "undated", "redate", "ours/yard/nobody", "--as-is") == 78
    assert db(url, "undated", "redate", "ours-yard", "--as-is") == 78


def test_weeks_far_and_wide_are_opened_only_by_their_number(
    migrated_database_url: str, owner: Connection[Any], farm: Farm, capsys: pytest.CaptureFixture[str]
) -> None:
    url, head = migrated_database_url, farm.group("head", [("t1", "temperature", "Cel")])

    async def keep() -> None:
        async with await connect_async(url, autocommit=True) as connection:
            times = [to_ms(AT - timedelta(weeks=100 + 10 * at)) for at in range(9)]
            known = (farm.org_id, farm.node_id, head.group_id)
            kept = [Undated(*known, time_ms, [1.0], None, None, None, AT) for time_ms in times]
            await samples.keep_undated(connection, kept)

    asyncio.run(keep())
    words = ("undated", "redate", "ours/yard/pi", "--as-is")
    assert db(url, *words) == 0
    told = capsys.readouterr().out
    assert "of 9 weeks that nothing is stored of yet; add --open-weeks 9 --apply to do it" in told
    assert db(url, *words, "--apply") == 78
    told = capsys.readouterr().err
    assert "of 9 weeks that nothing is stored of yet, expected at most 8" in told
    assert "add --open-weeks 9" in told
    with pytest.raises(SystemExit):
        db(url, *words, "--apply", "--open-weeks", "-1")
    assert "--open-weeks: found '-1', expected a number of weeks" in capsys.readouterr().err
    assert owner.execute("SELECT count(*) FROM sample").fetchone() == (0,)
    assert db(url, *words, "--apply", "--open-weeks", "9") == 0
    assert "re-dated 9 samples" in capsys.readouterr().out


def test_reasons_of_refused_numbers_go_when_they_are_old_or_many_and_their_numbers_stay(
    migrated_database_url: str, owner: Connection[Any], farm: Farm, foreign: Farm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shelf, "MOST_REFUSED_A_NODE", 3)
    epoch = "0" * 32

    async def work() -> int:
        async with await connect_async(migrated_database_url, autocommit=True) as connection:
            await ledger.prepare(connection)
            async with connection.transaction():
                for node_id, count in ((farm.node_id, 6), (foreign.node_id, 3)):
                    numbers = [RefusedNumber(node_id, epoch, seq, "malformed", "") for seq in range(1, count + 1)]
                    await ledger.refuse(connection, numbers)
                await ledger.account(connection, ledger.accounted_rows({(farm.node_id, epoch): [(1, 7)]}))
            await connection.execute("UPDATE seq_refused SET at = now() - interval '100 days' WHERE seq = 6")
            return await shelf.prune(connection, older_than_days=90, most_bytes=10_000, limit=100)

    assert asyncio.run(work()) == 3
    kept = owner.execute("SELECT node_id, seq FROM seq_refused ORDER BY node_id, seq").fetchall()
    assert kept == [(farm.node_id, seq) for seq in (3, 4, 5)] + [(foreign.node_id, seq) for seq in (1, 2, 3)]
    assert owner.execute("SELECT accounted::text FROM node_epoch").fetchall() == [("{[1,7)}",)]


def test_the_same_message_many_times_in_one_batch_is_one_row(refused: str, owner: Connection[Any]) -> None:
    owner.execute("DELETE FROM quarantine")
    times = [AT + timedelta(seconds=each) for each in (0, 5, 3)]
    for seen in (3, 6):
        refuse(refused, *(Quarantined(TOPIC, b"[{", "malformed", "payload: torn", at) for at in times))
        found = owner.execute("SELECT times_seen, received_at, last_seen_at FROM quarantine").fetchall()
        assert found == [(seen, times[0], times[1])]
