"""Telegram's Bot API as far as it is used, after its published protocol (https://core.telegram.org/bots/api).

Chats that a test does not name do not exist: 400. A wrong token: 401. `limit`: 429 with `parameters.retry_after`.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from tests.alerting.notify.receiver import Answer, Receiver, Request, receiving

TOKEN = "123456:TEST-token"


@dataclass(frozen=True)
class Sent:
    """A message that was taken."""

    message_id: int
    chat: str
    text: str
    buttons: list[dict[str, str]]
    photo: bytes | None = None


@dataclass
class FakeTelegram:
    """The server of one bot."""

    receiver: Receiver
    chats: set[str] = field(default_factory=lambda: {"42"})
    blocked: set[str] = field(default_factory=set)
    busy: set[str] = field(default_factory=set)
    moved: dict[str, int] = field(default_factory=dict)
    limit: int | None = None
    sent: list[Sent] = field(default_factory=list)
    answered: list[dict[str, str]] = field(default_factory=list)
    edited: list[dict[str, str]] = field(default_factory=list)
    updates: list[dict[str, Any]] = field(default_factory=list)
    pressed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        """Where it listens."""
        return self.receiver.url

    def press(self, sent: Sent, button: int = 0, *, chat: str | None = None, user: str = "ada") -> int:
        """Press a callback button of a message as somebody in a chat; return the update's id."""
        update_id = len(self.updates) + 1_000
        message = {"message_id": sent.message_id, "date": 0, "chat": {"id": int(chat or sent.chat), "type": "group"}}
        query = {
            "id": str(update_id),
            "from": {"id": 7, "is_bot": False, "first_name": user, "username": user},
            "message": {**message, "text": sent.text},
            "chat_instance": "1",
            "data": sent.buttons[button]["callback_data"],
        }
        self.updates.append({"update_id": update_id, "callback_query": query})
        self.pressed.set()
        return update_id

    async def answer(self, request: Request) -> Answer:
        """Answer one call."""
        _, bot, method = request.path.partition("?")[0].split("/", 2)
        form = _form(request)
        if bot != f"bot{TOKEN}":
            return _error(401, "Unauthorized")
        if self.limit is not None and method.startswith("send"):
            return _error(429, f"Too Many Requests: retry after {self.limit}", {"retry_after": self.limit})
        if method in ("sendMessage", "sendPhoto"):
            return self._send(method, form)
        if method == "getUpdates":
            return await self._get_updates(form)
        if method == "answerCallbackQuery":
            self.answered.append(form)
            return _ok(True)
        if method in ("editMessageText", "editMessageReplyMarkup", "editMessageCaption"):
            self.edited.append(form)
            return _ok(True)
        return _error(404, "Not Found")

    def _send(self, method: str, form: dict[str, Any]) -> Answer:
        chat, text = form["chat_id"], form.get("text") or form.get("caption") or ""
        if chat in self.busy:
            return _error(500, "Internal Server Error")
        if chat in self.moved:
            moved = {"migrate_to_chat_id": self.moved[chat]}
            return _error(400, "Bad Request: group chat was upgraded to a supergroup chat", moved)
        if chat in self.blocked:
            return _error(403, "Forbidden: bot was blocked by the user")
        if chat not in self.chats:
            return _error(400, "Bad Request: chat not found")
        if len(text) > (4_096 if method == "sendMessage" else 1_024) + 7:  # the <b></b> of the title is not counted
            return _error(400, "Bad Request: message is too long")
        markup = msgspec.json.decode(form.get("reply_markup") or '{"inline_keyboard":[[]]}')
        buttons = markup["inline_keyboard"][0]
        if any(len(each.get("callback_data", "")) > 64 for each in buttons):
            return _error(400, "Bad Request: BUTTON_DATA_INVALID")
        sent = Sent(len(self.sent) + 1, chat, text, buttons, form.get("photo"))
        self.sent.append(sent)
        return _ok({"message_id": sent.message_id, "date": 0, "chat": {"id": int(chat), "type": "group"}, "text": text})

    async def _get_updates(self, form: dict[str, Any]) -> Answer:
        offset, timeout = int(form.get("offset") or 0), float(form.get("timeout") or 0)
        if not any(each["update_id"] >= offset for each in self.updates) and timeout:
            self.pressed.clear()
            try:
                async with asyncio.timeout(timeout):
                    await self.pressed.wait()
            except TimeoutError:
                return _ok([])
        return _ok([each for each in self.updates if each["update_id"] >= offset])


@asynccontextmanager
async def telegram() -> AsyncIterator[FakeTelegram]:
    """Run a fake Telegram on a free port of this machine."""
    async with receiving() as receiver:
        fake = FakeTelegram(receiver)
        receiver.answer = fake.answer
        yield fake


def _ok(result: object) -> Answer:
    return Answer.json({"ok": True, "result": result})


def _error(code: int, description: str, parameters: dict[str, int] | None = None) -> Answer:
    told: dict[str, object] = {"ok": False, "error_code": code, "description": description}
    return Answer.json(told | ({"parameters": parameters} if parameters else {}), code)


def _form(request: Request) -> dict[str, Any]:
    kind = request.headers.get("content-type", "")
    if kind.startswith("application/json"):
        return {name: str(value) for name, value in msgspec.json.decode(request.body or b"{}").items()}
    if kind.startswith("multipart/form-data"):
        parts = message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + request.body).get_payload()
        return {_name(part): _content(part) for part in parts if not isinstance(part, str)}
    return dict(parse_qsl(request.body.decode() or request.path.partition("?")[2]))


def _name(part: Any) -> str:
    return str(part.get_param("name", header="content-disposition"))


def _content(part: Any) -> str | bytes:
    content: bytes = part.get_payload(decode=True)
    return content if part.get_filename() else content.decode()
