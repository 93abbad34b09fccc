"""A second organisation's database role sees none of the first's rows, whichever way it asks."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import Connection, sql
from psycopg.conninfo import make_conninfo

from siloscope_contract.quality import Quality
from siloscope_store import schema, tenancy
from siloscope_store.connections import connect
from siloscope_store.errors import NameTaken, NameUnknown
from tests.store.farm import NOW, Farm

VIEWS = ("reading", "latest_reading", "reading_hour", "reading_day", "number_ledger", "reading_conflict")
GRANTED = (
    *("organisation", "site", "node", "device", "sample_group", "channel", "place", "placement", "gap_record"),
    "node_clock_event",
    *("alert_rule", "alert_rule_version", "alert_incident", "alert", "alert_transition", "alert_action"),
    "alert_silence",
)


def populate_alerts(farm: Farm) -> None:
    farm.connection.execute(
        """
        WITH rule AS (
            INSERT INTO alert_rule (org_id, slug) VALUES (%(org)s, 'hot') RETURNING rule_id
        ), version AS (
            INSERT INTO alert_rule_version (rule_id, version, org_id, document, author)
            SELECT rule_id, 1, %(org)s, '{}', 'user:ada' FROM rule
        ), incident AS (
            INSERT INTO alert_incident (org_id, cause, group_key, severity, opened_at)
            VALUES (%(org)s, 'rule', 'hot', 'warning', now()) RETURNING incident_id
        ), alert AS (
            INSERT INTO alert (
                org_id, rule_id, rule_version, subject_kind, subject_id, incident_id, severity, state, reason, began_at
            )
            SELECT %(org)s, rule_id, 1, 'organisation', %(org)s, incident_id, 'warning', 'firing', 'held', now()
            FROM rule, incident RETURNING alert_id
        ), transition AS (
            INSERT INTO alert_transition (alert_id, number, org_id, from_state, to_state, reason, event_at, term)
            SELECT alert_id, 1, %(org)s, 'ok', 'firing', 'held', now(), 1 FROM alert
        ), action AS (
            INSERT INTO alert_action (org_id, alert_id, kind, actor, via)
            SELECT %(org)s, alert_id, 'acknowledge', 'user:ada', 'api' FROM alert
        )
        INSERT INTO alert_silence (org_id, kind, selector, begins, ends, author)
        VALUES (%(org)s, 'silence', '{}', now(), now() + INTERVAL '1 hour', 'user:ada')
        """,
        {"org": farm.org_id},
    )


def populate(farm: Farm) -> None:
    group = farm.group("head", [("t1", "temperature", "Cel")])
    vitals = farm.group("agent", [("load", "ratio", "/")], retention_class="vitals")
    farm.samples(group, [(NOW, [1.0], None)])
    farm.samples(vitals, [(NOW, [1.0], None)], "sample_vitals")
    farm.latest(group, NOW, [1.0])
    place_id = farm.place("bin-1")
    farm.put(place_id, "head", "t1", cable=2, level=5)
    farm.connection.execute(
        "INSERT INTO gap_record (org_id, node_id, kind) VALUES (%s, %s, 'evicted')", (farm.org_id, farm.node_id)
    )
    farm.connection.execute(
        "INSERT INTO node_clock_event (org_id, node_id, kind, offset_s, since) VALUES (%s, %s, 'ahead', 120, now())",
        (farm.org_id, farm.node_id),
    )
    populate_alerts(farm)
    farm.connection.execute(
        "INSERT INTO node_epoch (node_id, epoch, accounted) VALUES (%s, gen_random_uuid(), '{[1,5)}')", (farm.node_id,)
    )
    farm.connection.execute(
        'INSERT INTO sample_conflict (group_id, "time", position, kept_value, kept_quality, other_value, '
        "other_quality) VALUES (%s, %s, 0, 1, 0, 2, 0)",
        (group.group_id, NOW),
    )
    farm.connection.execute("SELECT ensure_rollup_partitions('rollup_hour', ARRAY[%s])", (NOW,))
    for relation, column, bucket in (("rollup_hour", "bucket", NOW), ("rollup_day", "day", NOW.date())):
        farm.connection.execute(
            sql.SQL(
                "INSERT INTO {} (group_id, {}, samples, counts, minimum, maximum, mean, last) "
                "VALUES (%s, %s, 1, '{{1}}', '{{1}}', '{{1}}', '{{1}}', '{{1}}')"
            ).format(sql.Identifier(relation), sql.Identifier(column)),
            (group.group_id, bucket),
        )


@pytest.fixture
def role(migrated_database_url: str) -> str:
    """A name that no other test uses: roles belong to the server, not to the database."""
    return "tenant_" + migrated_database_url.rsplit("/", 1)[1]


@pytest.fixture
def tenant(
    owner: Connection[Any], farm: Farm, foreign: Farm, role: str, migrated_database_url: str
) -> Iterator[Connection[Any]]:
    """A login of our organisation in a database that also holds the other's rows."""
    populate(farm)
    populate(foreign)
    password = tenancy.create_role(owner, farm.slug, role)
    try:
        url = make_conninfo(migrated_database_url, user=role, password=password)
        with connect(url, autocommit=True) as connection:
            yield connection
    finally:
        tenancy.drop_role(owner, role)


