"""What `siloscope jobs` can be told by environment variables."""

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
