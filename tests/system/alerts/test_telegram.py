"""A button that somebody presses in Telegram, the whole way: from the reading to the acknowledgement and back."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.alerting.notify.fake_telegram import TOKEN, FakeTelegram, telegram
from tests.brokers import TestBroker
from tests.ingest.waiting import eventually
from tests.system.alerts.world import World, running_world

pytestmark = [pytest.mark.system, pytest.mark.mosquitto, pytest.mark.timescale]
HOT = {
    "rule": "hot",
    "name": "Grain is hot",
    "select": {"quantities": ["temperature"]},
    "condition": {"kind": "threshold", "above": 30},
}


@pytest.fixture
async def bot() -> AsyncIterator[FakeTelegram]:
    """Telegram, as far as its published protocol is used."""
    async with telegram() as bot:
        yield bot


@pytest.fixture
async def world(
    mosquitto_broker: TestBroker, migrated_timescale_url: str, tmp_path: Path, bot: FakeTelegram
) -> AsyncIterator[World]:
    """A world whose people have a bot."""
    async with running_world(tmp_path, migrated_timescale_url, mosquitto_broker, bot.url) as world:
        yield world


async def test_a_button_in_telegram_acknowledges_what_it_is_about(world: World, bot: FakeTelegram) -> None:
    channel = {"channel": "bot", "kind": "telegram", "to": ["42"]}
    await world.tell_by(channel, {"SILOSCOPE_NOTIFY_BOT_TOKEN": TOKEN})
    await world.rules(HOT)
    node = await world.node("bin-1", 2)
    node.values[1] = 34.5
    await eventually(lambda: len(bot.sent) == 1, lambda: (bot.sent, world.states()))
    assert "Grain is hot" in bot.sent[0].text
    bot.press(bot.sent[0], user="olena")
    taken = "SELECT kind, actor, via FROM alert_action"
    await eventually(lambda: world.rows(taken) != [], lambda: bot.answered)
    [(kind, actor, via)] = world.rows(taken)
    assert (kind, via) == ("acknowledge", "telegram")
    assert "olena" in actor
    await eventually(lambda: len(bot.answered) == 1 and len(bot.edited) >= 1, lambda: (bot.answered, bot.edited))
    assert len(bot.sent) == 1
