"""A database that is not there: two organisations, `ours` (1) and `theirs` (2), each with one of everything."""

from dataclasses import dataclass
from pathlib import Path

from siloscope_dashboards.auth.passwords import Passwords
from siloscope_dashboards.auth.sessions import Sessions
from siloscope_dashboards.auth.throttle import LoginThrottle
from siloscope_dashboards.auth.tokens import AccessTokens
from siloscope_dashboards.live.hub import Hub
from siloscope_dashboards.operations.metrics import Metrics
from siloscope_dashboards.page.assets import Assets
from siloscope_dashboards.wiring import Wiring
from siloscope_process.clock import ManualClock
from tests.dashboards.account_fakes import CHEAP, FakeAccounts
from tests.dashboards.alert_fakes import FakeAlerts, FakeNotifying, FakeRules
from tests.dashboards.mending_fakes import FakeMending
from tests.dashboards.node_fakes import FakeNodes
from tests.dashboards.reading_fakes import FakeChanges, FakeReadings
from tests.dashboards.retention_fakes import FakeRetention


@dataclass(frozen=True)
class Parts:
    """The fakes of one app, for a test to move."""

    readings: FakeReadings
    accounts: FakeAccounts
    changes: FakeChanges
    alerts: FakeAlerts
    rulebook: FakeRules
    notifying: FakeNotifying
    nodes: FakeNodes
    retention: FakeRetention
    clock: ManualClock
    wiring: Wiring


def parts(static: Path, *, queue_length: int = 100) -> Parts:
    """Wire an app out of fakes."""
    clock = ManualClock()
    readings, accounts, changes = FakeReadings(), FakeAccounts(), FakeChanges()
    check = readings._check
    alerts, rulebook, notifying = FakeAlerts(check), FakeRules(check), FakeNotifying(check)
    nodes, retention = FakeNodes(check), FakeRetention(check)
    tokens = AccessTokens(b"k" * 32, clock)
    sessions = Sessions(accounts, tokens, Passwords(CHEAP), LoginThrottle(clock), clock)
    wiring = Wiring(
        readings=readings,
        mending=FakeMending(readings),
        alerts=alerts,
        rulebook=rulebook,
        notifying=notifying,
        nodes=nodes,
        retention=retention,
        changes=changes,
        accounts=accounts,
        sessions=sessions,
        tokens=tokens,
        hub=Hub(queue_length),
        metrics=Metrics(),
        assets=Assets(static),
        clock=clock,
    )
    return Parts(readings, accounts, changes, alerts, rulebook, notifying, nodes, retention, clock, wiring)
