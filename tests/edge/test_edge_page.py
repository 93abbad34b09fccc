"""docs/edge.md names every setting of the clock and the spool with its default, and every metric."""

import msgspec
import pytest
from prometheus_client import CollectorRegistry, Counter

from siloscope_edge.clock_settings import ClockSettings
from siloscope_edge.config import SpoolLimits
from siloscope_edge.metrics import Metrics
from tests.house.repository import ROOT

PAGE = (ROOT / "docs" / "edge.md").read_text()


@pytest.mark.parametrize("settings", [ClockSettings, SpoolLimits])
def test_every_setting_is_in_a_table(settings: type[msgspec.Struct]) -> None:
    defaults = msgspec.to_builtins(settings())
    for field, default in defaults.items():
        (row,) = [line for line in PAGE.splitlines() if line.startswith(f"| `{field}` |")]
        shown = row.split("|")[2].strip().replace(" ", "").strip("`")
        if isinstance(default, (list, tuple)):
            assert shown == "[" + ",".join(f"{each:g}" for each in default) + "]"
        elif isinstance(default, (int, float)):
            assert float(shown) == default
        else:
            assert shown == (default or "")


def test_every_metric_is_in_the_table() -> None:
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    names = set()
    for each in vars(metrics).values():
        (name,) = {metric.name for metric in each.describe()}
        names.add(f"{name}_total" if isinstance(each, Counter) else name)
    listed = {line.split("`")[1] for line in PAGE.splitlines() if line.startswith("| `siloscope_edge_")}
    assert listed == names
