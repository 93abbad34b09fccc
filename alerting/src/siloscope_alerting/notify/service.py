"""What notifies, put together: one for a process, running while it holds the evaluator's term."""

import asyncio
import logging
from collections.abc import Mapping
from pathlib import Path

import httpx2

from siloscope_alerting.notify.composing import MessageComposer
from siloscope_alerting.notify.delivery import Delivery
from siloscope_alerting.notify.illustrating import Draw
from siloscope_alerting.notify.ladder import Ladder
from siloscope_alerting.notify.metrics import DeliveryMetrics
from siloscope_alerting.notify.senders.apprise import AppriseSender
from siloscope_alerting.notify.senders.email import EmailSender, mail_server
from siloscope_alerting.notify.senders.telegram import TelegramSender
from siloscope_alerting.notify.senders.webhook import WebhookSender
from siloscope_alerting.ports import Clock, Sender
from siloscope_alerting.settings import AlertingSettings
from siloscope_store.connections import Pool

TIMEOUT = httpx2.Timeout(20.0, connect=10.0)


def http_client() -> httpx2.AsyncClient:
    """Return the client that all senders share; the environment's proxies count, its certificates too."""
    # Its own log names whole addresses: a bot's holds its token, a webhook's may hold a key.
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    return httpx2.AsyncClient(timeout=TIMEOUT, headers={"User-Agent": "siloscope"})


def senders(settings: AlertingSettings, client: httpx2.AsyncClient, clock: Clock) -> Mapping[str, Sender]:
    """Return the senders that this server is set up for, by kind of channel.

    Raises:
        WrongSetting: The mail server's address or password cannot be read.
    """
    found: dict[str, Sender] = {
        "webhook": WebhookSender(client, clock),
        "telegram": TelegramSender(client, settings.telegram_url),
        "apprise": AppriseSender(),
    }
    if settings.smtp_url is not None:
        password_file = Path(settings.smtp_password_file) if settings.smtp_password_file else None
        found["email"] = EmailSender(mail_server(settings.smtp_url, password_file), settings.mail_from, clock)
    return found


class Notifying:
    """Sends and climbs ladders while this process holds the term; `run` once for each term.

    Args:
        pool: Connections; about one for each channel that is busy.
        settings: Where messages go out.
        client: Of `http_client()`, open as long as this works.
        clock: For pauses and dates.
        wake: Set whenever something was enqueued.
        metrics: Counts.
        draw: Draws charts; None = no charts.
    """

    def __init__(
        self,
        pool: Pool,
        settings: AlertingSettings,
        client: httpx2.AsyncClient,
        clock: Clock,
        wake: asyncio.Event,
        metrics: DeliveryMetrics,
        draw: Draw | None = None,
    ) -> None:
        self._pool = pool
        self._senders = senders(settings, client, clock)
        self._composer = MessageComposer(pool, draw, settings.public_url)
        self._clock = clock
        self._wake = wake
        self._metrics = metrics

    async def run(self, term: int) -> None:
        """Send until cancelled; attempts under way may end first, so release the lease after this.

        Raises:
            Fenced: Another evaluator has taken over.
        """
        delivery = Delivery(self._pool, self._composer, self._senders, term, self._clock, self._wake, self._metrics)
        ladder = asyncio.create_task(Ladder(self._pool, term, self._clock, self._wake).run(), name="ladder")
        sending = asyncio.create_task(delivery.run(), name="delivery")
        try:
            done, _ = await asyncio.wait((ladder, sending), return_when=asyncio.FIRST_EXCEPTION)
            for task in done:
                task.result()
        finally:
            ladder.cancel()
            sending.cancel()
            await asyncio.gather(ladder, sending, return_exceptions=True)
