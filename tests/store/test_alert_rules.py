"""Rules as documents: versions only where something differs, never one changed, of one organisation at a time."""

from typing import Any

import msgspec
import pytest
from psycopg import AsyncConnection, Connection

from siloscope_contract.alerts.rules import Rule
from siloscope_store import alert_rules
from siloscope_store.connections import connect_async
from siloscope_store.errors import NameUnknown
from tests.store.alerts import HOT
from tests.store.farm import Farm


def rule(slug: str = "hot", **changes: Any) -> Rule:
    return msgspec.convert(HOT | {"rule": slug} | changes, Rule)


async def applied(connection: AsyncConnection[Any], farm: Farm, *rules: Rule) -> list[tuple[str, str, int]]:
    found = await alert_rules.apply(connection, farm.org_id, rules, author="user:ada", origin="api")
    return [(each.slug, each.difference, each.version) for each in found]


async def test_only_what_differs_is_a_new_version(connection: AsyncConnection[Any], farm: Farm) -> None:
    assert await applied(connection, farm, rule(), rule("cold")) == [("hot", "new", 1), ("cold", "new", 1)]
    assert await applied(connection, farm, rule(), rule("cold", hold="30m")) == [
        ("hot", "same", 1),
        ("cold", "changed", 2),
    ]
    versions = await alert_rules.history(connection, farm.org_id, "cold")
    assert [(each.version, each.document["hold"]) for each in versions] == [(2, "30m"), (1, "0s")]
    (cold, hot) = await alert_rules.current(connection, farm.org_id)
    assert (cold.slug, cold.version, cold.rule.hold, hot.version) == ("cold", 2, "30m", 1)


async def test_a_version_comes_back_as_the_rule_that_was_applied(connection: AsyncConnection[Any], farm: Farm) -> None:
    nested = {"kind": "all", "conditions": [HOT["condition"], {"kind": "not", "condition": {"kind": "no_data"}}]}
    asked = rule(condition=nested, labels={"team": "бункер"}, flapping={"firings": 9})
    await applied(connection, farm, asked)
    stored = await alert_rules.by_slug(connection, farm.org_id, "hot")
    assert stored is not None
    assert stored.rule == asked


async def test_what_changes_is_noticed_by_its_time(
    connection: AsyncConnection[Any], owner: Connection[Any], farm: Farm
) -> None:
    """Whoever evaluates asks for what changed since: a rule that is switched off or removed changes too."""
    times: list[tuple[Any, ...]] = []
    await applied(connection, farm, rule())
    times += owner.execute("SELECT changed_at FROM alert_rule").fetchall()
    await applied(connection, farm, rule(enabled=False))
    times += owner.execute("SELECT changed_at FROM alert_rule WHERE NOT enabled").fetchall()
    await alert_rules.remove(connection, farm.org_id, "hot", author="user:ada")
    times += owner.execute("SELECT changed_at FROM alert_rule WHERE removed_at IS NOT NULL").fetchall()
    assert len(times) == 3
    assert times == sorted(set(times))


async def test_a_removed_rule_keeps_its_past_and_may_come_back(connection: AsyncConnection[Any], farm: Farm) -> None:
    await applied(connection, farm, rule())
    assert await alert_rules.remove(connection, farm.org_id, "hot", author="user:ada")
    assert not await alert_rules.remove(connection, farm.org_id, "hot", author="user:ada")
    assert await alert_rules.by_slug(connection, farm.org_id, "hot") is None
    assert len(await alert_rules.history(connection, farm.org_id, "hot")) == 1
    assert await applied(connection, farm, rule()) == [("hot", "new", 2)]


async def test_each_change_is_in_the_audit_trail(
    connection: AsyncConnection[Any], owner: Connection[Any], farm: Farm
) -> None:
    await applied(connection, farm, rule())
    await applied(connection, farm, rule())
    await alert_rules.remove(connection, farm.org_id, "hot", author="user:bob")
    found = owner.execute("SELECT org_id, actor, action, subject FROM audit ORDER BY audit_id").fetchall()
    assert found == [(farm.org_id, "user:ada", "rule.apply", "hot"), (farm.org_id, "user:bob", "rule.remove", "hot")]


async def test_another_organisations_rules_are_its_own(
    connection: AsyncConnection[Any], farm: Farm, foreign: Farm
) -> None:
    await applied(connection, farm, rule())
    assert await applied(connection, foreign, rule(hold="1h")) == [("hot", "new", 1)]
    assert [each.rule.hold for each in await alert_rules.current(connection, farm.org_id)] == ["0s"]
    assert not await alert_rules.remove(connection, foreign.org_id, "cold", author="user:bob")
    assert len(await alert_rules.history(connection, foreign.org_id, "hot")) == 1


async def test_rules_that_need_a_rule_are_named(connection: AsyncConnection[Any], farm: Farm) -> None:
    await applied(connection, farm, rule(), rule("cold", inhibited_by=["hot"]))
    assert await alert_rules.naming(connection, farm.org_id, "hot") == ["cold"]
    assert await alert_rules.naming(connection, farm.org_id, "cold") == []


async def test_two_who_apply_at_once_make_two_versions(
    connection: AsyncConnection[Any], migrated_database_url: str, farm: Farm
) -> None:
    await applied(connection, farm, rule())
    async with await connect_async(migrated_database_url, autocommit=True) as other:
        async with connection.transaction():
            await alert_rules.hold(connection, farm.org_id)
            await other.execute("SET lock_timeout = '50ms'")
            with pytest.raises(Exception, match="lock timeout"):
                await applied(other, farm, rule(hold="2m"))
            assert await applied(connection, farm, rule(hold="1m")) == [("hot", "changed", 2)]
        assert await applied(other, farm, rule(hold="2m")) == [("hot", "changed", 3)]


async def test_the_only_organisation_needs_no_name(connection: AsyncConnection[Any], farm: Farm) -> None:
    assert await alert_rules.organisation(connection, None) == farm.org_id
    assert await alert_rules.organisation(connection, "ours") == farm.org_id
    with pytest.raises(NameUnknown, match="'yours'"):
        await alert_rules.organisation(connection, "yours")


async def test_of_several_organisations_one_is_named(
    connection: AsyncConnection[Any], farm: Farm, foreign: Farm
) -> None:
    with pytest.raises(NameUnknown, match="name one of ours, theirs") as refusal:
        await alert_rules.organisation(connection, None)
    assert str(refusal.value) == "no organisation was named; name one of ours, theirs"
    assert await alert_rules.organisation(connection, "theirs") == foreign.org_id
