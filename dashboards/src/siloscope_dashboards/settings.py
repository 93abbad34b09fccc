"""What the API can be told from outside; only `main` reads it."""

from ipaddress import ip_network
from pathlib import Path
from typing import Annotated

from msgspec import Meta

from siloscope_process.settings import ServiceSettings


class Settings(ServiceSettings, frozen=True, kw_only=True):
    """Settings of `siloscope api`."""

    database_url: Annotated[str, Meta(description="PostgreSQL URL, postgresql://user:password@host:port/database")]
    http_host: Annotated[str, Meta(description="Address that the HTTP server listens on")] = "127.0.0.1"
    http_port: Annotated[int, Meta(ge=0, le=65535, description="Port of the HTTP server; 0 = any free one")] = 8080
    home: Annotated[
        Path | None,
        Meta(
            description="Folder of the signing key and the first administrator's generated login; unset = kept nowhere"
        ),
    ] = None
    organisation: Annotated[
        str | None,
        Meta(description="Slug of the first administrator's organisation; unset = the oldest, or home is created"),
    ] = None
    trusted_proxies: Annotated[
        str | None,
        Meta(description="Comma-separated addresses or networks whose X-Forwarded-* headers are believed; * = all"),
    ] = None

    def __post_init__(self) -> None:
        """Refuse what uvicorn would take for the name of a socket, and so believe nobody.

        Raises:
            ValueError: One of the trusted proxies is no address.
        """
        for proxy in (self.trusted_proxies or "*").split(","):
            if proxy.strip() != "*":
                _require_address(proxy.strip())


def _require_address(text: str) -> None:
    try:
        ip_network(text)
    except ValueError as error:
        expected = "addresses such as 10.0.0.5 or networks such as 10.0.0.0/24, with commas between, or *"
        raise ValueError(f"SILOSCOPE_TRUSTED_PROXIES has {text!r}; expected {expected} ({error})") from error
