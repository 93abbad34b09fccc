"""The numbers that the mirror shows on /metrics."""

from prometheus_client import CollectorRegistry, Counter, Gauge


class MirrorMetrics:
    """The mirror's metrics.

    Args:
        registry: Where they are shown.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        name = "siloscope_mirror_"
        self.points = Counter(name + "points", "Points that the endpoint took, repeated ones too", registry=registry)
        self.refused = Counter(name + "refused", "Points that it refused, set aside", registry=registry)
        self.lag_s = Gauge(
            name + "lag_seconds", "Age of the newest time up to which all is mirrored", registry=registry
        )
        self.touched = Gauge(name + "touched_hours", "Hours of groups that wait to be sent again", registry=registry)
        self.set_aside = Gauge(name + "set_aside_points", "Refused points that are kept", registry=registry)
