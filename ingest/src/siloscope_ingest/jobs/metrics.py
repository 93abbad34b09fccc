"""The numbers that `siloscope jobs` shows on /metrics."""

from prometheus_client import CollectorRegistry, Counter, Gauge


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
        self.lag_s = Gauge(
            "siloscope_rollup_lag_seconds",
            "How long closed buckets have waited to be computed",
            ["level"],
            registry=registry,
        )
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
