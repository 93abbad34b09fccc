"""Structured logs on stderr: JSON lines for machines, a readable form for a terminal."""

import logging
import sys
from typing import Any, Literal, TextIO

import structlog
from structlog.typing import Processor

Style = Literal["json", "pretty", "auto"]


def configure(service: str, *, style: Style = "auto", level: str = "info", stream: TextIO | None = None) -> None:
    """Send structlog's and the standard library's records to stderr in one form.

    Args:
        service: Bound to every record as `service`.
        style: `auto` is pretty on a terminal and JSON elsewhere.
        level: Least level that is logged: debug, info, warning or error.
        stream: Where records go; stderr unless told.
    """
    target = stream or sys.stderr
    pretty = style == "pretty" or (style == "auto" and target.isatty())
    shared = _shared_processors(service)
    handler = logging.StreamHandler(target)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_rendering(target, pretty=pretty)],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def _shared_processors(service: str) -> list[Processor]:
    def name_service(_logger: Any, _method: str, event: Any) -> Any:
        event.setdefault("service", service)
        return event

    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        name_service,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]


def _rendering(target: TextIO, *, pretty: bool) -> list[Processor]:
    if pretty:
        # structlog's default prints every local variable where rich is installed: slow, and passwords are among them.
        plain = structlog.dev.plain_traceback
        return [structlog.dev.ConsoleRenderer(colors=target.isatty(), exception_formatter=plain)]
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
