"""What `siloscope gateway` can be told by environment variables."""

from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct

from siloscope_process.settings import ServiceSettings

_DATABASE = "PostgreSQL URL, postgresql://user:password@host:port/database"


class GatewaySettings(Struct, frozen=True, kw_only=True):
    """Settings of `siloscope gateway`."""

    database_url: Annotated[str, Meta(description=_DATABASE)]


class ServeSettings(ServiceSettings, frozen=True, kw_only=True):
    """Settings of `siloscope gateway serve`."""

    database_url: Annotated[str, Meta(description=_DATABASE)]
    mqtt_url: Annotated[
        str, Meta(description="mqtt://user:password@host:port of a gateway credential; mqtts:// for TLS")
    ]
    mqtt_password_file: Annotated[
        Path | None, Meta(description="File whose first line is the broker password; stands for the one in the URL")
    ] = None
