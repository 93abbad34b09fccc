"""What Prometheus is told about the API."""

from prometheus_client import Counter, Gauge, Histogram

from siloscope_process.metrics import process_registry

_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))


class Metrics:
    """The API's numbers, in a registry of their own so that two apps in one process do not meet."""

    def __init__(self) -> None:
        self.registry = process_registry()
        self._requests = Histogram(
            "siloscope_api_request_seconds",
            "Time from a request's head to the end of its response",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self.live_clients = Gauge("siloscope_api_live_clients", "Open live streams", registry=self.registry)
        self.live_dropped = Counter(
            "siloscope_api_live_dropped", "Live streams ended because the client was too slow", registry=self.registry
        )
        self.live_changes = Counter(
            "siloscope_api_live_changes", "Readings that went out to live streams", registry=self.registry
        )

    def request(self, method: str, route: str, status: int, duration_s: float) -> None:
        """Count one request."""
        known = method if method in _METHODS else "other"
        self._requests.labels(known, route, str(status)).observe(duration_s)
