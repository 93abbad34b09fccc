"""Counting requests, for /metrics."""

from typing import Protocol

from prometheus_client import CollectorRegistry, Counter


class Traffic(Protocol):
    """Counts what passes on one bus."""

    def request(self, *, answered: bool) -> None:
        """Note a request."""
        ...


class Meter:
    """The counters of all buses."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Counter(
            "siloscope_sim_requests", "Requests that masters sent", ("bus", "outcome"), registry=registry
        )

    def on(self, bus: str) -> "BusMeter":
        """Return the counters of one bus."""
        return BusMeter(self._requests.labels(bus, "answered"), self._requests.labels(bus, "silent"))


class BusMeter:
    """The counters of one bus."""

    def __init__(self, answered: Counter, silent: Counter) -> None:
        self._answered = answered
        self._silent = silent

    def request(self, *, answered: bool) -> None:
        (self._answered if answered else self._silent).inc()
