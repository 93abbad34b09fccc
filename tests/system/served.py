"""What the HTTP API shows to somebody who logged in."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import httpx2

from tests.system.spooled import Instant

MOST_POINTS = 5000
ANSWERS_WITHIN_S = 10


class Served:
    """A session with the API.

    Args:
        url: Where it listens, without a path.
        username, password: Of a user.
    """

    def __init__(self, url: str, username: str, password: str) -> None:
        self._client = httpx2.Client(base_url=f"{url}/api/v1/", timeout=ANSWERS_WITHIN_S)
        login = self._client.post("auth/token", json={"username": username, "password": password})
        assert login.status_code == 200, login.text
        self._client.headers["authorization"] = f"Bearer {login.json()['access_token']}"

    def channels(self) -> list[dict[str, Any]]:
        """Return every channel, page by page."""
        found: list[dict[str, Any]] = []
        page = self.get("channels", limit=50)
        found += page["items"]
        while page["next_cursor"] is not None:
            page = self.get("channels", limit=50, cursor=page["next_cursor"])
            found += page["items"]
        return found

    def good_values(self, channel: dict[str, Any], from_ms: int, to_ms: int) -> Iterator[tuple[Instant, float]]:
        """Yield the values of a channel's raw series."""
        span: dict[str, int] = {"from": from_ms, "to": to_ms, "points": MOST_POINTS}
        series = self.get(f"channels/{channel['id']}/series", **span)
        assert series["level"] == "raw", f"{channel['key']} has more than {MOST_POINTS} points"
        for point in series["points"]:
            if point["count"]:
                assert point["min"] == point["mean"] == point["max"]
                time_ms = round(datetime.fromisoformat(point["time"]).timestamp() * 1000)
                yield Instant(channel["device"]["slug"], channel["key"], time_ms), point["mean"]

    def get(self, path: str, **query: str | int) -> Any:
        """Return the JSON at a path of the API."""
        answer = self._client.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def send(self, method: str, path: str, body: object) -> Any:
        """Change something by JSON, and return what the API says."""
        answer = self._client.request(method, path, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def close(self) -> None:
        """End the session."""
        self._client.close()
