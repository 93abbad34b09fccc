"""The evaluator's numbers."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class WatchMetrics:
    """What /metrics says of rounds.

    Args:
        registry: Where they go.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self.rounds = Counter("siloscope_alert_rounds", "Rounds that were kept", registry=registry)
        self.failed = Counter("siloscope_alert_rounds_failed", "Rounds that were begun anew", registry=registry)
        self.round_seconds = Histogram(
            "siloscope_alert_round_seconds", "What a round took, by part", ["part"], buckets=_SECONDS, registry=registry
        )
        self.readings = Counter("siloscope_alert_readings", "Readings evaluated", ["arrival"], registry=registry)
        self.transitions = Counter(
            "siloscope_alert_transitions", "Changes of alerts, by reason", ["reason"], registry=registry
        )
        self.subjects = Gauge("siloscope_alert_subjects", "Subjects looked at in the last round", registry=registry)
        self.incidents = Gauge("siloscope_alert_incidents_open", "Open incidents", registry=registry)
        self.leads = Gauge(
            "siloscope_alert_leads", "1 where this process evaluates, 0 where it stands by", registry=registry
        )
        self.term = Gauge("siloscope_alert_term", "Term of the lease that was held last", registry=registry)
        self.absent_age = Gauge(
            "siloscope_alert_absence_age_seconds",
            "Server time less the time up to which absence is judged",
            registry=registry,
        )
        self.platform_down = Gauge(
            "siloscope_alert_platform_down", "1 where no ingest worker hears its broker", registry=registry
        )
