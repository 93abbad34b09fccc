"""What `siloscope db` can be told by environment variables."""

from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct


class DatabaseSettings(Struct, frozen=True, kw_only=True):
    """Settings of `siloscope db`."""

    database_url: Annotated[
        str, Meta(description="PostgreSQL 15 or newer: postgresql://user:password@host:port/database")
    ]
    archive_directory: Annotated[
        Path | None, Meta(description="Folder of the archive: what leaves the database is there, as Parquet files")
    ] = None
