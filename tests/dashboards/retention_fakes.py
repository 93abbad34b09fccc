"""Retention that is in no database: one policy that was set once, whatever the organisation."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from siloscope_dashboards.auth.tokens import Identity
from siloscope_dashboards.errors import Conflict
from siloscope_dashboards.retention.models import (
    ArchiveSwitch,
    Going,
    GoingDay,
    Losses,
    NewPolicy,
    Plan,
    Policies,
    Policy,
)

AT = datetime(2024, 1, 1, tzinfo=UTC)


def policy(keep: str = "2y", version: int = 1) -> Policy:
    """The one policy that there is."""
    known = {"retention_class": "measurements", "level": "raw", "keep": keep, "keep_days": 731, "source": "set"}
    return Policy.model_validate(
        {**known, "default_keep": "2y", "version": version, "set_at": AT, "set_by": "user:ada"}
    )


@dataclass
class FakeRetention:
    """Remembers what was asked and set, and for which organisation."""

    check: Any
    asked: list[tuple[object, ...]] = field(default_factory=list)
    changed: list[tuple[int, str, str, NewPolicy]] = field(default_factory=list)
    switched: list[tuple[int, bool]] = field(default_factory=list)

    async def policies(self, org_id: int) -> Policies:
        self.check()
        self.asked.append((org_id,))
        return Policies(items=[policy()], archive_required=True, archiving=True, last_run_at=AT)

    async def switch_archive(self, identity: Identity, switch: ArchiveSwitch) -> Policies:
        self.check()
        if not switch.expected:
            raise Conflict("the archive is required by now")
        self.switched.append((identity.org_id, switch.required))
        return Policies(items=[policy()], archive_required=switch.required, archiving=True, last_run_at=AT)

    async def set_policy(self, identity: Identity, retention_class: str, level: str, new: NewPolicy) -> Policy:
        self.check()
        if new.expected_version != 1:
            raise Conflict("the newest version is 1")
        self.changed.append((identity.org_id, retention_class, level, new))
        return policy(new.keep, 2)

    async def plan(self, org_id: int, retention_class: str | None, level: str | None, keep: str | None) -> Plan:
        self.check()
        self.asked.append((org_id, retention_class, level, keep))
        known = {"retention_class": "measurements", "level": "raw", "site": None, "before": AT, "rows": 2}
        days = [GoingDay(day=date(2023, 1, 1), archived=True)]
        dates = {"first": date(2023, 1, 1), "last": date(2023, 1, 1), "days": days, "stays": []}
        return Plan(at=AT, items=[Going.model_validate({**known, **dates, "size_bytes": 160})])

    async def history(self, org_id: int, limit: int, below: int | None) -> Losses:
        self.check()
        self.asked.append((org_id, limit, below))
        return Losses(items=[])
