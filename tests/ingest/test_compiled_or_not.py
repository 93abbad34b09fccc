"""An operator sees whether compiled code is used, and why not."""

import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

import siloscope_native as native
from siloscope_ingest import main
from siloscope_ingest.metrics import Metrics

OBSTACLES = [None, "No module named 'siloscope_native._batches'"]


@pytest.fixture(params=OBSTACLES, ids=["compiled", "plain"])
def obstacle(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str | None:
    """Why it is not compiled, None where it is."""
    found: str | None = request.param
    monkeypatch.setattr(native, "OBSTACLE", found)
    monkeypatch.setattr(native, "IS_COMPILED", found is None)
    return found


def test_the_metric_says_it(obstacle: str | None) -> None:
    registry = CollectorRegistry()
    Metrics(registry)
    assert registry.get_sample_value("siloscope_ingest_compiled") == (obstacle is None)


def test_the_log_says_it(obstacle: str | None) -> None:
    with capture_logs() as said:
        main._say_whether_compiled()
    assert [each["event"] for each in said] == ["compiled_code"]
    if obstacle is None:
        assert (said[0]["log_level"], said[0]["used"]) == ("info", True)
    else:
        assert (said[0]["log_level"], said[0]["used"], said[0]["reason"]) == ("warning", False, obstacle)