def relations(owner: Connection[Any]) -> list[tuple[str, str]]:
    """Return every table, partition, chunk and view that is ours or holds our rows."""
    return owner.execute(
        "SELECT relnamespace::regnamespace::text, relname FROM pg_class WHERE relkind IN ('r', 'p', 'v', 'm') "
        "AND (relnamespace = 'public'::regnamespace OR relname ~ '_hyper_') AND NOT relname ~ 'yoyo' ORDER BY 1, 2"
    ).fetchall()


def test_every_relation_refuses_or_shows_our_rows_only(
    owner: Connection[Any], tenant: Connection[Any], farm: Farm
) -> None:
    seen = {}
    for namespace, name in relations(owner):
        statement = sql.SQL("SELECT to_jsonb(x) FROM {} AS x").format(sql.Identifier(namespace, name))
        try:
            seen[name] = [row for (row,) in tenant.execute(statement).fetchall()]
        except psycopg.errors.InsufficientPrivilege:
            continue
    assert set(seen) == {*GRANTED, *VIEWS}
    for name, rows in seen.items():
        assert rows, f"{name} shows nothing of our own"
        assert all(row.get("org_id", farm.org_id) == farm.org_id for row in rows)
        assert all(row.get("organisation", farm.slug) == farm.slug for row in rows)


def test_chunks_and_partitions_were_among_them(owner: Connection[Any], tenant: Connection[Any]) -> None:
    names = [name for _, name in relations(owner)]
    assert [name for name in names if name.startswith("sample_2026") or "_hyper_" in name]


def test_no_function_shows_a_row_or_changes_one(tenant: Connection[Any]) -> None:
    assert tenant.execute("SELECT cardinality(visible_organisations())").fetchone() == (1,)
    calls = [
        "SELECT ensure_partitions('sample', ARRAY[now()])",
        "SELECT * FROM missing_spans('sample', ARRAY[now()])",
        "SELECT create_sample_table('mine')",
        "SELECT * FROM completeness_of(ARRAY[1, 2], '2026-01-01', '2026-01-02', now())",
        "SELECT * FROM missing_samples(ARRAY[1, 2], '2026-01-01', '2026-01-02', now())",
        "SELECT * FROM stored_samples(ARRAY[1, 2], '2026-01-01', '2026-01-02')",
        "SELECT * FROM holes_of_sample(1, '-infinity', 'infinity', '1 s')",
        "SELECT * FROM ends_of_sample(1)",
    ]
    for call in calls:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            tenant.execute(sql.SQL(call))


def test_completeness_and_gaps_are_of_our_organisation_alone(
    owner: Connection[Any], tenant: Connection[Any], farm: Farm
) -> None:
    owner.execute("UPDATE group_expectation SET since = '2026-02-27'")
    for call in (
        "SELECT organisation FROM completeness('2026-02-27', '2026-03-02')",
        "SELECT organisation FROM gaps('2026-02-27', '2026-03-02')",
    ):
        found = {row[0] for row in tenant.execute(sql.SQL(call)).fetchall()}
        assert found == {farm.slug}


