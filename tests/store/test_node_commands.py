"""Commands to nodes: sent until they are answered or have expired, answered once, and nobody else's."""

from typing import Any

from psycopg import AsyncConnection, Connection

from siloscope_contract.commands import CommandKind, CommandOutcome, Reason, Result
from siloscope_contract.topics import NodeName
from siloscope_store import node_commands
from siloscope_store.node_commands import StoredCommand
from tests.store.farm import Farm

NODE = NodeName.of("ours", "yard", "pi")
DONE = Result(outcome=CommandOutcome.DONE, answer={"devices": {}})


async def given(connection: AsyncConnection[Any], farm: Farm, valid_for_s: float = 60.0) -> StoredCommand:
    arguments = {"devices": ["head"]}
    found = await node_commands.give(
        connection,
        farm.org_id,
        farm.node_id,
        CommandKind.READ_NOW,
        arguments,
        issuer="user:ada",
        valid_for_s=valid_for_s,
    )
    assert found is not None
    return found


async def state_of(connection: AsyncConnection[Any], farm: Farm, command_id: str) -> str:
    found = await node_commands.one(connection, farm.org_id, farm.node_id, command_id)
    assert found is not None
    return found.state


async def test_a_node_of_another_organisation_is_told_nothing_and_shows_nothing(
    connection: AsyncConnection[Any], farm: Farm, foreign: Farm
) -> None:
    command = await given(connection, foreign)
    assert await node_commands.page(connection, farm.org_id, foreign.node_id, limit=9) == []
    assert await node_commands.one(connection, farm.org_id, foreign.node_id, command.command_id) is None
    nobody = await node_commands.give(
        connection,
        farm.org_id,
        foreign.node_id,
        CommandKind.RESTART,
        {},
        issuer="user:ada",
        valid_for_s=60.0,
    )
    assert nobody is None
    assert not await node_commands.keep_result(connection, NODE, command.command_id, DONE), "another node answered"
    assert await state_of(connection, foreign, command.command_id) == "waiting"


async def test_a_command_is_sent_again_until_it_is_answered(connection: AsyncConnection[Any], farm: Farm) -> None:
    command = await given(connection, farm)
    ((name, command_id, told),) = await node_commands.to_send(connection, again_after_s=0.0, limit=9)
    assert (name, command_id) == (NODE, command.command_id)
    assert (told.kind, told.arguments, told.issuer) == (CommandKind.READ_NOW, {"devices": ["head"]}, "user:ada")
    assert told.expires_at_ms - told.issued_at_ms == 60_000
    await node_commands.mark_sent(connection, command_id)
    assert await state_of(connection, farm, command_id) == "sent"
    assert await node_commands.to_send(connection, again_after_s=30.0, limit=9) == []
    assert len(await node_commands.to_send(connection, again_after_s=0.0, limit=9)) == 1
    assert await node_commands.keep_result(connection, NODE, command_id, DONE)
    assert await node_commands.to_send(connection, again_after_s=0.0, limit=9) == []


async def test_what_was_never_sent_goes_before_what_is_sent_again(connection: AsyncConnection[Any], farm: Farm) -> None:
    for _ in range(3):
        await node_commands.mark_sent(connection, (await given(connection, farm)).command_id)
    new = await given(connection, farm)
    ((_, first, _), _) = await node_commands.to_send(connection, again_after_s=0.0, limit=2)
    assert first == new.command_id


async def test_the_first_answer_stays(connection: AsyncConnection[Any], farm: Farm) -> None:
    command_id = (await given(connection, farm)).command_id
    assert await node_commands.keep_result(connection, NODE, command_id, DONE)
    other = Result(outcome=CommandOutcome.FAILED, reason=Reason.INTERRUPTED)
    assert not await node_commands.keep_result(connection, NODE, command_id, other)
    assert await state_of(connection, farm, command_id) == "done"


async def test_a_command_that_expired_unsent_is_never_sent_and_takes_a_late_answer(
    connection: AsyncConnection[Any], farm: Farm, owner: Connection[Any]
) -> None:
    command_id = (await given(connection, farm)).command_id
    owner.execute(
        "UPDATE node_command SET issued_at = issued_at - '1 h'::interval, expires_at = now() - '1 s'::interval"
    )
    assert await node_commands.to_send(connection, again_after_s=0.0, limit=9) == []
    assert await state_of(connection, farm, command_id) == "no_answer"
    assert await node_commands.keep_result(connection, NODE, command_id, DONE)
    assert await state_of(connection, farm, command_id) == "done"


async def test_a_command_that_expired_unanswered_is_asked_after_for_an_hour(
    connection: AsyncConnection[Any], farm: Farm, owner: Connection[Any]
) -> None:
    command_id = (await given(connection, farm)).command_id
    await node_commands.mark_sent(connection, command_id)
    for expired, asked_after in (("59 min", 1), ("61 min", 0)):
        owner.execute(
            "UPDATE node_command SET issued_at = now() - '2 h'::interval, expires_at = now() - %s::interval,"
            " sent_at = now() - '20 min'::interval",
            (expired,),
        )
        assert len(await node_commands.to_send(connection, again_after_s=20.0, limit=9)) == asked_after


async def test_bundles_are_kept_of_the_newest_commands_alone(connection: AsyncConnection[Any], farm: Farm) -> None:
    ids = [(await given(connection, farm)).command_id for _ in range(12)]
    for at, command_id in enumerate(ids):
        result = Result(outcome=CommandOutcome.DONE, bundle=b"%d" % at)
        assert await node_commands.keep_result(connection, NODE, command_id, result)
    bundles = [await node_commands.bundle(connection, farm.org_id, farm.node_id, each) for each in ids]
    assert bundles == [None, None, *(b"%d" % at for at in range(2, 12))]
    newest = (await node_commands.page(connection, farm.org_id, farm.node_id, limit=1))[0]
    assert (newest.command_id, newest.has_bundle) == (ids[-1], True)
    assert newest.result is not None
    assert newest.result["bundle"] is None
    earlier = await node_commands.page(connection, farm.org_id, farm.node_id, limit=99, before=newest.issued_at)
    assert [each.command_id for each in earlier] == ids[-2::-1]
