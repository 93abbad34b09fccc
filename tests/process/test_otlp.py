"""Spans as a collector reads them."""

import pytest

from siloscope_process.errors import WrongSetting
from siloscope_process.otlp import Collector, Kind, NotTaken, Span, document

SPAN = Span(
    trace_id=0xAB, span_id=0xCD, parent_id=0xEF, name="publish", kind=Kind.PRODUCER, start_ns=1, end_ns=2**62,
    attributes={"seq": 7, "late": True, "share": 0.5, "epoch": "x"},
)  # fmt: skip


def test_ids_are_hexadecimal_and_long_numbers_are_strings() -> None:
    (resource,) = document({"service.name": "edge"}, "scope", [SPAN])["resourceSpans"]
    assert resource["resource"]["attributes"] == [{"key": "service.name", "value": {"stringValue": "edge"}}]
    (scope,) = resource["scopeSpans"]
    assert scope["scope"] == {"name": "scope"}
    (span,) = scope["spans"]
    assert span == {
        "traceId": "000000000000000000000000000000ab",
        "spanId": "00000000000000cd",
        "parentSpanId": "00000000000000ef",
        "name": "publish",
        "kind": 4,
        "startTimeUnixNano": "1",
        "endTimeUnixNano": str(2**62),
        "attributes": [
            {"key": "seq", "value": {"intValue": "7"}},
            {"key": "late", "value": {"boolValue": True}},
            {"key": "share", "value": {"doubleValue": 0.5}},
            {"key": "epoch", "value": {"stringValue": "x"}},
        ],
    }


@pytest.mark.parametrize("url", ["localhost:4318", "ftp://host/v1/traces", "http:///v1/traces"])
def test_what_is_no_url_is_one_line(url: str) -> None:
    with pytest.raises(WrongSetting, match=f"SILOSCOPE_TRACES_URL: found '{url}'"):
        Collector(url)


def test_a_collector_that_is_away_is_named() -> None:
    with pytest.raises(NotTaken, match="refused"):
        Collector("http://127.0.0.1:9/v1/traces").post({}, "scope", [SPAN])
