"""Email, handed to a real mail server."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from siloscope_alerting.errors import TryAgain, Undeliverable
from siloscope_alerting.notify.senders.email import EmailSender, MailServer, mail_server
from siloscope_contract.alerts.routes import Channel
from siloscope_process.clock import ManualClock
from siloscope_process.errors import WrongSetting
from tests.alerting.notify.mailbox import Mailbox, receiving_mail
from tests.alerting.notify.senders.messages import KEY, rendered

CHANNEL = Channel(channel="mail", kind="email", to=("Ada <ada@example.org>", "bob@example.org"))
PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)


@pytest.fixture
async def mailbox() -> AsyncIterator[Mailbox]:
    async with receiving_mail() as found:
        yield found


@pytest.fixture
def sender(mailbox: Mailbox) -> EmailSender:
    return EmailSender(mail_server(mailbox.url), "Siloscope <siloscope@farm.example>", ManualClock())


async def test_it_has_text_html_and_the_chart_and_is_known_again(sender: EmailSender, mailbox: Mailbox) -> None:
    await sender.send(CHANNEL, {}, rendered(picture_png=PNG, title="Увага: Силос 7"))
    (mail,) = mailbox.mails
    assert mailbox.recipients == [["ada@example.org", "bob@example.org"]]
    assert mail["Message-ID"] == f"<{KEY}@siloscope>"
    assert mail["References"] == "<incident-7@siloscope>"
    assert (mail["Subject"], mail["Auto-Submitted"]) == ("Увага: Силос 7", "auto-generated")
    assert mail["Date"] == "Mon, 02 Mar 2026 12:00:00 +0000"
    kinds = [part.get_content_type() for part in mail.walk()]
    assert kinds == ["multipart/alternative", "text/plain", "multipart/related", "text/html", "image/png"]
    picture = list(mail.walk())[-1]
    assert picture["Content-ID"] == "<chart@siloscope>"
    assert picture.get_payload(decode=True) == PNG


async def test_two_attempts_are_the_same_message(sender: EmailSender) -> None:
    one, other = (sender.mail(CHANNEL.to, rendered()) for _ in range(2))
    assert (one["Message-ID"], one["Date"]) == (other["Message-ID"], other["Date"])


async def test_a_title_cannot_add_headers(sender: EmailSender, mailbox: Mailbox) -> None:
    await sender.send(CHANNEL, {}, rendered(title="Hot\r\nBcc: eve@example.org"))
    (mail,) = mailbox.mails
    assert mail["Bcc"] is None
    assert mail["Subject"] == "Hot Bcc: eve@example.org"


async def test_a_busy_server_is_tried_again_and_one_that_refuses_is_not(sender: EmailSender, mailbox: Mailbox) -> None:
    mailbox.busy = "451 try later"
    with pytest.raises(TryAgain, match="451 try later"):
        await sender.send(CHANNEL, {}, rendered())
    mailbox.busy = "554 we think this is spam"
    with pytest.raises(Undeliverable, match="554"):
        await sender.send(CHANNEL, {}, rendered())


async def test_who_has_it_already_is_not_sent_it_again(sender: EmailSender, mailbox: Mailbox) -> None:
    mailbox.refusals["bob@example.org"] = "450 grey-listed"
    with pytest.raises(TryAgain, match=r"bob@example\.org: 450"):
        await sender.send(CHANNEL, {}, rendered())
    mailbox.refusals.clear()
    await sender.send(CHANNEL, {}, rendered())
    assert mailbox.recipients == [["ada@example.org"], ["bob@example.org"]]


async def test_who_is_unknown_is_named_and_the_others_have_it(sender: EmailSender, mailbox: Mailbox) -> None:
    mailbox.refusals["bob@example.org"] = "550 no such user"
    with pytest.raises(Undeliverable, match=r"bob@example\.org: 550 no such user"):
        await sender.send(CHANNEL, {}, rendered())
    assert mailbox.recipients == [["ada@example.org"]]


async def test_a_server_that_is_away_is_tried_again() -> None:
    sender = EmailSender(MailServer("127.0.0.1", 9, tls=False), "s@farm.example", ManualClock())
    with pytest.raises(TryAgain, match=r"127\.0\.0\.1:9"):
        await sender.send(CHANNEL, {}, rendered())


async def test_a_password_is_never_said_in_the_clear_to_another_machine(mailbox: Mailbox) -> None:
    # The name leads to this machine, and does not say so.
    server = MailServer("localhost.", mailbox.port, tls=False, user="ada", password="secret")
    with pytest.raises(TryAgain) as refused:
        await EmailSender(server, "s@farm.example", ManualClock()).send(CHANNEL, {}, rendered())
    assert "secret" not in str(refused.value)
    assert mailbox.mails == []


async def test_nobody_to_write_to_is_a_fault_of_the_channel(sender: EmailSender) -> None:
    with pytest.raises(Undeliverable, match="no address"):
        await sender.send(Channel(channel="mail", kind="email"), {}, rendered())


def test_a_url_says_where_who_and_how(tmp_path: Path) -> None:
    assert mail_server("smtp://mail.example") == MailServer("mail.example", 25, tls=False)
    server = mail_server("smtps://a%40b:p%3Aw@mail.example")
    assert server == MailServer("mail.example", 465, tls=True, user="a@b", password="p:w")
    assert "p:w" not in repr(server)
    (tmp_path / "password").write_text("from a file\n")
    assert mail_server("smtp://ada@mail.example:587", tmp_path / "password").password == "from a file"


@pytest.mark.parametrize("url", ["mail.example", "http://mail.example", "smtp://", "smtp://mail.example:mail"])
def test_a_url_that_cannot_be_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(WrongSetting, match="SILOSCOPE_SMTP_URL"):
        mail_server(url)


def test_a_password_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(WrongSetting, match="SILOSCOPE_SMTP_PASSWORD_FILE"):
        mail_server("smtp://ada@mail.example", tmp_path / "missing")
