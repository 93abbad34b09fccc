"""Traces of packs, as a collector gets them."""

import json
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from threading import Thread
from typing import Any

import pytest

from siloscope_contract.traces import pack_span_id, trace_id
from siloscope_ingest.otlp import OtlpExporter
from siloscope_ingest.tracing import PackTraces
from siloscope_process import otlp
from siloscope_process.clock import SystemClock
from tests.ingest.conftest import Farm, running_ingest
from tests.ingest.fake_broker import fake_broker
from tests.ingest.messages import EPOCH, SAMPLES, pack
from tests.ingest.waiting import eventually


class Collector(ThreadingHTTPServer):
    """Takes what is posted, or refuses it."""

    daemon_threads = True

    def __init__(self) -> None:
        self.posted: Queue[dict[str, Any]] = Queue()
        self.answer = 200
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1/traces"


class _Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.posted.put(json.loads(body))
        self.send_response(self.server.answer)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def spans_of(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [span for each in document["resourceSpans"] for scope in each["scopeSpans"] for span in scope["spans"]]


@pytest.mark.postgres
async def test_a_pack_in_so_many_is_traced_from_its_sample_to_its_commit(
    collector: Collector, postgres_farm_url: str
) -> None:
    traces = PackTraces(OtlpExporter(otlp.Collector(collector.url)), 4, "main", SystemClock())
    now_ms = SystemClock().now_ms()
    async with fake_broker() as broker, running_ingest(postgres_farm_url, broker.url, traces=traces):
        connection = await broker.connection()
        for seq in range(1, 8):
            connection.deliver(SAMPLES, pack(seq, now_ms - 60_000 + seq * 1000, 1.0, 2.0), seq)
        await eventually(lambda: len(connection.acknowledged) == 7, lambda: connection.acknowledged)
    traces.close()
    spans = {span["name"]: span for span in spans_of(collector.posted.get(timeout=10))}
    assert set(spans) == {"pack", "arrive", "store"}
    assert {span["traceId"] for span in spans.values()} == {f"{trace_id(EPOCH, 4):032x}"}
    whole = spans["pack"]
    assert whole["spanId"] == f"{pack_span_id(EPOCH, 4):016x}"
    assert {spans[name]["parentSpanId"] for name in ("arrive", "store")} == {whole["spanId"]}
    assert "parentSpanId" not in whole
    assert int(whole["startTimeUnixNano"]) == (now_ms - 56_000) * 1_000_000
    assert whole["startTimeUnixNano"] == spans["arrive"]["startTimeUnixNano"]
    assert spans["arrive"]["endTimeUnixNano"] == spans["store"]["startTimeUnixNano"]
    assert whole["endTimeUnixNano"] == spans["store"]["endTimeUnixNano"]
    assert {"key": "silo.seq", "value": {"intValue": "4"}} in whole["attributes"]
    assert Farm(postgres_farm_url).value("SELECT count(*) FROM sample") == 7


@pytest.mark.postgres
async def test_a_collector_that_refuses_or_is_away_holds_up_nothing(
    collector: Collector, postgres_farm_url: str
) -> None:
    collector.answer = 503
    now_ms = SystemClock().now_ms()
    for url in (collector.url, "http://127.0.0.1:9/v1/traces"):
        traces = PackTraces(OtlpExporter(otlp.Collector(url)), 1, "main", SystemClock())
        async with fake_broker() as broker, running_ingest(postgres_farm_url, broker.url, traces=traces):
            connection = await broker.connection()
            connection.deliver(SAMPLES, pack(1, now_ms, 1.0), 1)
            await eventually(lambda connection=connection: connection.acknowledged == [1], lambda: None)  # type: ignore[misc]
        traces.close()


def test_ingest_without_traces_loads_nothing_of_the_sdk() -> None:
    asked = "import sys; import siloscope_ingest.main; print([m for m in sys.modules if m.startswith('opentelemetry')])"
    found = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
