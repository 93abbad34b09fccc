"""What the documentation says of ingest's metrics."""

import re
from pathlib import Path

from prometheus_client import CollectorRegistry

from siloscope_ingest.metrics import Metrics

PAGE = Path(__file__).parents[2] / "docs" / "operations.md"
ROW = re.compile(r"^\| `(siloscope_ingest_[a-z_]+)` \| (\w+) \| \S.*\|$", re.MULTILINE)


def test_each_metric_is_explained_and_none_that_is_not_there() -> None:
    registry = CollectorRegistry()
    Metrics(registry)
    shown = {metric.name + ("_total" if metric.type == "counter" else ""): metric.type for metric in registry.collect()}
    assert dict(ROW.findall(PAGE.read_text())) == shown
