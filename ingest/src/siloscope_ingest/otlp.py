"""Brings the spans of OpenTelemetry's SDK to a collector."""

from collections.abc import Sequence

import structlog
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from siloscope_process.otlp import Collector, Kind, NotTaken, Span

_log = structlog.get_logger(__name__)
_SCOPE = "siloscope_ingest"


class OtlpExporter(SpanExporter):
    """Posts spans; those that a collector does not take are dropped, and that is logged once until it takes some again.

    Args:
        collector: Where to.
    """

    def __init__(self, collector: Collector) -> None:
        self._collector = collector
        self._failing = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Post spans of one resource."""
        resource = spans[0].resource.attributes if spans else {}
        try:
            self._collector.post(resource, _SCOPE, [_plain(each) for each in spans])
        except NotTaken as error:
            if not self._failing:
                _log.warning("traces_dropped", reason=str(error), spans=len(spans))
            self._failing = True
            return SpanExportResult.FAILURE
        self._failing = False
        return SpanExportResult.SUCCESS


def _plain(span: ReadableSpan) -> Span:
    context = span.context
    assert context is not None
    assert span.start_time is not None
    return Span(
        trace_id=context.trace_id,
        span_id=context.span_id,
        parent_id=None if span.parent is None else span.parent.span_id,
        name=span.name,
        kind=Kind[span.kind.name],
        start_ns=span.start_time,
        end_ns=span.end_time or span.start_time,
        attributes=span.attributes or {},
    )
