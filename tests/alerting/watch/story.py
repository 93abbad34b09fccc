"""Causes over a site of two nodes, told a step at a time."""

from itertools import count
from typing import Any

import msgspec

from siloscope_alerting.columns import BoundRule, Judgement
from siloscope_alerting.life import Key
from siloscope_alerting.watch.causes import Causes, Telling
from siloscope_alerting.watch.incidents import Incident, OpenAlert
from siloscope_alerting.watch.present import Present
from siloscope_contract.alerts.rules import Rule
from siloscope_contract.alerts.words import Reason, Severity, State, SubjectKind

BEGIN_MS = 1_000_000_000
SITE, BIN, YARD, MAST = 7, 70, 1, 2
THRESHOLD = {"kind": "threshold", "above": 30.0}


def bound(rule_id: int = 1, **fields: Any) -> BoundRule:
    """Return a rule."""
    told = {"rule": f"rule-{rule_id}", "name": f"Rule {rule_id}", "condition": THRESHOLD, **fields}
    return BoundRule(rule_id, 1, 5, msgspec.convert(told, Rule))


class Story:
    """Causes over a site of two nodes, told a step at a time."""

    def __init__(self, *rules: BoundRule) -> None:
        self.causes = Causes([], {each.rule_id: each for each in rules or (bound(),)})
        self.now_ms = BEGIN_MS
        self.silent: dict[int, int] = {}
        self.heard_ms: dict[int, int] = {}
        self.owing: set[int] = set()
        self.marked_ms: dict[int, int] = {}
        self.told: list[Telling] = []
        self._numbers, self._incidents = count(1), count(1)

    def alert(
        self, channel: int = 100, rule_id: int = 1, *, node: int | None = YARD, kind: SubjectKind = SubjectKind.CHANNEL,
        severity: Severity = Severity.WARNING,
    ) -> OpenAlert:  # fmt: skip
        """Let an alert fire now."""
        alert = OpenAlert(
            next(self._numbers), Key(rule_id, kind, channel), 1, 5, severity, State.FIRING, Reason.HELD, self.now_ms,
            SITE, node, BIN, channel if kind is SubjectKind.CHANNEL else None, fired_ms=self.now_ms,
        )  # fmt: skip
        self.causes.fired(alert, self.now_ms)
        return alert

    def end(self, *alerts: OpenAlert) -> None:
        """Let alerts resolve now."""
        for alert in alerts:
            alert.state, alert.ended_ms = State.RESOLVED, self.now_ms

    def past(self, channel: int = 100, *, minutes: int = 10, from_ms: int | None = None) -> OpenAlert:
        """Let late data show an excursion."""
        begin_ms = BEGIN_MS - 3_600_000 if from_ms is None else from_ms
        alert = OpenAlert(
            next(self._numbers), Key(1, SubjectKind.CHANNEL, channel), 1, 5, Severity.WARNING, State.RESOLVED,
            Reason.LATE_EXCURSION, begin_ms, SITE, YARD, BIN, channel, fired_ms=begin_ms,
            ended_ms=begin_ms + minutes * 60_000, retrospective=True, facts={"worst": 31.0, "now": 24.0, "unit": "Cel"},
        )  # fmt: skip
        self.causes.looked_back(alert, self.now_ms)
        return alert

    def go(self, seconds: float = 0.25) -> list[str]:
        """Let time pass and look; return the kinds of what is told."""
        self.now_ms += round(seconds * 1000)
        sites = {SITE: max(self.silent.values())} if {YARD, MAST} <= self.silent.keys() else {}
        judgement = Judgement(self.now_ms, False, dict(self.silent), sites, now_ms=self.now_ms)
        present = Present(
            self.now_ms, judgement, self.heard_ms, self.owing, self.marked_ms, {SITE: {YARD: 30, MAST: 3}}, {SITE: 5}
        )
        found = list(self.causes.follow(present))
        for telling in found:
            if telling.kind is not None and not telling.incident.incident_id:
                telling.incident.named(next(self._incidents))
        self.told += found
        return [each.kind for each in found if each.kind is not None]

    def wait(self, seconds: float, step_s: float = 5.0) -> list[str]:
        """Let time pass, looking all the while."""
        kinds = []
        for _ in range(round(seconds / step_s)):
            kinds += self.go(step_s)
        return kinds

    @property
    def last(self) -> Incident:
        """The incident that was told last."""
        return [each for each in self.told if each.kind is not None][-1].incident
