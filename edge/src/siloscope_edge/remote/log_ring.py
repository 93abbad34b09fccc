"""The newest lines of the log, in bounded memory, for whoever asks what happened."""

import logging
from collections import deque
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

MOST_LINES = 400
_LONGEST_LINE = 1_000
_OURS = ("event", "level", "logger", "timestamp", "service")


class LogRing(logging.Handler):
    """Keeps what is logged.

    Args:
        secrets: Texts that are in none of the lines that are given out.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        super().__init__()
        self._lines: deque[str] = deque(maxlen=MOST_LINES)
        self._secrets = [each for each in secrets if each]

    def emit(self, record: logging.LogRecord) -> None:
        at = datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        line = f"{at} {record.levelname.lower()} {record.name}: {_told(record)}"
        for secret in self._secrets:
            line = line.replace(secret, "***")
        self._lines.append(line[:_LONGEST_LINE])

    @property
    def lines(self) -> list[str]:
        """What is kept, oldest first."""
        return list(self._lines)


def _told(record: logging.LogRecord) -> str:
    event: Any = record.msg
    if not isinstance(event, dict):
        text = record.getMessage()
        return f"{text}: {record.exc_info[1]!r}" if record.exc_info and record.exc_info[1] else text
    details = " ".join(f"{name}={value}" for name, value in event.items() if name not in _OURS and name[:1] != "_")
    return f"{event.get('event', '')} {details}".rstrip()
