"""What the documentation says of ingest's metrics."""

import re
from pathlib import Path

from prometheus_client import CollectorRegistry

from siloscope_ingest.gauges import OldestHeld
from siloscope_ingest.metrics import Metrics

PAGE = Path(__file__).parents[2] / "docs" / "operations.md"
ROW = re.compile(r"^\| `(siloscope_ingest_[a-z_]+)` \| (\w+) \| \S.*\|$", re.MULTILINE)


def test_each_metric_is_explained_and_none_that_is_not_there() -> None:
    registry = CollectorRegistry()
    Metrics(registry)
    shown = {metric.name + ("_total" if metric.type == "counter" else ""): metric.type for metric in registry.collect()}
    assert dict(ROW.findall(PAGE.read_text())) == shown


def test_a_database_that_is_away_for_long_fills_no_memory_with_looking_at_the_clock() -> None:
    oldest = OldestHeld()
    oldest.age_s(0, 5, 5)
    for second in range(1, 1000):
        assert oldest.age_s(second, 9, 5) == second
    assert len(oldest._rounds) == 2
    assert oldest.age_s(1000, 10, 9) == 1.0
