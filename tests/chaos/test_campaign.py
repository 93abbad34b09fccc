"""Two hundred faults on real parts, and then nothing is lost, doubled, altered, invented or unaccounted for.

By hand, thousands: `python -m tests.chaos --faults 5000`; see docs/testing.md.
"""

import os
from typing import Any

import pytest

from siloscope_deploy.servers.timescale import timescale_obstacle
from siloscope_process.errors import Unavailable
from tests.chaos.campaign import Setting, run
from tests.components import REQUIRE_ALL, component_missing

pytestmark = [pytest.mark.system, pytest.mark.timeout(400)]

FAULTS = 108
LEAST_DONE = 100
PACE: dict[str, Any] = {"mean_pause_s": 0.35, "longest_s": 1.5, "wild_samples": 40, "drained_within_s": 180.0}
CAMPAIGNS = [
    pytest.param(
        Setting("nats-cluster", "postgres", 2, 20261121, FAULTS, **PACE),
        marks=[pytest.mark.nats, pytest.mark.postgres],
        id="cluster-postgres",
    ),
    pytest.param(
        Setting("mosquitto", "timescale", 2, 20261122, FAULTS, agents=1, full_disk="edge", **PACE),
        marks=[pytest.mark.mosquitto, pytest.mark.timescale],
        id="mosquitto-timescale",
    ),
]


@pytest.mark.parametrize("setting", CAMPAIGNS)
def test_whatever_breaks_the_database_holds_what_was_spooled(
    setting: Setting, capsys: pytest.CaptureFixture[str]
) -> None:
    environ = dict(os.environ)
    if setting.store == "timescale" and not environ.get(REQUIRE_ALL) and (reason := timescale_obstacle(environ)):
        component_missing(environ, "TimescaleDB", reason)
    try:
        report = run(setting)
    except Unavailable as reason:
        component_missing(environ, "a component of this campaign", str(reason))
    with capsys.disabled():
        print(f"\n{report.text()}")
    assert not report.wrong, report.logs
    assert sum(report.done.values()) >= LEAST_DONE
    assert report.packs > FAULTS
    assert report.marks > 0
