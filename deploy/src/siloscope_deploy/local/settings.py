"""What `siloscope up` can be told from outside."""

from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct

Port = Annotated[int, Meta(ge=1, le=65535)]


class UpSettings(Struct, frozen=True, kw_only=True):
    """Settings of `siloscope up`; its children get theirs from it."""

    home: Annotated[Path, Meta(description="Folder of all data, logs and generated credentials")] = Path(".siloscope")
    http_port: Annotated[Port, Meta(description="Port of the web page and the API on 127.0.0.1")] = 8080
    mqtt_port: Annotated[
        Port | None, Meta(description="MQTT port on 127.0.0.1; unset = the last one used, else 1883, else a free one")
    ] = None
    ingest_workers: Annotated[
        int, Meta(description="Ingest processes; more than one share a JetStream stream of the broker", ge=1, le=64)
    ] = 1
    world: Annotated[Path | None, Meta(description="World file of the simulated farm; unset = the one shipped")] = None
    log: Annotated[Literal["json", "pretty", "auto"], Meta(description="Form of the services' logs under the home")] = (
        "pretty"
    )
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], Meta(description="Least level that the services log")
    ] = "info"
