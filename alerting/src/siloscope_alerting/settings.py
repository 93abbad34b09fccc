"""What `siloscope alerting` can be told by environment variables."""

from typing import Annotated

from msgspec import Meta

from siloscope_process.settings import ServiceSettings


class AlertingSettings(ServiceSettings, frozen=True, kw_only=True):
    """Settings of `siloscope alerting` and `siloscope alerts`."""

    database_url: Annotated[
        str, Meta(description="PostgreSQL 15 or newer: postgresql://user:password@host:port/database")
    ]
    public_url: Annotated[
        str | None, Meta(description="Address of the web page as readers reach it, for links; unset = no links")
    ] = None
    smtp_url: Annotated[
        str | None,
        Meta(description="smtp://user:password@host:port, smtps:// for TLS from the start; unset = no email"),
    ] = None
    smtp_password_file: Annotated[
        str | None, Meta(description="File whose first line is the password; stands for the one in the URL")
    ] = None
    mail_from: Annotated[str, Meta(description="Sender of email")] = "siloscope@localhost"
    telegram_url: Annotated[str, Meta(description="Where Telegram's Bot API answers")] = "https://api.telegram.org"
    heartbeat_url: Annotated[
        str | None, Meta(description="Called every minute while rules are evaluated and messages leave; unset = nobody")
    ] = None
    evaluate_every_s: Annotated[float, Meta(description="Time between two looks at what is new", ge=0.05, le=60)] = 0.25
    silent_after_s: Annotated[
        float,
        Meta(
            description="A node is silent when nothing came for three of its intervals, and at least for so long", ge=1
        ),
    ] = 120.0
