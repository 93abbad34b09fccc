"""Spans as an OpenTelemetry collector takes them: OTLP over HTTP, as JSON. The exporter of the SDK's makers would bring
seven packages.

Source:
    OpenTelemetry Protocol Specification 1.3, "OTLP/HTTP", JSON Protobuf encoding: ids in hexadecimal, 64-bit numbers as
    strings.
"""

import json
from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import msgspec

from siloscope_process.errors import WrongSetting

_PATIENCE_S = 5.0


class Kind(IntEnum):
    """What a span stands for."""

    INTERNAL = 1
    SERVER = 2
    CLIENT = 3
    PRODUCER = 4
    CONSUMER = 5


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """One span.

    Attributes:
        trace_id: 128 bits.
        span_id, parent_id: 64 bits.
        start_ns, end_ns: Nanoseconds since 1970 UTC.
    """

    trace_id: int
    span_id: int
    parent_id: int | None = None
    name: str
    kind: Kind = Kind.INTERNAL
    start_ns: int
    end_ns: int
    attributes: Mapping[str, Any] = {}


class NotTaken(OSError):
    """The collector did not take the spans; the text says why."""


class Collector:
    """Where spans are posted.

    Args:
        url: The collector's whole URL: http://host:4318/v1/traces.

    Raises:
        WrongSetting: It is no http URL.
    """

    def __init__(self, url: str) -> None:
        if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
            expected = "http://host:4318/v1/traces of an OpenTelemetry collector"
            raise WrongSetting(f"SILOSCOPE_TRACES_URL: found {url!r}; expected {expected}")
        self._url = url

    def post(self, resource: Mapping[str, Any], scope: str, spans: Sequence[Span]) -> None:
        """Post spans of one resource; this blocks for at most some seconds.

        Raises:
            NotTaken: The collector cannot be reached, or refuses them.
        """
        body = json.dumps(document(resource, scope, spans)).encode()
        request = Request(self._url, body, {"Content-Type": "application/json"})  # noqa: S310 - the scheme was checked
        try:
            with urlopen(request, timeout=_PATIENCE_S) as answer:  # noqa: S310
                answer.read()
        except (OSError, ValueError) as error:
            if isinstance(error, HTTPError):
                error.close()
            raise NotTaken(str(error)) from error


def document(resource: Mapping[str, Any], scope: str, spans: Sequence[Span]) -> dict[str, Any]:
    """Return the ExportTraceServiceRequest of spans."""
    scoped = {"scope": {"name": scope}, "spans": [_spelled(each) for each in spans]}
    return {"resourceSpans": [{"resource": {"attributes": _attributes(resource)}, "scopeSpans": [scoped]}]}


def _spelled(span: Span) -> dict[str, Any]:
    found = {
        "traceId": f"{span.trace_id:032x}",
        "spanId": f"{span.span_id:016x}",
        "name": span.name,
        "kind": int(span.kind),
        "startTimeUnixNano": str(span.start_ns),
        "endTimeUnixNano": str(span.end_ns),
        "attributes": _attributes(span.attributes),
    }
    if span.parent_id is not None:
        found["parentSpanId"] = f"{span.parent_id:016x}"
    return found


def _attributes(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": _value(value)} for key, value in found.items()]


def _value(value: object) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    return {"stringValue": str(value)}
