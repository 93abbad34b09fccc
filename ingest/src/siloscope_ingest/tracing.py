"""Traces of some packs, from their samples to their commit. Imported only where traces are switched on.

One span stands for the pack's whole way, from its oldest sample to the commit. Below it, one ends when the message
arrives here (the spool, the network, the broker), and one when it is committed (decoding, waiting for company, the
transaction).
"""

import structlog
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.id_generator import IdGenerator, RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import SpanKind, set_span_in_context
from opentelemetry.util.types import AttributeValue

from siloscope_contract.traces import is_traced, pack_span_id, trace_id
from siloscope_ingest.batches import Batch
from siloscope_ingest.entries import Entry
from siloscope_process.clock import Clock

_log = structlog.get_logger(__name__)
_MOST_WAITING = 4096
_MOST_A_REQUEST = 512
_EVERY_MS = 2000


class PackTraces:
    """Makes the spans of committed packs.

    Args:
        exporter: Where they go, in a thread of its own; what it cannot keep up with is dropped.
        every: Every how manieth pack of an epoch is traced.
        worker: Who we are.
        clock: For the time of the commit.
    """

    def __init__(self, exporter: SpanExporter, every: int, worker: str, clock: Clock) -> None:
        self._every = every
        self._clock = clock
        self._ids = _GivenIds()
        self._provider = TracerProvider(
            sampler=ALWAYS_ON,
            resource=Resource({"service.name": "siloscope ingest", "service.instance.id": worker}),
            id_generator=self._ids,
            shutdown_on_exit=False,
        )
        self._provider.add_span_processor(
            BatchSpanProcessor(
                exporter,
                max_queue_size=_MOST_WAITING,
                schedule_delay_millis=_EVERY_MS,
                max_export_batch_size=_MOST_A_REQUEST,
                export_timeout_millis=10_000,
            )
        )
        self._tracer = self._provider.get_tracer("siloscope_ingest")

    def committed(self, batch: Batch) -> None:
        """Make the spans of those packs of a committed batch that are traced."""
        every, done_ms = self._every, self._clock.now_ms()
        for entry in batch.entries:
            if entry.seq is not None and is_traced(entry.seq, every) and entry.completes and entry.stream is not None:
                self._trace(entry, entry.stream[1], entry.seq, done_ms, len(batch.entries))

    def close(self) -> None:
        """Send what waits."""
        self._provider.shutdown()

    def _trace(self, entry: Entry, epoch: str, seq: int, done_ms: int, messages: int) -> None:
        arrived_ms = entry.delivery.received_ms
        began_ms = min([arrived_ms, *(time_ms for _, time_ms, _ in entry.rows)])
        about: dict[str, AttributeValue] = {
            "silo.epoch": epoch,
            "silo.seq": seq,
            "silo.topic": entry.delivery.topic,
            "silo.samples": len(entry.rows),
            "silo.readings": entry.readings,
            "silo.refused": entry.refused is not None,
        }
        self._ids.give(trace_id(epoch, seq), pack_span_id(epoch, seq))
        whole = self._tracer.start_span(
            "pack", context=Context(), kind=SpanKind.CONSUMER, attributes=about, start_time=_ns(began_ms)
        )
        within = set_span_in_context(whole, Context())
        for name, from_ms, to_ms in (("arrive", began_ms, arrived_ms), ("store", arrived_ms, max(arrived_ms, done_ms))):
            span = self._tracer.start_span(name, context=within, start_time=_ns(from_ms))
            if name == "store":
                span.set_attribute("silo.batch_messages", messages)
            span.end(_ns(to_ms))
        whole.end(_ns(max(arrived_ms, done_ms)))


class _GivenIds(IdGenerator):
    """Gives the next trace and its first span the ids of a pack, and random ones to all other spans."""

    def __init__(self) -> None:
        self._random = RandomIdGenerator()
        self._trace_id: int | None = None
        self._span_id: int | None = None

    def give(self, of_trace: int, of_span: int) -> None:
        """Set the next ids."""
        self._trace_id, self._span_id = of_trace, of_span

    def generate_trace_id(self) -> int:
        given, self._trace_id = self._trace_id, None
        return given or self._random.generate_trace_id()

    def generate_span_id(self) -> int:
        given, self._span_id = self._span_id, None
        return given or self._random.generate_span_id()


def _ns(time_ms: int) -> int:
    return time_ms * 1_000_000
