"""Makes of an outbox row what a sender takes: words, links, buttons and the chart."""

from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec
import structlog

from siloscope_alerting.notify.illustrating import Draw, illustrate
from siloscope_alerting.notify.messages import IncidentMessage, Message, TestMessage, message_of
from siloscope_alerting.notify.rendering import Renderer
from siloscope_alerting.notify.senders.email import PICTURE_ID
from siloscope_alerting.ports import AlertFacts, Rendered
from siloscope_contract.alerts.links import LIFETIME_S, Tap, button, link
from siloscope_contract.alerts.routes import Channel
from siloscope_contract.alerts.words import State
from siloscope_store import notify_channels
from siloscope_store.connections import Pool, borrowed
from siloscope_store.notify_channels import NotifyChannel
from siloscope_store.notify_outbox import Claimed

log = structlog.get_logger(__name__)
SNOOZE_S = 3_600
_ASKS = ("firing", "escalated", "repeated", "changed")
_WITH_PICTURE = ("email", "telegram")


class MessageComposer:
    """Composes messages; the same row always gives the same words and links.

    Args:
        pool: For the signing key and the chart's readings.
        draw: Draws the chart; None = no charts.
        public_url: Where readers reach the page; None = no links.
    """

    def __init__(self, pool: Pool, draw: Draw | None, public_url: str | None) -> None:
        self._pool = pool
        self._draw = draw
        self._public_url = public_url
        self._renderer = Renderer()
        self._key: bytes | None = None

    async def compose(self, channel: NotifyChannel, claimed: Claimed) -> Rendered:
        """Return the message; a payload that cannot be read is told as one line, rather than not at all."""
        told = msgspec.convert(channel.document, Channel)
        message, kind = _read(claimed)
        alert = _asked_about(kind, message)
        links = await self._links(channel, claimed, kind, message, alert)
        picture = await self._picture(told, message)
        content_id = PICTURE_ID if picture is not None and told.kind == "email" else None
        words = self._renderer.words(kind, message, told.reader, links=links, picture=content_id)
        on_telegram = told.kind == "telegram" and alert is not None
        return Rendered(
            notification_id=claimed.notification_id,
            title=words.title,
            text=words.text,
            html=words.html,
            picture_png=picture,
            links=links,
            payload={**claimed.payload, "kind": claimed.kind, "severity": claimed.severity},
            labels=words.labels,
            button=button(await self._signing_key(), alert.alert_id) if on_telegram and alert else None,
        )

    async def _links(
        self, channel: NotifyChannel, claimed: Claimed, kind: str, message: Message, alert: AlertFacts | None
    ) -> Mapping[str, str]:
        if self._public_url is None or not isinstance(message, IncidentMessage):
            return {}
        about = alert or next(iter(message.incident.alerts), None)
        page = f"{self._public_url.rstrip('/')}/alerts" + (f"/{about.alert_id}" if about else "")
        if alert is None:
            return {"open": page}
        key, told_s = await self._signing_key(), int(claimed.enqueued_at.timestamp())
        have = Tap(alert.alert_id, "acknowledge", channel.slug, told_s, told_s + LIFETIME_S)
        quiet = Tap(alert.alert_id, "snooze", channel.slug, told_s, told_s + LIFETIME_S, SNOOZE_S)
        return {
            "acknowledge": link(self._public_url, key, have),
            "snooze": link(self._public_url, key, quiet),
            "open": page,
        }

    async def _picture(self, told: Channel, message: Message) -> bytes | None:
        if self._draw is None or told.kind not in _WITH_PICTURE or not isinstance(message, IncidentMessage):
            return None
        zone = told.reader.time_zone or message.incident.time_zone
        return await illustrate(self._pool, self._draw, message.incident, message.at, told.reader.units, zone)

    async def _signing_key(self) -> bytes:
        if self._key is None:
            async with borrowed(self._pool) as connection:
                self._key = await notify_channels.link_key(connection)
        return self._key


def _read(claimed: Claimed) -> tuple[Message, str]:
    try:
        return message_of(claimed.kind, claimed.payload), claimed.kind
    except msgspec.ValidationError as error:
        log.error("payload_unreadable", notification_id=str(claimed.notification_id), problem=str(error))
        return TestMessage(at=datetime.fromtimestamp(claimed.enqueued_at.timestamp(), UTC)), "unreadable"


def _asked_about(kind: str, message: Message) -> AlertFacts | None:
    """Return the alert that somebody is asked to take: the worst that fires."""
    if kind not in _ASKS or not isinstance(message, IncidentMessage):
        return None
    alerts = message.incident.alerts
    return next((each for each in alerts if each.state == State.FIRING), next(iter(alerts), None))
