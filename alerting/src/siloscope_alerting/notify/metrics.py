"""What Prometheus is told of messages."""

from prometheus_client import CollectorRegistry, Counter, Histogram

_SECONDS = (0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 1_800, 7_200)


class DeliveryMetrics:
    """Counts of attempts and held messages, and how long delivered ones took from the outbox on."""

    def __init__(self, registry: CollectorRegistry) -> None:
        name = "siloscope_notifications"
        self._attempts = Counter(f"{name}_attempts", "Attempts to deliver", ["kind", "outcome"], registry=registry)
        self._held = Counter(f"{name}_held", "Messages over their channel's limit", ["kind"], registry=registry)
        self._seconds = Histogram(
            f"{name}_delivery_seconds", "From enqueued to claimed and delivered", buckets=_SECONDS, registry=registry
        )

    def attempted(self, kind: str, outcome: str, age_s: float) -> None:
        """Count an attempt on a kind of channel; `age_s` is the message's when it was claimed."""
        self._attempts.labels(kind, outcome).inc()
        if outcome == "delivered":
            self._seconds.observe(age_s)

    def held(self, kind: str, count: int) -> None:
        """Count messages that were held back."""
        if count:
            self._held.labels(kind).inc(count)
