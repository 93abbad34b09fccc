"""The numbers that ingest shows on /metrics."""

from collections.abc import Callable, Iterable, Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

import siloscope_native as native

_COMMIT_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_BATCH_BUCKETS = (1, 3, 10, 30, 100, 300, 1000, 3000, 10_000, 30_000)


class Metrics:
    """Ingest's metrics.

    Args:
        registry: Where they are shown.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        name = "siloscope_ingest_"
        self.compiled = Gauge(name + "compiled", "1 where compiled code reads the messages", registry=registry)
        self.compiled.set(native.IS_COMPILED)
        self.messages = Counter(name + "messages", "Messages committed or settled", registry=registry)
        self.readings = Counter(name + "readings", "Readings committed", registry=registry)
        self.quarantined = Counter(name + "quarantined", "Messages kept in quarantine", ["reason"], registry=registry)
        self.conflicts = Counter(name + "conflicts", "Second values that differ from what is kept", registry=registry)
        self.undated = Counter(name + "undated", "Samples whose time is not believed", registry=registry)
        self.ahead = Counter(
            name + "ahead", "Messages with samples from the future: never the latest", registry=registry
        )
        self.awaiting_births = Counter(
            name + "awaiting_births",
            "Packs that overtook their birth: not taken, they come again",
            registry=registry,
        )
        self.withheld = Counter(name + "withheld", "Refused messages that were only counted", registry=registry)
        self.unstored = Counter(
            name + "unstored", "Messages that even the quarantine refused: never acknowledged", registry=registry
        )
        self.clock_events = Counter(name + "clock_events", "Clocks that are not right", ["kind"], registry=registry)
        self.retries = Counter(name + "retries", "Commits tried again: the database was away", registry=registry)
        self.bisections = Counter(name + "bisections", "Batches split: their data was refused", registry=registry)
        self.watermarks = Counter(name + "watermarks", "Watermarks published", registry=registry)
        self.twins = Counter(name + "epochs_growing_at_once", "Two starts alive at once", registry=registry)
        self.batch_messages = Histogram(
            name + "batch_messages", "Messages a transaction", buckets=_BATCH_BUCKETS, registry=registry
        )
        self.commit_seconds = Histogram(
            name + "commit_seconds", "Seconds a transaction took", buckets=_COMMIT_BUCKETS_S, registry=registry
        )
        self.held_messages = Gauge(name + "held_messages", "Messages received and not yet committed", registry=registry)
        self.held_bytes = Gauge(name + "held_bytes", "Payload bytes of those", registry=registry)
        self.parked = Gauge(name + "parked_messages", "Messages that wait for the registry", registry=registry)
        self.oldest_held_s = Gauge(
            name + "oldest_held_seconds", "How long the oldest message held has waited", registry=registry
        )
        self.paused = Gauge(name + "reading_paused", "1 while no more is read: memory is full", registry=registry)
        self.stream_backlog = Gauge(
            name + "stream_backlog_messages", "Messages that wait in the JetStream stream", registry=registry
        )
        self.stragglers = Stragglers(name + "node_watermark_age_seconds")
        registry.register(self.stragglers)
        self.leads = Gauge(name + "publishes_watermarks", "1 where this worker is the publisher", registry=registry)
        self.watermarks_due = Gauge(name + "watermarks_due", "Nodes whose watermark is due", registry=registry)
        self.watermark_age_s = Gauge(
            name + "watermark_age_seconds", "How long the oldest due watermark has waited", registry=registry
        )


_MOST_NODES = 10


class Stragglers(Collector):
    """The ages of watermarks that stand still, of the few nodes that have waited longest: a label a node is not free.

    Args:
        name: Of the metric.
    """

    def __init__(self, name: str) -> None:
        self.oldest: Callable[[int], Iterable[tuple[str, float]]] = lambda _: ()
        self._name = name

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Return the ages as they are now."""
        what = "How long a watermark has stood still though later numbers are committed, the oldest ten"
        found = GaugeMetricFamily(self._name, what, labels=["node"])
        for node, age_s in self.oldest(_MOST_NODES):
            found.add_metric([node], age_s)
        yield found
