"""Buttons pressed in Telegram: acted on once, by those who were told, whatever is lost afterwards."""

import asyncio
import logging
from typing import Any

import httpx2
import msgspec
import pytest
from psycopg import Connection

from siloscope_alerting.notify.telegram_updates import BotAway, TelegramUpdates
from siloscope_contract.alerts.links import button
from siloscope_contract.alerts.routes import Reader
from siloscope_process.clock import SystemClock
from siloscope_store.connections import Pool
from tests.alerting.conftest import AlertFarm
from tests.alerting.notify.fake_telegram import TOKEN, FakeTelegram, Sent
from tests.alerting.notify.world import World
from tests.store.farm import Farm

pytestmark = pytest.mark.postgres


@pytest.fixture
def migrated_database_url(migrated_postgres_url: str) -> str:
    """One home is enough: nothing here differs between them."""
    return migrated_postgres_url


@pytest.fixture
def alert_id(world: World, alert_farm: AlertFarm) -> int:
    """An alert that fires, and a bot whose chat 42 is told of it."""
    world.channel("bot", "telegram", ["42"], {"token": TOKEN})
    return world.alert(world.incident(), world.rule(), alert_farm.mast.channels["wind_speed"])


@pytest.fixture
def updates(pool: Pool, client: httpx2.AsyncClient, fake_telegram: FakeTelegram) -> TelegramUpdates:
    """Whoever asks the bot."""
    return TelegramUpdates(pool, client, fake_telegram.url, SystemClock())


def told(world: World, alert_id: int, chat: str = "42") -> Sent:
    """Return the message with the button."""
    key = bytes(world.one("SELECT link_key FROM alert_evaluator"))
    return Sent(5, chat, "Too hot", [{"text": "Acknowledge", "callback_data": button(key, alert_id)}])


def acts(owner: Connection[Any]) -> list[Any]:
    return owner.execute("SELECT alert_id, actor, via FROM alert_action ORDER BY action_id").fetchall()


async def test_a_press_acknowledges_and_says_so(
    owner: Connection[Any], world: World, alert_id: int, updates: TelegramUpdates, fake_telegram: FakeTelegram
) -> None:
    update_id = fake_telegram.press(told(world, alert_id))
    await updates.ask_once(TOKEN)
    assert acts(owner) == [(alert_id, "telegram:ada", "telegram")]
    assert world.one("SELECT acknowledged_by FROM alert") == "telegram:ada"
    assert world.one("SELECT progress->>'telegram_offset' FROM notify_channel") == str(update_id + 1)
    assert [each["text"] for each in fake_telegram.answered] == ["✓ Acknowledged by ada"]
    (edited,) = fake_telegram.edited
    assert edited["text"] == "Too hot\n\n✓ Acknowledged by ada"
    assert "callback_data" not in edited["reply_markup"]


async def test_one_press_after_the_other_is_one_act(
    owner: Connection[Any], world: World, alert_id: int, updates: TelegramUpdates, fake_telegram: FakeTelegram
) -> None:
    fake_telegram.press(told(world, alert_id))
    fake_telegram.press(told(world, alert_id), user="bob")
    await updates.ask_once(TOKEN)
    assert acts(owner) == [(alert_id, "telegram:ada", "telegram")]
    assert fake_telegram.answered[1]["text"] == "It was acknowledged before, or is over"


async def test_who_was_not_told_acknowledges_nothing(
    owner: Connection[Any], world: World, alert_id: int, updates: TelegramUpdates, fake_telegram: FakeTelegram
) -> None:
    fake_telegram.press(told(world, alert_id, chat="666"))
    forged = Sent(5, "42", "Too hot", [{"text": "", "callback_data": f"ack:{alert_id}:0123456789abcdef"}])
    fake_telegram.press(forged)
    await updates.ask_once(TOKEN)
    assert acts(owner) == []
    assert [each["text"] for each in fake_telegram.answered] == ["Not for this chat"] * 2
    assert fake_telegram.edited == []


