"""The numbers that `siloscope jobs` shows on /metrics."""

from collections.abc import Callable, Iterable, Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector


class JobMetrics:
    """Numbers of every job, by its name.

    Args:
        registry: Where they are shown.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        name = "siloscope_job_"
        self.leads = Gauge(name + "leads", "1 where this process holds the job's lock", ["job"], registry=registry)
        self.runs = Counter(name + "runs", "Runs that ended well", ["job"], registry=registry)
        self.failures = Counter(name + "failures", "Runs that failed", ["job"], registry=registry)
        self.last_success = Gauge(
            name + "last_success_timestamp_seconds", "When a run ended well last", ["job"], registry=registry
        )
        self.duration_s = Gauge(name + "last_duration_seconds", "How long that run took", ["job"], registry=registry)
        self.standing_by: set[str] = set()
        """Jobs that another process does: what is known of them here is old."""
        self.rollup_lags = RollupLags()
        registry.register(self.rollup_lags)
        self.touched = Gauge("siloscope_rollup_touched_hours", "Marks of late samples that wait", registry=registry)
        self.archived_files = Counter("siloscope_archive_files", "Archive files written", registry=registry)
        self.dropped_spans = Counter("siloscope_retention_spans", "Chunks or partitions dropped", registry=registry)
        self.deleted_rows = Counter("siloscope_retention_rows", "Rows deleted for their age", registry=registry)
        self.kept_beyond = Gauge(
            "siloscope_retention_kept_beyond", "What is older than it is kept and stays for now", registry=registry
        )
        self.broken_files = Gauge(
            "siloscope_archive_broken_files", "Archive files that stand in the way of retention", registry=registry
        )


class RollupLags(Collector):
    """How far roll-ups are behind, by level, at the moment of the question: it grows while nothing gets done."""

    def __init__(self) -> None:
        self.by_level: Callable[[], Iterable[tuple[str, float]]] = lambda: ()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Return the lags as they are now."""
        what = "How long closed buckets have waited to be computed"
        found = GaugeMetricFamily("siloscope_rollup_lag_seconds", what, labels=["level"])
        for level, lag_s in self.by_level():
            found.add_metric([level], lag_s)
        yield found
