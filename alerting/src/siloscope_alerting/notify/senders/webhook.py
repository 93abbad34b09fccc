"""Signed webhooks: JSON by POST, with a key by which a receiver knows a repeated one.

The signature is over time and body, so that nobody can send an old message as a new one:
`X-Siloscope-Signature: v1=<hex of HMAC-SHA256(secret, "<X-Siloscope-Timestamp>.<body>")>`.
"""

import hmac
from collections.abc import Mapping
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

import httpx2
import msgspec

from siloscope_alerting.errors import Undeliverable
from siloscope_alerting.notify.senders.answers import away, raise_for
from siloscope_alerting.ports import Clock, Rendered
from siloscope_contract.alerts.routes import Channel

MOST_BYTES = 256 * 1024
TOLERANCE_S = 300


class WebhookSender:
    """Posts messages; redirections are not followed: the receiver is who was named.

    Args:
        client: Without cookies or redirects, with a timeout.
        clock: For the timestamp.
    """

    def __init__(self, client: httpx2.AsyncClient, clock: Clock) -> None:
        self._client = client
        self._clock = clock

    async def send(self, channel: Channel, secrets: Mapping[str, str], message: Rendered) -> None:
        """Post one message.

        Raises:
            TryAgain: The receiver is away, busy or broken.
            Undeliverable: It refuses, or the channel names no receiver or has no secret to sign with.
        """
        url = channel.to[0] if channel.to else ""
        host = urlsplit(url).hostname
        if urlsplit(url).scheme not in ("http", "https") or not host:
            raise Undeliverable(f"channel {channel.channel}: found no receiver in `to`, expected one http or https URL")
        if not secrets.get("secret"):
            raise Undeliverable(f"channel {channel.channel} has no `secret` to sign with")
        body = body_of(message)
        timestamp = str(self._clock.now_ms() // 1000)
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": str(message.notification_id),
            "X-Siloscope-Timestamp": timestamp,
            "X-Siloscope-Signature": sign(secrets["secret"], timestamp, body),
        }
        try:
            answer = await self._client.post(url, content=body, headers=headers, follow_redirects=False)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise away(error, host) from error
        raise_for(answer, self._clock)


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """Return the signature header's value.

    >>> sign("s", "1", b"{}")[:10]
    'v1=66cb14b'
    """
    return "v1=" + hmac.new(secret.encode(), timestamp.encode() + b"." + body, sha256).hexdigest()


def genuine(secret: str, timestamp: str, signature: str, body: bytes, *, now_s: float) -> bool:
    """Whether a request is ours and new: what a receiver in Python needs to copy."""
    fresh = timestamp.isdecimal() and abs(now_s - int(timestamp)) <= TOLERANCE_S
    return fresh and hmac.compare_digest(sign(secret, timestamp, body), signature)


def body_of(message: Rendered) -> bytes:
    """Return what is posted, the same at every attempt; alerts are left out until it fits into 256 KiB."""
    told: dict[str, Any] = {
        "notification_id": str(message.notification_id),
        "title": message.title,
        "text": message.text,
        "links": dict(message.links),
        **message.payload,
    }
    body = msgspec.json.encode(told)
    while len(body) > MOST_BYTES:
        incident = told.get("incident") or {}
        alerts = incident.get("alerts") or ()
        if not alerts:
            told = {name: told[name] for name in ("notification_id", "title", "links")} | {"shortened": True}
            return msgspec.json.encode(told | {"text": message.text[:10_000]})
        told |= {"incident": {**incident, "alerts": alerts[: len(alerts) // 2]}, "shortened": True}
        body = msgspec.json.encode(told)
    return body