async def test_a_bot_acknowledges_for_its_own_organisation_alone(
    owner: Connection[Any], world: World, alert_id: int, updates: TelegramUpdates, fake_telegram: FakeTelegram
) -> None:
    foreign = Farm(owner, "theirs")
    owner.execute("UPDATE notify_channel SET org_id = %s", (foreign.org_id,))
    fake_telegram.press(told(world, alert_id))
    await updates.ask_once(TOKEN)
    assert acts(owner) == []


async def test_a_bot_and_chat_of_two_organisations_acknowledge_for_both(
    owner: Connection[Any], world: World, alert_id: int, updates: TelegramUpdates, fake_telegram: FakeTelegram
) -> None:
    owner.execute(
        "WITH ours AS (SELECT org_id, kind, document, secrets FROM notify_channel), "
        "theirs AS (UPDATE notify_channel SET org_id = %s) "
        "INSERT INTO notify_channel (org_id, slug, kind, document, secrets) "
        "SELECT org_id, 'ours', kind, document, secrets FROM ours",
        (Farm(owner, "theirs").org_id,),
    )
    fake_telegram.press(told(world, alert_id))
    await updates.ask_once(TOKEN)
    assert acts(owner) == [(alert_id, "telegram:ada", "telegram")]


async def test_a_press_is_answered_in_its_channels_language(
    owner: Connection[Any], world: World, alert_id: int, updates: TelegramUpdates, fake_telegram: FakeTelegram
) -> None:
    reader = msgspec.json.encode(Reader(language="uk")).decode()
    owner.execute("UPDATE notify_channel SET document = jsonb_set(document, ARRAY['reader'], %s::jsonb)", (reader,))
    fake_telegram.press(told(world, alert_id))
    await updates.ask_once(TOKEN)
    assert fake_telegram.answered[0]["text"].startswith("✓ Підтвердив(-ла) ada")


async def test_what_was_asked_before_is_not_asked_again(
    world: World, alert_id: int, updates: TelegramUpdates, fake_telegram: FakeTelegram
) -> None:
    fake_telegram.press(told(world, alert_id))
    await updates.ask_once(TOKEN)
    fake_telegram.press(told(world, alert_id))
    await updates.ask_once(TOKEN)
    assert len(fake_telegram.answered) == 2


async def test_a_wrong_token_is_said_without_it(
    owner: Connection[Any], world: World, alert_id: int, updates: TelegramUpdates, fake_telegram: FakeTelegram
) -> None:
    owner.execute("""UPDATE notify_channel SET secrets = '{"token": "9:wrong"}'""")
    with pytest.raises(BotAway, match="getUpdates: 401 Unauthorized") as refused:
        await updates.ask_once("9:wrong")
    assert "9:wrong" not in str(refused.value)


async def test_a_server_that_is_away_is_named_without_the_token(
    pool: Pool, client: httpx2.AsyncClient, world: World, alert_id: int
) -> None:
    updates = TelegramUpdates(pool, client, "http://127.0.0.1:9", SystemClock())
    with pytest.raises(BotAway, match="ConnectError") as refused:
        await updates.ask_once(TOKEN)
    assert TOKEN not in str(refused.value)


async def test_no_log_holds_a_token(
    world: World,
    alert_id: int,
    updates: TelegramUpdates,
    fake_telegram: FakeTelegram,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    fake_telegram.press(told(world, alert_id))
    await updates.ask_once(TOKEN)
    assert TOKEN not in caplog.text


async def test_it_asks_until_it_is_cancelled(
    owner: Connection[Any], world: World, alert_id: int, updates: TelegramUpdates, fake_telegram: FakeTelegram
) -> None:
    asking = asyncio.create_task(updates.run())
    fake_telegram.press(told(world, alert_id))
    async with asyncio.timeout(20):
        while not fake_telegram.edited:
            await asyncio.sleep(0.01)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert acts(owner) == [(alert_id, "telegram:ada", "telegram")]
