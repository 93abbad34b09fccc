"""Channels, routes and digests as people edit them; secrets go in and never come out."""

from datetime import timedelta
from typing import Any

import pytest
from psycopg import AsyncConnection, Connection

from siloscope_contract.alerts.routes import Channel, Digest, Route, Step
from siloscope_store import notify_documents as documents
from siloscope_store import telegram_bots
from tests.store.farm import Farm

MAIL = Channel(channel="mail", kind="email", to=("ada@farm.example",))
BOT = Channel(channel="bot", kind="telegram", to=("42",))
ROUTE = Route(route="all", steps=(Step(channels=("mail",)), Step(after="10m", channels=("bot",))))
TOLD = {"author": "user:ada"}


async def test_a_channel_keeps_its_secrets_until_it_gets_others(
    connection: AsyncConnection[Any], owner: Connection[Any], farm: Farm
) -> None:
    secrets = "SELECT secrets FROM notify_channel"
    await documents.put_channel(connection, farm.org_id, BOT, {"token": "1:first"}, **TOLD)
    (found,) = await documents.channels(connection, farm.org_id)
    assert (found.slug, found.kind, found.secrets, found.document["to"]) == ("bot", "telegram", ["token"], ["42"])
    await documents.put_channel(connection, farm.org_id, BOT, None, **TOLD)
    assert owner.execute(secrets).fetchall() == [({"token": "1:first"},)]
    await documents.put_channel(connection, farm.org_id, BOT, {"token": "2:second"}, **TOLD)
    assert owner.execute(secrets).fetchall() == [({"token": "2:second"},)]
    assert "second" not in str(owner.execute("SELECT * FROM audit").fetchall())
    assert await documents.remove_channel(connection, farm.org_id, "bot", **TOLD)
    assert owner.execute(secrets).fetchall() == [({},)]
    await documents.put_channel(connection, farm.org_id, BOT, None, **TOLD)
    assert owner.execute(secrets).fetchall() == [({},)]


async def test_routes_are_in_their_order_and_name_who_they_need(
    connection: AsyncConnection[Any], farm: Farm, foreign: Farm
) -> None:
    await documents.put_channel(connection, farm.org_id, MAIL, None, **TOLD)
    await documents.put_route(connection, farm.org_id, ROUTE, place=2, **TOLD)
    await documents.put_route(connection, farm.org_id, Route(route="z", steps=ROUTE.steps[:1]), place=1, **TOLD)
    assert [each.slug for each in await documents.routes(connection, farm.org_id)] == ["z", "all"]
    await documents.put_digest(connection, farm.org_id, Digest(digest="calm", channels=("mail",)), **TOLD)
    assert await documents.users_of(connection, farm.org_id, "mail") == ["route z", "route all", "digest calm"]
    assert await documents.users_of(connection, farm.org_id, "bot") == ["route all"]
    assert await documents.users_of(connection, foreign.org_id, "mail") == []
    assert not await documents.remove_route(connection, foreign.org_id, "all", **TOLD)
    assert await documents.remove_route(connection, farm.org_id, "all", **TOLD)
    assert [each.slug for each in await documents.routes(connection, farm.org_id)] == ["z"]


@pytest.mark.parametrize("time_zone", ["Etc/UTC", "America/New_York", "Pacific/Auckland"])
@pytest.mark.parametrize("every", ["day", "week"])
@pytest.mark.parametrize("at", ["00:00", "07:00", "23:59"])
async def test_a_digest_is_due_at_its_next_local_time(
    connection: AsyncConnection[Any], owner: Connection[Any], farm: Farm, time_zone: str, every: Any, at: str
) -> None:
    digest = Digest(digest="calm", channels=("mail",), every=every, at=at, time_zone=time_zone)
    await documents.put_digest(connection, farm.org_id, digest, **TOLD)
    (found,) = await documents.digests(connection, farm.org_id)
    row = owner.execute(
        "SELECT now(), to_char(%s AT TIME ZONE %s, 'HH24:MI'), extract(isodow FROM %s AT TIME ZONE %s)",
        (found.next_at, time_zone, found.next_at, time_zone),
    ).fetchone()
    assert row is not None
    now, local, weekday = row
    assert local == at
    assert timedelta(0) < found.next_at - now <= timedelta(days=7 if every == "week" else 1, hours=1)
    assert every == "day" or weekday == 1


async def test_a_test_message_is_a_row_of_the_outbox(
    connection: AsyncConnection[Any], owner: Connection[Any], farm: Farm, foreign: Farm
) -> None:
    await documents.put_channel(connection, farm.org_id, MAIL, None, **TOLD)
    assert await documents.send_test(connection, foreign.org_id, "mail", **TOLD) is None
    sent = {await documents.send_test(connection, farm.org_id, "mail", **TOLD) for _ in range(2)}
    rows = owner.execute("SELECT notification_id, kind, state, payload->>'author' FROM notify_outbox").fetchall()
    assert {row[0] for row in rows} == sent
    assert {row[1:] for row in rows} == {("test", "queued", "user:ada")}


async def test_a_bot_is_asked_from_where_it_was_asked_last(connection: AsyncConnection[Any], farm: Farm) -> None:
    await documents.put_channel(connection, farm.org_id, MAIL, None, **TOLD)
    await documents.put_channel(connection, farm.org_id, BOT, {"token": "1:first"}, **TOLD)
    (bot,) = await telegram_bots.channels(connection)
    assert (bot.slug, bot.token, bot.next_update) == ("bot", "1:first", 0)
    assert "first" not in repr(bot)
    await telegram_bots.keep_offset(connection, [bot.channel_id], 4_711)
    (bot,) = await telegram_bots.channels(connection)
    assert bot.next_update == 4_711
