"""A broker's configuration as files, readable for their owner alone and replaced whole."""

import os
from collections.abc import Sequence
from pathlib import Path

from siloscope_gateway.brokers.mosquitto import MosquittoSettings, mosquitto_acl, mosquitto_config, mosquitto_passwords
from siloscope_gateway.brokers.nats import NatsCluster, NatsSettings, nats_config
from siloscope_gateway.credentials import Recognition


def write_nats(
    folder: Path,
    host: str,
    port: int,
    recognitions: Sequence[Recognition],
    *,
    client_host: str = "127.0.0.1",
    client_port: int = 4222,
    cluster: NatsCluster | None = None,
) -> list[Path]:
    """Write `nats.conf`; return what was written."""
    settings = NatsSettings(
        port, client_port, folder / "jetstream", host=host, client_host=client_host, cluster=cluster
    )
    return [_written(folder / "nats.conf", nats_config(settings, recognitions))]


def write_mosquitto(folder: Path, host: str, port: int, recognitions: Sequence[Recognition]) -> list[Path]:
    """Write `mosquitto.conf`, its password file and its access list; return what was written."""
    settings = MosquittoSettings(port, folder / "passwords", folder / "acl", folder, host=host)
    return [
        _written(settings.password_file, mosquitto_passwords(recognitions)),
        _written(settings.acl_file, mosquitto_acl(recognitions)),
        _written(folder / "mosquitto.conf", mosquitto_config(settings)),
    ]


def _written(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    partial.rename(path)
    return path
