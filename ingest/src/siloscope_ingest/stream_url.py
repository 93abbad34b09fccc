"""Where the NATS cluster is: nats://host:port of each of its servers, separated by commas."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from siloscope_process.errors import WrongSetting

EXPECTED = "nats://host:port of each server, separated by commas (tls:// for TLS); user and password are those of MQTT"
_PORT = 4222


@dataclass(frozen=True)
class StreamUrl:
    """One server of the cluster."""

    host: str
    port: int
    tls: bool = False

    def __str__(self) -> str:
        """Return the URL."""
        return f"{'tls' if self.tls else 'nats'}://{self.host}:{self.port}"


def parse(text: str) -> list[StreamUrl]:
    """Read SILOSCOPE_NATS_URL.

    >>> [str(each) for each in parse("nats://a, nats://b:4223")]
    ['nats://a:4222', 'nats://b:4223']

    Raises:
        WrongSetting: It is no such list.
    """
    return [_one(part.strip()) for part in text.split(",")]


def _one(text: str) -> StreamUrl:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise WrongSetting(f"SILOSCOPE_NATS_URL: found a malformed URL ({error}); expected {EXPECTED}") from None
    if parts.scheme not in ("nats", "tls") or not parts.hostname or parts.path not in ("", "/") or parts.query:
        raise WrongSetting(f"SILOSCOPE_NATS_URL: found {parts.scheme or 'no scheme'}://…; expected {EXPECTED}")
    if parts.username is not None:
        raise WrongSetting(f"SILOSCOPE_NATS_URL: found a user in the URL; expected {EXPECTED}")
    return StreamUrl(parts.hostname, port or _PORT, parts.scheme == "tls")
