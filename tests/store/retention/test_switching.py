"""The archive is switched on while retention is at work: once that was answered, nothing goes without a file."""

import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from psycopg import Connection

from siloscope_store import flavour
from siloscope_store.archive import catalogue
from siloscope_store.connections import connect
from siloscope_store.retention import dropping, policies
from tests.store.farm import Group
from tests.store.retention.conftest import OLD, run, stored


def switched_on_before(step: str, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the archive switched on by somebody else right before a step of retention is done for the first time."""
    carry_out, told = getattr(dropping, step), list[str]()

    def switch_first(*arguments: Any) -> Any:
        if not told:
            with connect(url, autocommit=True) as somebody:
                policies.require_archive(somebody, "ours", required=True)
            told.append(step)
        return carry_out(*arguments)

    monkeypatch.setattr(dropping, step, switch_first)


def test_a_span_that_was_about_to_be_dropped_goes_into_files_first(
    owner: Connection[Any], head: Group, migrated_database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    everything = stored(owner)
    policies.require_archive(owner, "ours", required=False)
    with monkeypatch.context() as patched:
        switched_on_before("_drop", migrated_database_url, patched)
        outcome = run(owner, tmp_path)
    assert "files" in outcome.waits[0]
    assert OLD not in [loss.span.begins for loss in outcome.dropped]
    first_span = [row for row in everything if row[1] < OLD + timedelta(days=7)]
    assert stored(owner)[: len(first_span)] == first_span
    run(owner, tmp_path)
    assert len(stored(owner)) == 24
    assert sum(file.samples for file in catalogue.files(owner)) == len(everything) - 24


def test_rows_that_were_about_to_be_deleted_go_into_files_first(
    owner: Connection[Any],
    head: Group,
    theirs: Group,
    migrated_database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    everything = stored(owner)
    policies.require_archive(owner, "ours", required=False)
    with monkeypatch.context() as patched:
        switched_on_before("_delete_share", migrated_database_url, patched)
        assert run(owner, None).deleted_rows == 0
    assert stored(owner) == everything
    assert run(owner, tmp_path).deleted_rows == 14 * 24
    assert sum(file.samples for file in catalogue.files(owner)) == 14 * 24


@pytest.mark.timeout(60)
def test_who_switches_it_on_is_answered_when_the_span_that_goes_is_gone(
    owner: Connection[Any], head: Group, migrated_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    policies.require_archive(owner, "ours", required=False)
    drop, left = flavour.drop_span, list[int]()

    def switch() -> None:
        with connect(migrated_database_url, autocommit=True) as somebody:
            policies.require_archive(somebody, "ours", required=True)
            left.append(len(stored(somebody)))

    somebody = threading.Thread(target=switch)

    def switch_meanwhile(connection: Connection[Any], span: flavour.Span) -> None:
        if not somebody.ident:
            somebody.start()
            waits = "SELECT count(*) FROM pg_locks WHERE relation = 'archive_policy'::regclass AND NOT granted"
            while connection.execute(waits).fetchone() != (1,):
                assert somebody.is_alive(), "switched while a span goes without a file"
        drop(connection, span)

    monkeypatch.setattr(flavour, "drop_span", switch_meanwhile)
    outcome = run(owner, None)
    somebody.join()
    assert len(outcome.dropped) == 1
    assert left == [len(stored(owner))]
    assert left == [7 * 24 + 24]
