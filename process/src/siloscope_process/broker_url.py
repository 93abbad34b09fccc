"""Where the broker is, and as whom: mqtt://user:password@host:port, user and password percent-encoded."""

from dataclasses import dataclass, field, replace
from urllib.parse import unquote, urlsplit

from siloscope_process.errors import WrongSetting

EXPECTED = "mqtt://user:password@host:port (mqtts:// for TLS; user and password percent-encoded)"
_PORTS = {"mqtt": 1883, "mqtts": 8883}


@dataclass(frozen=True)
class BrokerUrl:
    """A parsed URL; its text never shows the password."""

    host: str
    port: int
    tls: bool = False
    username: str | None = None
    password: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        """Return host and port, for logs."""
        return f"{self.host}:{self.port}"


def parse_all(text: str, password: str | None = None) -> list[BrokerUrl]:
    """Read a list of URLs, separated by commas: the servers of one cluster; user and password of the first serve all.

    Raises:
        WrongSetting: One of them is no such URL.
    """
    first, *others = (parse(each.strip(), password) for each in text.split(","))
    known = [
        each if each.username else replace(each, username=first.username, password=first.password) for each in others
    ]
    return [first, *known]


def parse(text: str, password: str | None = None) -> BrokerUrl:
    """Read SILOSCOPE_MQTT_URL.

    Args:
        text: The URL.
        password: Stands for the one in the URL where it is given.

    Raises:
        WrongSetting: It is no such URL; the message does not repeat the password.
    """
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise WrongSetting(f"SILOSCOPE_MQTT_URL: found a malformed URL ({error}); expected {EXPECTED}") from None
    if parts.scheme not in _PORTS or not parts.hostname or parts.path not in ("", "/") or parts.query:
        found = f"{parts.scheme}://…" if parts.scheme else "no scheme"
        raise WrongSetting(f"SILOSCOPE_MQTT_URL: found {found}; expected {EXPECTED}")
    own = None if parts.password is None else unquote(parts.password)
    return BrokerUrl(
        parts.hostname,
        port or _PORTS[parts.scheme],
        parts.scheme == "mqtts",
        None if parts.username is None else unquote(parts.username),
        own if password is None else password,
    )
