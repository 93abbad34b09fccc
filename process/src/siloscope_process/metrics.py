"""The registry that a service's numbers go into, with those that every process has."""

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector, disable_created_metrics


def process_registry() -> CollectorRegistry:
    """Return a new registry that already tells CPU time, memory, open files, start time and Python's version.

    Prometheus makes the age of a counter from its own samples: a `_created` series beside each would only double them.
    """
    disable_created_metrics()  # type: ignore[no-untyped-call]  # prometheus_client leaves this one function untyped
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    return registry
