"""HEAD: what GET would answer, without the body (RFC 9110, section 9.3.2)."""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_NOTES = "siloscope."


class HeadAsGet:
    """ASGI middleware that asks what it wraps for a GET and passes on the head alone."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        answered = asyncio.Event()

        async def send_head(message: Message) -> None:
            if message["type"] == "http.response.start":
                await send(message)
            elif not answered.is_set():
                answered.set()
                await send({"type": "http.response.body", "body": b"", "more_body": False})

        async def gone_once_answered() -> Message:
            """Let a live stream end: its head is all that was asked for."""
            await answered.wait()
            return {"type": "http.disconnect"}

        # A copy: the server goes by its own scope when it checks the length of the body.
        inner = {**scope, "method": "GET"}
        try:
            await self._app(inner, gone_once_answered, send_head)
        finally:
            scope.update({key: note for key, note in inner.items() if key.startswith(_NOTES)})
