"""Answers of the endpoint, of which no more is read than anybody will be told."""

from io import BytesIO
from typing import Any

import urllib3

MOST_READ = 65_536


class BriefPool:
    """Stands for the pool of connections of the endpoint's client, which would read an answer that never ends.

    Args:
        pool: What it stands for.
    """

    def __init__(self, pool: Any) -> None:
        self._pool = pool

    def request(self, method: str, url: str, **options: Any) -> urllib3.HTTPResponse:
        """Return the answer with the beginning of its text, as UTF-8 whatever it was."""
        answer = self._pool.request(method, url, **{**options, "preload_content": False})
        said: bytes = answer.read(MOST_READ)
        if len(said) < MOST_READ:
            answer.release_conn()
        else:
            answer.close()
        text = BytesIO(said.decode("utf-8", errors="replace").encode())
        told: dict[str, Any] = {"headers": answer.headers, "status": answer.status, "reason": answer.reason}
        # Unpacked it is, and may be shorter than what was announced.
        return urllib3.HTTPResponse(text, **told, decode_content=False, enforce_content_length=False)

    def clear(self) -> None:
        """Close its connections."""
        self._pool.clear()
