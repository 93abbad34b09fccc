"""Buttons that people press in Telegram: asked for by whoever holds the evaluator's term, one task per bot.

A press and how far the bot was asked are written in one transaction, so that none is lost and none counts twice; what
Telegram is told after it (the answer, the message's new text) may get lost without harm.

Source: https://core.telegram.org/bots/api, getUpdates, CallbackQuery, answerCallbackQuery, editMessageText.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import httpx2
import msgspec
import structlog

from siloscope_alerting.ports import Clock
from siloscope_contract.alerts import links
from siloscope_contract.alerts.links import LinkRefused
from siloscope_store import alert_actions, telegram_bots
from siloscope_store.alert_actions import Act
from siloscope_store.connections import Connected, Pool, borrowed
from siloscope_store.errors import DatabaseUnavailable
from siloscope_store.telegram_bots import BotChannel

log = structlog.get_logger(__name__)
POLL_S = 25
_LOOK_FOR_BOTS_EVERY_S = 15.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 60.0
_LONGEST_TEXT, _LONGEST_CAPTION = 4_096, 1_024
_WORDS = {
    "en": {
        "done": "✓ Acknowledged by {who}",
        "before": "It was acknowledged before, or is over",
        "no": "Not for this chat",
    },
    "uk": {"done": "✓ Підтвердив(-ла) {who}", "before": "Уже підтверджено або минуло", "no": "Не для цього чату"},
}


class Person(msgspec.Struct):
    """Who pressed."""

    id: int
    first_name: str = ""
    username: str | None = None


class Chat(msgspec.Struct):
    """Where the message stands."""

    id: int
    username: str | None = None


class Told(msgspec.Struct):
    """The message with the button; its formatting is kept when a line is added."""

    message_id: int
    chat: Chat
    date: int = 0
    text: str | None = None
    entities: list[dict[str, Any]] = []
    caption: str | None = None
    caption_entities: list[dict[str, Any]] = []
    reply_markup: dict[str, Any] = {}


class Press(msgspec.Struct):
    """A pressed button."""

    id: str
    sender: Person = msgspec.field(name="from")
    message: Told | None = None
    data: str = ""


class Update(msgspec.Struct):
    """What happened to a bot; of other kinds only the number counts."""

    update_id: int
    callback_query: Press | None = None


class _Parameters(msgspec.Struct):
    retry_after: float | None = None


class _Answer(msgspec.Struct):
    ok: bool = False
    result: msgspec.Raw = msgspec.Raw(b"null")
    error_code: int = 0
    description: str = ""
    parameters: _Parameters = msgspec.field(default_factory=_Parameters)


class BotAway(Exception):
    """Telegram does not answer, or not as it should; the same request again, later."""

    def __init__(self, detail: str, after_s: float | None = None) -> None:
        super().__init__(detail)
        self.after_s = after_s


class TelegramUpdates:
    """Asks every bot for pressed buttons until it is cancelled.

    Args:
        pool: Open.
        client: Of senders.
        api_url: `https://api.telegram.org`.
        clock: For pauses.
    """

    def __init__(self, pool: Pool, client: httpx2.AsyncClient, api_url: str, clock: Clock) -> None:
        self._pool = pool
        self._client = client
        self._api_url = api_url.rstrip("/")
        self._clock = clock

    async def run(self) -> None:
        """Ask; a bot that is added, changed or taken away is noticed within seconds."""
        asking: dict[str, asyncio.Task[None]] = {}
        try:
            while True:
                tokens = {each.token for each in await self._channels()}
                for token in tokens - asking.keys():
                    asking[token] = asyncio.create_task(self._ask(token))
                for token in asking.keys() - tokens:
                    asking.pop(token).cancel()
                await self._clock.sleep(_LOOK_FOR_BOTS_EVERY_S)
                for task in asking.values():
                    if task.done():  # nothing that was foreseen ends one
                        task.result()
        finally:
            for task in asking.values():
                task.cancel()
            await asyncio.gather(*asking.values(), return_exceptions=True)

    async def _channels(self) -> Sequence[BotChannel]:
        try:
            async with borrowed(self._pool) as connection:
                return await telegram_bots.channels(connection)
        except DatabaseUnavailable as error:
            log.warning("bots_unknown", problem=error.message)
            return ()

    async def _ask(self, token: str) -> None:
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                await self.ask_once(token)
                pause_s = _FIRST_PAUSE_S
            except BotAway as error:
                log.warning("bot_away", problem=str(error))
                await self._clock.sleep(max(pause_s, error.after_s or 0.0))
                pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
            except DatabaseUnavailable as error:
                log.warning("bot_waits", problem=error.message)
                await self._clock.sleep(pause_s)
                pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)

    async def ask_once(self, token: str) -> None:
        """Ask a bot once, for as long as Telegram keeps the request open, and act on what was pressed.

        Raises:
            BotAway: Telegram does not answer, or refuses the bot.
            DatabaseUnavailable: What was pressed cannot be written; Telegram keeps it.
        """
        channels = [each for each in await self._channels() if each.token == token]
        if not channels:
            return
        begin = max(each.next_update for each in channels)
        asked = {"offset": begin, "timeout": POLL_S, "allowed_updates": ["callback_query"]}
        found = await self._call(token, "getUpdates", asked)
        try:
            updates = msgspec.json.decode(found, type=list[Update])
        except msgspec.DecodeError:
            raise BotAway("getUpdates: no updates of the Bot API") from None
        for update in updates:
            press = update.callback_query
            async with borrowed(self._pool) as connection, connection.transaction():
                said = None if press is None else await _act(connection, channels, press)
                await telegram_bots.keep_offset(
                    connection, [each.channel_id for each in channels], update.update_id + 1
                )
            if press is not None and said is not None:
                await self._tell(token, press, said)

    async def _tell(self, token: str, press: Press, said: "_Said") -> None:
        """Tell Telegram; it is done already, so a failure is only noted."""
        try:
            await self._call(token, "answerCallbackQuery", {"callback_query_id": press.id, "text": said.answer})
            edit = _edit(press.message, said.line) if said.line and press.message is not None else None
            if edit is not None:
                await self._call(token, *edit)
        except BotAway as error:
            log.info("bot_not_told", problem=str(error))

    async def _call(self, token: str, method: str, body: Mapping[str, Any]) -> msgspec.Raw:
        # The token stands in the address: no error that names it may reach a log.
        url, patience_s = f"{self._api_url}/bot{token}/{method}", POLL_S + 10.0
        try:
            response = await self._client.post(url, json=body, follow_redirects=False, timeout=patience_s)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise BotAway(f"{method}: {type(error).__name__}") from None
        try:
            answer = msgspec.json.decode(response.content, type=_Answer)
        except msgspec.DecodeError:
            raise BotAway(f"{method}: {response.status_code}, and no answer of the Bot API") from None
        if not answer.ok:
            code = answer.error_code or response.status_code
            raise BotAway(f"{method}: {code} {answer.description[:200]}", answer.parameters.retry_after)
        return answer.result


class _Said(msgspec.Struct, frozen=True):
    """What the person is answered, and the line that the message gets."""

    answer: str
    line: str | None = None


async def _act(connection: Connected, channels: Sequence[BotChannel], press: Press) -> _Said:
    told = [each for each in channels if press.message and _is_of(each, press.message.chat)]
    if not told or press.message is None:
        return _Said(_WORDS["en"]["no"])
    language = told[0].document.get("reader", {}).get("language", "en")
    words = _WORDS.get(language, _WORDS["en"])
    try:
        alert_id = links.pressed(await alert_actions.link_key(connection), press.data)
    except LinkRefused:
        return _Said(words["no"])
    told_at = datetime.fromtimestamp(press.message.date, UTC)
    ids = await alert_actions.told_with(connection, alert_id, told_at)
    actor = f"telegram:{press.sender.username or press.sender.id}"
    act, done = Act("acknowledge", actor, "telegram"), False
    for org_id in sorted({each.org_id for each in told}):
        done |= bool(await alert_actions.act(connection, org_id, ids, act))
    if not done:
        return _Said(words["before"])
    line = words["done"].format(who=press.sender.first_name or press.sender.username or press.sender.id)
    return _Said(line, line)


def _is_of(channel: BotChannel, chat: Chat) -> bool:
    names = {str(chat.id), *([f"@{chat.username}"] if chat.username else [])}
    return not names.isdisjoint(channel.document.get("to", ()))


def _edit(told: Told, line: str) -> tuple[str, dict[str, Any]] | None:
    """Return the call that adds a line to a message and takes the pressed buttons away; None where it has no room."""
    where = {
        "chat_id": told.chat.id,
        "message_id": told.message_id,
        "reply_markup": _without_presses(told.reply_markup),
    }
    if told.text is not None and len(told.text) + len(line) + 2 <= _LONGEST_TEXT:
        return "editMessageText", {**where, "text": f"{told.text}\n\n{line}", "entities": told.entities}
    if told.caption is not None and len(told.caption) + len(line) + 2 <= _LONGEST_CAPTION:
        caption = {"caption": f"{told.caption}\n\n{line}", "caption_entities": told.caption_entities}
        return "editMessageCaption", {**where, **caption}
    return None


def _without_presses(markup: Mapping[str, Any]) -> dict[str, Any]:
    rows = [[each for each in row if "callback_data" not in each] for row in markup.get("inline_keyboard", ())]
    return {"inline_keyboard": [row for row in rows if row]}