def test_a_leaking_function_in_a_condition_sees_no_foreign_row(tenant: Connection[Any], farm: Farm) -> None:
    tenant.execute(
        "CREATE FUNCTION pg_temp.peep(anyelement, text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 "
        "AS $$ BEGIN RAISE NOTICE '%', $2; RETURN true; END $$"
    )
    heard: list[str] = []
    tenant.add_notice_handler(lambda notice: heard.append(notice.message_primary or ""))
    for name in ("reading", "latest_reading", "organisation"):
        column = "slug" if name == "organisation" else "organisation"
        tenant.execute(
            sql.SQL("SELECT count(*) FROM {} WHERE pg_temp.peep(0, {})").format(
                sql.Identifier(name), sql.Identifier(column)
            )
        )
    # Not left to the session's end, which takes its time: a role that owns anything cannot be dropped.
    tenant.execute("DROP FUNCTION pg_temp.peep(anyelement, text)")
    assert set(heard) == {farm.slug}


def test_a_tenant_changes_nothing_and_becomes_nobody_else(tenant: Connection[Any], owner: Connection[Any]) -> None:
    somebody = owner.info.user
    for statement in (
        sql.SQL("DELETE FROM site"),
        sql.SQL("UPDATE channel SET org_id = 1"),
        sql.SQL("INSERT INTO tenant_role (role_name, org_id) VALUES (current_user, 2)"),
        sql.SQL("CREATE TABLE mine (x int)"),
        sql.SQL("SET ROLE {}").format(sql.Identifier(somebody)),
        sql.SQL("SET SESSION AUTHORIZATION {}").format(sql.Identifier(somebody)),
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            tenant.execute(statement)


def test_grants_survive_a_migration_that_makes_the_views_anew(
    tenant: Connection[Any], migrated_database_url: str
) -> None:
    newest = schema.names()
    back = len(newest) - newest.index("0007_freshness")
    schema.roll_back(migrated_database_url, back)
    schema.migrate(migrated_database_url)
    assert tenant.execute("SELECT count(*) FROM reading").fetchone() == (2,)


def test_what_the_documentation_shows_runs_for_a_tenant(tenant: Connection[Any]) -> None:
    page = (Path(__file__).parents[2] / "docs" / "sql.md").read_text("utf-8")
    examples = re.findall(r"```sql\n(.*?);\n```", page, re.DOTALL)
    assert len(examples) == 4
    for example in examples:
        tenant.execute(example.encode())
    columns = [found.name for found in tenant.execute("SELECT * FROM reading LIMIT 0").description or ()]
    assert columns == [found.name for found in tenant.execute("SELECT * FROM latest_reading LIMIT 0").description or ()]
    assert ", ".join(f"`{name}`" for name in columns) in " ".join(page.split())
    assert all(f"`{name}`" in page for name in GRANTED)


def test_the_owner_sees_every_organisation(owner: Connection[Any], farm: Farm, foreign: Farm) -> None:
    populate(farm)
    populate(foreign)
    found = owner.execute("SELECT DISTINCT organisation FROM reading ORDER BY 1").fetchall()
    assert found == [("ours",), ("theirs",)]


def test_a_role_that_is_mapped_to_nobody_sees_nothing(tenant: Connection[Any], owner: Connection[Any]) -> None:
    owner.execute("DELETE FROM tenant_role")
    try:
        for name in ("reading", "latest_reading", "site"):
            assert tenant.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(name))).fetchone() == (0,)
    finally:
        owner.execute(
            "INSERT INTO tenant_role (role_name, org_id) SELECT %s, min(org_id) FROM organisation", (tenant.info.user,)
        )


def test_a_tenant_role_needs_an_organisation_and_a_free_name(
    owner: Connection[Any], tenant: Connection[Any], role: str, farm: Farm
) -> None:
    with pytest.raises(NameUnknown, match="no organisation is named 'nobody'"):
        tenancy.create_role(owner, "nobody", "anything")
    with pytest.raises(NameTaken, match="exists already"):
        tenancy.create_role(owner, farm.slug, role)
    with pytest.raises(NameUnknown, match="no tenant role is named 'siloscope'"):
        tenancy.drop_role(owner, "siloscope")


def test_quality_words_are_the_contracts(owner: Connection[Any]) -> None:
    found = owner.execute(
        "SELECT c, quality_reason(c), quality_grade(c) FROM unnest(%s::int2[]) AS c", ([int(q) for q in Quality],)
    ).fetchall()
    assert found == [(int(q), q.reason, q.grade.value) for q in Quality]
