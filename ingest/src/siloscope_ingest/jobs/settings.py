"""What `siloscope jobs` can be told by environment variables."""

from pathlib import Path
from typing import Annotated

from msgspec import Meta

from siloscope_process.settings import ServiceSettings


class JobsSettings(ServiceSettings, frozen=True, kw_only=True):
    """Settings of `siloscope jobs`."""

    database_url: Annotated[
        str, Meta(description="PostgreSQL 15 or newer: postgresql://user:password@host:port/database")
    ]
    rollup_grace_s: Annotated[
        float,
        Meta(
            description="How long after its end a roll-up bucket stays open for samples; later ones repair it",
            ge=0,
            le=86_400,
        ),
    ] = 60
    archive_directory: Annotated[
        Path | None,
        Meta(description="Folder of the archive; unset = raw samples that must be archived first are kept for ever"),
    ] = None
    compress_after_days: Annotated[
        float, Meta(description="Chunks older than this are compressed, on TimescaleDB Community", ge=1, le=36_525)
    ] = 14
    quarantine_days: Annotated[float, Meta(description="How long refused messages are kept", gt=0, le=36_525)] = 90
    quarantine_mib: Annotated[
        int, Meta(description="How many MiB of refused messages are kept of an organisation; the oldest go first", ge=1)
    ] = 256
