"""No body beyond what a login or a form needs is read."""

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from siloscope_dashboards.errors import TooLarge

LARGEST_BODY_BYTES = 64 * 1024
_EXPLANATION = f"the body is larger than {LARGEST_BODY_BYTES} bytes"


class BodyLimit:
    """ASGI middleware that stops a body at the limit, whether its length was announced or not.

    FastAPI has a limit of its own, which answers in plain text; ours must be a problem.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        announced = Headers(scope=scope).get("content-length", "")
        if announced.isdecimal() and int(announced) > LARGEST_BODY_BYTES:
            raise TooLarge(_EXPLANATION)
        received = 0

        async def bounded() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > LARGEST_BODY_BYTES:
                # FastAPI turns any other exception met while it reads a body into a 400.
                raise HTTPException(413, _EXPLANATION)
            return message

        await self._app(scope, bounded, send)
