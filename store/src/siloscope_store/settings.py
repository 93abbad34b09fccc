"""What `siloscope db` can be told by environment variables."""

from typing import Annotated

from msgspec import Meta, Struct


class DatabaseSettings(Struct, frozen=True, kw_only=True):
    """Settings of `siloscope db`."""

    database_url: Annotated[
        str, Meta(description="PostgreSQL 15 or newer: postgresql://user:password@host:port/database")
    ]
