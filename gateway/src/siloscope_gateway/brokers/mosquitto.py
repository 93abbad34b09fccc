"""The configuration of Eclipse Mosquitto: its settings, its password file, its access list."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from siloscope_gateway.credentials import Recognition

_DEFAULT_INFLIGHT = 16_000
_DEFAULT_QUEUED = 1_000_000


@dataclass(frozen=True)
class MosquittoSettings:
    """Where the broker listens and keeps its files.

    Attributes:
        password_file, acl_file: Written from `mosquitto_passwords` and `mosquitto_acl`.
        persistence_directory: Its snapshot of sessions and retained messages.
        max_inflight_messages: Unacknowledged QoS 1 messages per client; Mosquitto's own default, 20, throttles ingest.
        max_queued_messages: Kept per client that is away; Mosquitto's own default, 1000, is gone in a second.
        user: Account that it gives up root for; None = none.
    """

    port: int
    password_file: Path
    acl_file: Path
    persistence_directory: Path
    host: str = "127.0.0.1"
    max_inflight_messages: int = _DEFAULT_INFLIGHT
    max_queued_messages: int = _DEFAULT_QUEUED
    user: str | None = None


def mosquitto_config(settings: MosquittoSettings) -> str:
    """Return mosquitto.conf."""
    account = f"user {settings.user}\n" if settings.user else ""
    return f"""\
# Written by Siloscope; changes made here are lost. Users come from `siloscope gateway credential`.
{account}listener {settings.port} {settings.host}
allow_anonymous false
password_file {settings.password_file}
acl_file {settings.acl_file}
persistence true
persistence_location {settings.persistence_directory}/
autosave_interval 30
max_inflight_messages {settings.max_inflight_messages}
max_queued_messages {settings.max_queued_messages}
max_queued_bytes 1073741824
max_packet_size 262144
log_dest stderr
log_type error
log_type warning
log_type notice
"""


def mosquitto_passwords(recognitions: Iterable[Recognition]) -> str:
    """Return the password file."""
    return "".join(f"{each.username}:{each.mosquitto}\n" for each in _sorted(recognitions))


def mosquitto_acl(recognitions: Iterable[Recognition]) -> str:
    """Return the access list: what it does not name is refused."""
    return "\n".join(_block(each) for each in _sorted(recognitions))


def _block(recognition: Recognition) -> str:
    permissions = recognition.principal.permissions
    lines = [f"user {recognition.username}"]
    lines += [f"topic write {each}" for each in permissions.publish]
    lines += [f"topic read {each}" for each in permissions.subscribe]
    return "\n".join(lines) + "\n"


def _sorted(recognitions: Iterable[Recognition]) -> list[Recognition]:
    return sorted(recognitions, key=lambda each: each.username)
