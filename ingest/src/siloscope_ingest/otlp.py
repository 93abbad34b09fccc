"""Sends spans to a collector: OTLP over HTTP, as JSON. The exporter of the SDK's makers would bring seven packages.

Source:
    OpenTelemetry Protocol Specification 1.3, "OTLP/HTTP", JSON Protobuf encoding: ids in hexadecimal, 64-bit numbers as
    strings.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import structlog
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from siloscope_process.errors import WrongSetting

_log = structlog.get_logger(__name__)
_PATIENCE_S = 5.0
_KINDS = {"INTERNAL": 1, "SERVER": 2, "CLIENT": 3, "PRODUCER": 4, "CONSUMER": 5}


class OtlpExporter(SpanExporter):
    """Posts spans; those that a collector does not take are dropped, and that is logged once until it takes some again.

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
        self._failing = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Post spans."""
        request = Request(  # noqa: S310 - the scheme was checked
            self._url, json.dumps(document(spans)).encode(), {"Content-Type": "application/json"}
        )
        try:
            with urlopen(request, timeout=_PATIENCE_S) as answer:  # noqa: S310
                answer.read()
        except (OSError, ValueError) as error:
            if isinstance(error, HTTPError):
                error.close()
            if not self._failing:
                _log.warning("traces_dropped", reason=str(error), spans=len(spans))
            self._failing = True
            return SpanExportResult.FAILURE
        self._failing = False
        return SpanExportResult.SUCCESS


def document(spans: Sequence[ReadableSpan]) -> dict[str, Any]:
    """Return ExportTraceServiceRequest of spans of one resource."""
    resource = spans[0].resource.attributes if spans else {}
    scope = {"scope": {"name": "siloscope_ingest"}, "spans": [_span(each) for each in spans]}
    return {"resourceSpans": [{"resource": {"attributes": _attributes(resource)}, "scopeSpans": [scope]}]}


def _span(span: ReadableSpan) -> dict[str, Any]:
    context = span.context
    assert context is not None
    found = {
        "traceId": f"{context.trace_id:032x}",
        "spanId": f"{context.span_id:016x}",
        "name": span.name,
        "kind": _KINDS[span.kind.name],
        "startTimeUnixNano": str(span.start_time),
        "endTimeUnixNano": str(span.end_time),
        "attributes": _attributes(span.attributes or {}),
    }
    if span.parent is not None:
        found["parentSpanId"] = f"{span.parent.span_id:016x}"
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
