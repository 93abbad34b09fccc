"""What nodes should be: set once each, published until the broker has it, and what the node says kept beside it."""

from typing import Any

import pytest
from psycopg import AsyncConnection, Connection

from siloscope_contract.desired import ConfigState, Outcome
from siloscope_contract.topics import NodeName
from siloscope_store import node_configs
from siloscope_store.errors import VersionChanged
from siloscope_store.node_configs import NewVersion
from tests.store.farm import Farm

DOCUMENT = {"buses": [], "mqtt": {"heartbeat_s": 30.0}}
NODE = NodeName.of("ours", "yard", "pi")


async def test_a_node_of_another_organisation_cannot_be_set_or_looked_at(
    connection: AsyncConnection[Any], farm: Farm, foreign: Farm
) -> None:
    new = NewVersion(DOCUMENT, "user:ada")
    assert await node_configs.set_desired(connection, farm.org_id, foreign.node_id, new) is None
    await node_configs.set_desired(connection, foreign.org_id, foreign.node_id, new)
    await node_configs.keep_state(connection, NodeName.of("theirs", "yard", "pi"), ConfigState(outcome=Outcome.NONE))
    assert await node_configs.versions(connection, farm.org_id, foreign.node_id, limit=9) == []
    assert await node_configs.state(connection, farm.org_id, foreign.node_id) is None
    assert await node_configs.name_of(connection, farm.org_id, foreign.node_id) is None
    assert await node_configs.node_named(connection, NodeName.of("ours", "yard", "nobody")) is None


async def test_versions_count_up_and_say_who_set_them(connection: AsyncConnection[Any], farm: Farm) -> None:
    for comment in ("first", "second"):
        new = NewVersion(DOCUMENT, "user:ada", comment, 60.0, ("head",))
        await node_configs.set_desired(connection, farm.org_id, farm.node_id, new)
    second, first = await node_configs.versions(connection, farm.org_id, farm.node_id, limit=9)
    assert (first.version, second.version) == (1, 2)
    assert (second.document, second.author, second.comment) == (DOCUMENT, "user:ada", "second")
    assert (second.confirm_within_s, second.may_be_silent) == (60.0, ["head"])
    assert await node_configs.versions(connection, farm.org_id, farm.node_id, limit=9, below=2) == [first]


async def test_who_did_not_see_the_newest_version_is_told(connection: AsyncConnection[Any], farm: Farm) -> None:
    await node_configs.set_desired(connection, farm.org_id, farm.node_id, NewVersion(DOCUMENT, "user:ada", expected=0))
    with pytest.raises(VersionChanged, match="the newest version is 1, not 0"):
        await node_configs.set_desired(
            connection, farm.org_id, farm.node_id, NewVersion(DOCUMENT, "user:bob", expected=0)
        )


async def test_the_newest_version_is_to_be_published_until_the_broker_has_it(
    connection: AsyncConnection[Any], farm: Farm
) -> None:
    for _ in range(2):
        await node_configs.set_desired(connection, farm.org_id, farm.node_id, NewVersion(DOCUMENT, "user:ada"))
    ((name, node_id, desired),) = await node_configs.to_publish(connection, everything=False)
    assert (name, node_id, desired.version, desired.document) == (NODE, farm.node_id, 2, DOCUMENT)
    assert desired.node == "ours/yard/pi"
    await node_configs.mark_published(connection, farm.node_id, 2)
    assert await node_configs.to_publish(connection, everything=False) == []
    assert await node_configs.to_publish(connection, everything=True) == [(name, node_id, desired)]


async def test_a_restored_database_goes_on_above_what_the_node_was_told(
    connection: AsyncConnection[Any], farm: Farm
) -> None:
    await node_configs.keep_state(connection, NODE, ConfigState(outcome=Outcome.APPLIED, desired=7, in_force=7))
    new = NewVersion(DOCUMENT, "user:ada", expected=0)
    version = await node_configs.set_desired(connection, farm.org_id, farm.node_id, new)
    assert version is not None
    assert version.version == 8


async def test_what_a_node_says_is_kept_and_written_to_its_version(
    connection: AsyncConnection[Any], farm: Farm, owner: Connection[Any]
) -> None:
    assert not await node_configs.keep_state(
        connection, NodeName.of("ours", "yard", "x"), ConfigState(outcome=Outcome.NONE)
    )
    for _ in range(2):
        await node_configs.set_desired(connection, farm.org_id, farm.node_id, NewVersion(DOCUMENT, "user:ada"))
    said = ConfigState(outcome=Outcome.REFUSED, desired=2, in_force=1, reasons=("buses: found 1",))
    assert await node_configs.keep_state(connection, NODE, said)
    second, first = await node_configs.versions(connection, farm.org_id, farm.node_id, limit=9)
    assert (second.outcome, second.reasons, first.outcome) == ("refused", ["buses: found 1"], None)
    kept = await node_configs.state(connection, farm.org_id, farm.node_id)
    assert kept is not None
    assert (kept.state["outcome"], kept.state["in_force"]) == ("refused", 1)
    trail = owner.execute("SELECT action, detail ->> 'version' FROM audit ORDER BY audit_id").fetchall()
    assert trail == [("node_config.set", "1"), ("node_config.set", "2")]
