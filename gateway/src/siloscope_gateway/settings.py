"""What `siloscope gateway` can be told by environment variables."""

from typing import Annotated

from msgspec import Meta, Struct


class GatewaySettings(Struct, frozen=True, kw_only=True):
    """Settings of `siloscope gateway`."""

    database_url: Annotated[str, Meta(description="PostgreSQL URL, postgresql://user:password@host:port/database")]
