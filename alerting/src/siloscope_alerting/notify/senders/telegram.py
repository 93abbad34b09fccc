"""Telegram's Bot API: a message or a captioned chart, with buttons.

Source: https://core.telegram.org/bots/api, sections "Making requests", sendMessage, sendPhoto, ResponseParameters.
"""

from collections.abc import Mapping
from html import escape
from typing import Any
from urllib.parse import urlsplit

import httpx2
import msgspec

from siloscope_alerting.errors import SendingFailed, TryAgain, Undeliverable
from siloscope_alerting.notify.senders.answers import away
from siloscope_alerting.ports import Rendered
from siloscope_contract.alerts.routes import Channel

LONGEST_TEXT = 4_096
LONGEST_CAPTION = 1_024
_GONE = (400, 403)
"""Chat unknown, bot blocked or put out. 401 and 404 mean a wrong token: somebody mends that, and the message waits."""


class _Parameters(msgspec.Struct):
    retry_after: float | None = None
    migrate_to_chat_id: int | None = None


class _Answer(msgspec.Struct):
    ok: bool = False
    error_code: int = 0
    description: str = ""
    parameters: _Parameters = msgspec.field(default_factory=_Parameters)


class TelegramSender:
    """Sends to every chat that is named; one that has a message is not sent it again by this process.

    Args:
        client: With a timeout.
        api_url: `https://api.telegram.org`.
    """

    def __init__(self, client: httpx2.AsyncClient, api_url: str) -> None:
        self._client = client
        self._api_url = api_url.rstrip("/")
        self._taken: dict[str, set[str]] = {}

    async def send(self, channel: Channel, secrets: Mapping[str, str], message: Rendered) -> None:
        """Send one message.

        Raises:
            TryAgain: Telegram is away, busy, limits us or does not know the token; for one chat at least.
            Undeliverable: A chat is gone, or the channel has no chat or token.
        """
        token = secrets.get("token")
        if not channel.to or not token:
            lacking = "chat in `to`" if token else "secret `token`"
            raise Undeliverable(f"channel {channel.channel} has no {lacking}")
        key = str(message.notification_id)
        taken = self._taken.pop(key, set())
        failures: list[SendingFailed] = []
        for chat in channel.to:
            if chat in taken:
                continue
            try:
                await self._tell(token, chat, message)
            except Undeliverable as failure:
                failures.append(failure)
                taken.add(chat)
            except TryAgain as failure:
                failures.append(failure)
            else:
                taken.add(chat)
        if failures:
            self._taken = dict([*self._taken.items(), (key, taken)][-1_000:])
            raise _together(failures)

    async def _tell(self, token: str, chat: str, message: Rendered) -> None:
        text = _text(message)
        buttons = {"reply_markup": msgspec.json.encode(markup).decode()} if (markup := _buttons(message)) else {}
        if message.picture_png is not None and _length(text) <= LONGEST_CAPTION:
            form = {"chat_id": chat, "caption": text, "parse_mode": "HTML", **buttons}
            try:
                await self._call(token, "sendPhoto", form, message.picture_png)
            except Undeliverable:
                pass  # it may be the picture that is refused: the words go without it
            else:
                return
        form = {"chat_id": chat, "text": text, "parse_mode": "HTML", **buttons}
        form["link_preview_options"] = '{"is_disabled":true}'
        await self._call(token, "sendMessage", form)

    async def _call(self, token: str, method: str, form: Mapping[str, str], picture: bytes | None = None) -> None:
        url = f"{self._api_url}/bot{token}/{method}"
        files = {"photo": ("chart.png", picture, "image/png")} if picture is not None else None
        try:
            response = await self._client.post(url, data=dict(form), files=files, follow_redirects=False)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise away(error, urlsplit(self._api_url).hostname or "telegram") from None
        try:
            answer = msgspec.json.decode(response.content, type=_Answer)
        except msgspec.DecodeError:
            raise TryAgain(f"{method}: {response.status_code}, and no answer of the Bot API") from None
        if answer.ok:
            return
        moved_to = answer.parameters.migrate_to_chat_id
        if moved_to is not None and form["chat_id"] != str(moved_to):
            await self._call(token, method, {**form, "chat_id": str(moved_to)}, picture)
            return
        code = answer.error_code or response.status_code
        said = f"chat {form['chat_id']}: {method}: {code} {answer.description[:200]}"
        if code in _GONE:
            raise Undeliverable(said)
        raise TryAgain(said, answer.parameters.retry_after)


def _together(failures: list[SendingFailed]) -> SendingFailed:
    """Return what several chats' failures mean for the message: while one may still take it, it is tried again."""
    detail = "; ".join(str(each) for each in failures)
    again = [each for each in failures if isinstance(each, TryAgain)]
    if not again:
        return Undeliverable(detail)
    return TryAgain(detail, max((each.after_s for each in again if each.after_s is not None), default=None))


def _text(message: Rendered) -> str:
    """Return title and text in Telegram's HTML, cut to what it takes."""
    title = f"<b>{escape(message.title, quote=False)}</b>"
    body = message.text.removeprefix(message.title).strip()
    room = LONGEST_TEXT - _length(message.title) - 2
    if _length(body) > room:
        body = body[: max(room - 1, 0) // 2] + "…"
    return f"{title}\n\n{escape(body, quote=False)}".strip()


def _length(text: str) -> int:
    """Return a text's length as Telegram counts it: in UTF-16 code units."""
    return len(text.encode("utf-16-le")) // 2


def _buttons(message: Rendered) -> dict[str, Any] | None:
    """Return the keyboard: what is done within Telegram, and links to the page."""
    row: list[dict[str, str]] = []
    links = _public(message.links)
    if message.button is not None:
        row.append({"text": message.labels.get("acknowledge", "✓"), "callback_data": message.button})
        links.pop("acknowledge", None)
    row += [{"text": message.labels.get(deed, deed), "url": url} for deed, url in links.items()]
    return {"inline_keyboard": [row]} if row else None


def _public(links: Mapping[str, str]) -> dict[str, str]:
    """Telegram refuses a whole message for one button whose address has no public name."""
    hosts = {deed: urlsplit(url).hostname or "" for deed, url in links.items()}
    return {deed: url for deed, url in links.items() if "." in hosts[deed] and not hosts[deed].startswith("127.")}
