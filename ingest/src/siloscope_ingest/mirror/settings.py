"""What `siloscope mirror` can be told by environment variables."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

from msgspec import Meta

from siloscope_process.settings import ServiceSettings


class MirrorSettings(ServiceSettings, frozen=True, kw_only=True):
    """Settings of `siloscope mirror`."""

    database_url: Annotated[
        str, Meta(description="PostgreSQL 15 or newer: postgresql://user:password@host:port/database")
    ]
    mirror_url: Annotated[
        str, Meta(pattern="^https?://[^@]+$", description="Where the write API is: http://host:8086, without /api")
    ]
    mirror_bucket: Annotated[str, Meta(min_length=1, description="Bucket there")]
    mirror_org: Annotated[str, Meta(description="Organisation there")] = "siloscope"
    mirror_token: Annotated[str | None, Meta(description="Token that may write to the bucket")] = None
    mirror_token_file: Annotated[
        Path | None, Meta(description="File whose first line is the token; stands for the one above")
    ] = None
    mirror_since: Annotated[
        datetime | None,
        Meta(description="At its first start, mirror samples from this time on, ISO 8601 with an offset; unset = now"),
    ] = None
    mirror_points: Annotated[int, Meta(description="Most points of a request", ge=1, le=100_000)] = 5_000
    mirror_timeout_s: Annotated[float, Meta(description="Longest wait for an answer", gt=0, le=600)] = 30

    def __post_init__(self) -> None:
        """Judge what a type cannot."""
        if self.mirror_since is not None and self.mirror_since.tzinfo is None:
            raise ValueError("SILOSCOPE_MIRROR_SINCE has no offset; expected ISO 8601 such as 2026-01-31T00:00:00Z")
