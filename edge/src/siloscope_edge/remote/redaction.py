"""Settings as they may be shown to anybody: what could be a secret is left out by its name, and by its shape."""

import re
from typing import Any

HIDDEN = "***"
_SECRET_NAME = re.compile(
    r"password|passwd|passphrase|secret|token|credential|(api|private)_?key|authorization|username|headers?$|^(pin|auth)$",
    re.IGNORECASE,
)
_PATH_NAME = re.compile(r"_(file|directory)$")
_USER_IN_URL = re.compile(r"(?<=://)[^/?#\s]+@")
_QUERY_IN_URL = re.compile(r"(://[^?\s]*)\?\S*")


def redacted(value: Any, name: str = "") -> Any:
    """Return plain data without secrets: where one is set, that alone is shown.

    >>> redacted({"host": "broker", "password": "hunter2", "url": "https://ada:pw@host/x?key=1", "password_file": "p"})
    {'host': 'broker', 'password': '***', 'url': 'https://***@host/x?***', 'password_file': 'p'}
    """
    if value is not None and value != "" and _SECRET_NAME.search(name) and not _PATH_NAME.search(name):
        return HIDDEN
    if isinstance(value, dict):
        return {str(key): redacted(each, str(key)) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [redacted(each) for each in value]
    return without_login(value) if isinstance(value, str) else value


def without_login(text: str) -> str:
    """Return a text whose addresses show neither user nor password nor query.

    >>> without_login("mqtt://ada:pw@broker:1883 refuses")
    'mqtt://***@broker:1883 refuses'
    """
    return _QUERY_IN_URL.sub(rf"\1?{HIDDEN}", _USER_IN_URL.sub(f"{HIDDEN}@", text))
