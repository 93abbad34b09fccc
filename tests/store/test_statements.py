"""The statement files: their form, and that the schema understands every one of them."""

import re
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import pytest
from psycopg import Connection, pq

from siloscope_store.flavour import Flavour, flavour
from siloscope_store.statements import parse, statements

FILES = sorted(path.name for path in files("siloscope_store").joinpath("sql").iterdir() if path.name.endswith(".sql"))
NAMES = [(file_name, name) for file_name in FILES for name in statements(file_name)]
BRACES = {
    "samples": "sample",
    "table": "sample",
    "incoming": "incoming_sample",
    "came": 'SELECT group_id, "time", "values", quality, came FROM incoming_sample WHERE came IS NOT NULL',
    "role": "pg_monitor",
    "verifier": "'verifier'",
    "password": "'password'",
    "database": "anything",
    "name": "site",
    "relation": "sample",
    "reader": "holes_of_sample",
    "ends": "ends_of_sample",
    "span": "sample",
    "time": "time",
    "rollup": "rollup_hour",
    "group_ids": "'{}'",
    "begins": "'{}'",
    "earliest": "now()",
    "latest": "now()",
    "position": "0",
    "minute": "0",
    "values": "0.5",
    "low": "0.5",
    "mean": "0.5",
    "high": "0.5",
}
RELATIONS = {
    **{("exports.sql", name): "rollup_hour" for name in ("bucket", "bucket_before")},
    **{("exports.sql", name): "rollup_day" for name in ("day", "day_before")},
}
TIMESCALE_ONLY = {("flavour.sql", name) for name in ("compress_chunk", "drop_chunk", "spans_timescale")}


def test_a_file_that_begins_with_sql_is_refused() -> None:
    with pytest.raises(ValueError, match="SQL stands before the first"):
        parse("-- a comment may\nSELECT 1;\n-- name: one\nSELECT 1;\n", "x.sql")


def test_a_name_stands_once() -> None:
    with pytest.raises(ValueError, match="a name stands twice"):
        parse("-- name: one\nSELECT 1;\n-- name: one\nSELECT 2;\n", "x.sql")


def test_comments_and_the_last_semicolon_do_no_harm() -> None:
    found = parse("-- About the file.\n\n-- name: one\n-- Why.\nSELECT ';';\n\n-- name: two\nSELECT 2\n", "x.sql")
    assert found == {"one": "-- Why.\nSELECT ';'", "two": "SELECT 2"}


def test_every_file_holds_statements() -> None:
    assert {file_name for file_name, _ in NAMES} == set(FILES)


def numbered(statement: str) -> bytes:
    """Return a statement as the server sees it: $1 for %(name)s, and the braces filled in."""
    names: dict[str, str] = {}

    def number(found: re.Match[str]) -> str:
        return names.setdefault(found[1], f"${len(names) + 1}")

    filled = re.sub(r"\{(\w+)\}", lambda found: BRACES[found[1]], statement)
    return re.sub(r"%\((\w+)\)s", number, filled).replace("%%", "%").encode()


@pytest.fixture
def prepared(owner: Connection[Any]) -> Iterator[Connection[Any]]:
    """A connection with the temporary tables of the write path."""
    for file_name, name in NAMES:
        if name.startswith("prepare"):
            owner.execute(numbered(statements(file_name)[name]))
    yield owner
    owner.execute("DISCARD TEMPORARY")


def test_the_schema_understands_every_statement(prepared: Connection[Any]) -> None:
    refused = {}
    is_plain = flavour(prepared) is Flavour.PLAIN
    for file_name, name in NAMES:
        statement = statements(file_name)[name]
        if is_plain and (file_name, name) in TIMESCALE_ONLY:
            continue
        if (file_name, name) in RELATIONS:
            statement = statement.replace("{relation}", RELATIONS[file_name, name])
        if name.endswith("_expression"):
            statement = "".join(("SELECT ", statement, " FROM (VALUES (0)) AS of_group (base)"))
        result = prepared.pgconn.prepare(b"", numbered(statement))
        if result.status != pq.ExecStatus.COMMAND_OK:
            refused[file_name, name] = result.error_message.decode()
    assert not refused, "\n".join(f"{place}: {why}" for place, why in refused.items())


def test_whoever_changes_the_latest_values_says_which_transaction_did() -> None:
    writers = [statements(file_name)[name] for file_name, name in NAMES]
    writers = [text for text in writers if re.search(r"INTO latest\b.*DO UPDATE|UPDATE latest\b", text, re.DOTALL)]
    assert writers
    assert all("changed_by = pg_current_xact_id()" in text for text in writers)
