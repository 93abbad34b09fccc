"""Email over SMTP: text and HTML, with the chart inside."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import aiosmtplib
import msgspec

from siloscope_alerting.errors import TryAgain, Undeliverable
from siloscope_alerting.ports import Clock, Rendered
from siloscope_contract.alerts.routes import Channel
from siloscope_process.errors import WrongSetting

PICTURE_ID = "chart@siloscope"
_TIMEOUT_S = 30.0
_EXPECTED = "smtp://user:password@host:port or smtps://…"


class MailServer(msgspec.Struct, frozen=True):
    """Where mail is handed in.

    Attributes:
        tls: From the start; else it is asked for after the greeting, and demanded where a password would be said.
    """

    host: str
    port: int
    tls: bool
    user: str | None = None
    password: str | None = None

    def __repr__(self) -> str:
        """Say nothing of the password."""
        return f"MailServer({self.host}:{self.port})"


def mail_server(url: str, password_file: Path | None = None) -> MailServer:
    """Return the server that a URL names; a password file stands for the password in it.

    Raises:
        WrongSetting: It names none, or the file cannot be read.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
        raise WrongSetting(f"SILOSCOPE_SMTP_URL: found {parts.scheme or 'no scheme'}, expected {_EXPECTED}")
    try:
        port = parts.port or (465 if parts.scheme == "smtps" else 25)
    except ValueError:
        raise WrongSetting(f"SILOSCOPE_SMTP_URL: found no port that could be, expected {_EXPECTED}") from None
    password = unquote(parts.password) if parts.password else None
    if password_file is not None:
        try:
            password = password_file.read_text("utf-8").splitlines()[0].strip()
        except (OSError, IndexError, UnicodeDecodeError) as error:
            found = getattr(error, "strerror", None) or "nothing readable"
            raise WrongSetting(f"SILOSCOPE_SMTP_PASSWORD_FILE: found {found}, expected a file with a line") from None
    user = unquote(parts.username) if parts.username else None
    return MailServer(parts.hostname, port, parts.scheme == "smtps", user, password)


class EmailSender:
    """Hands messages to one mail server.

    Args:
        server: Where.
        sender: The address in From.
        clock: For the date of a message.
    """

    def __init__(self, server: MailServer, sender: str, clock: Clock) -> None:
        self._server = server
        self._sender = sender
        self._clock = clock
        self._taken: dict[str, set[str]] = {}

    async def send(self, channel: Channel, secrets: Mapping[str, str], message: Rendered) -> None:
        """Send to every address that has not taken this message yet.

        Raises:
            TryAgain: The server is away or busy, for one address at least.
            Undeliverable: It refuses the message for good, for one address at least.
        """
        del secrets  # the server's are the service's own
        if not channel.to:
            raise Undeliverable(f"channel {channel.channel} has no address in `to`")
        key = str(message.notification_id)
        left = [address for address in channel.to if address not in self._taken.get(key, ())]
        mail = self.mail(channel.to, message)
        refused = await self._hand_over(mail, left)
        if not refused:
            self._taken.pop(key, None)
            return
        self._taken[key] = set(channel.to) - {address for address, code, _ in refused if code < 500}
        self._taken = dict(list(self._taken.items())[-1_000:])
        detail = "; ".join(f"{address}: {code} {text}" for address, code, text in refused)
        if any(code < 500 for _, code, _ in refused):
            raise TryAgain(detail)
        raise Undeliverable(detail)

    def mail(self, to: Sequence[str], message: Rendered) -> EmailMessage:
        """Return the message as it goes out; every attempt has the same Message-ID."""
        mail = EmailMessage()
        mail["From"] = self._sender
        mail["To"] = ", ".join(to)
        mail["Subject"] = " ".join(message.title.split())
        mail["Date"] = format_datetime(_told_at(message.payload) or self._clock.now())
        mail["Message-ID"] = f"<{message.notification_id}@siloscope>"
        mail["Auto-Submitted"] = "auto-generated"
        if (incident := message.payload.get("incident")) and "incident_id" in incident:
            # Mail programs show what has one cause as one thread.
            mail["References"] = f"<incident-{incident['incident_id']}@siloscope>"
        mail.set_content(message.text)
        mail.add_alternative(message.html, subtype="html")
        if message.picture_png is not None:
            html: Any = mail.get_payload(1)
            html.add_related(message.picture_png, "image", "png", cid=f"<{PICTURE_ID}>", filename="chart.png")
        return mail

    async def _hand_over(self, mail: EmailMessage, to: Sequence[str]) -> list[tuple[str, int, str]]:
        """Return who was refused, with the server's code and words."""
        server = self._server
        secret = server.password is not None and not _on_this_machine(server.host)
        try:
            refused, _ = await aiosmtplib.send(
                mail,
                sender=parseaddr(self._sender)[1],
                recipients=[parseaddr(address)[1] for address in to],
                hostname=server.host,
                port=server.port,
                username=server.user,
                password=server.password,
                use_tls=server.tls,
                start_tls=None if server.tls or not secret else True,
                timeout=_TIMEOUT_S,
            )
        except aiosmtplib.SMTPRecipientsRefused as error:
            return [(each.recipient, each.code, _words(each.message)) for each in error.recipients]
        except aiosmtplib.SMTPAuthenticationError as error:
            raise TryAgain(f"{server.host} does not let us in: {error.code}") from error
        except (aiosmtplib.SMTPSenderRefused, aiosmtplib.SMTPDataError) as error:
            said = f"{server.host}: {error.code} {_words(error.message)}"
            raise (Undeliverable(said) if error.code >= 500 else TryAgain(said)) from error
        except (aiosmtplib.SMTPException, OSError) as error:
            raise TryAgain(f"{server.host}:{server.port}: {_words(str(error)) or type(error).__name__}") from error
        except ValueError as error:  # an address that is none
            raise Undeliverable(_words(str(error))) from error
        return [(address, answer.code, _words(answer.message)) for address, answer in refused.items()]


def _told_at(payload: Mapping[str, Any]) -> datetime | None:
    at = payload.get("at")
    try:
        return datetime.fromisoformat(at).astimezone(UTC) if isinstance(at, str) else None
    except ValueError:
        return None


def _words(text: str) -> str:
    return " ".join(text.split())[:300]


def _on_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
