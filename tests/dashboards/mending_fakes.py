"""Refused messages and undated samples that are in no database."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from siloscope_dashboards.auth.tokens import Identity
from siloscope_dashboards.clocks.models import ClockEvent, Redated, Redating, UndatedPile
from siloscope_dashboards.quarantine.models import Chosen, Concerned, Quarantine, RefusedMessage, RefusedPayload
from tests.dashboards.reading_fakes import AT, FakeReadings


@dataclass
class FakeMending:
    """One refused message and one pile of undated samples of each organisation; away when the readings are."""

    readings: FakeReadings

    async def refused(
        self, org_id: int, reason: str | None, node_id: int | None, limit: int, below: int | None
    ) -> Quarantine:
        self.readings._check()
        return Quarantine(items=[self._message(org_id)], only_counted=[])

    async def refused_payload(self, org_id: int, quarantine_id: int) -> RefusedPayload | None:
        self.readings._check()
        if quarantine_id != org_id * 10:
            return None
        return RefusedPayload(**dict(self._message(org_id)), payload_base64="W3s=")

    async def exported(self, org_id: int, reason: str | None) -> AsyncIterator[bytes]:
        self.readings._check()
        yield self._message(org_id).model_dump_json().encode() + b"\n"

    async def replay(self, identity: Identity, chosen: Chosen) -> Concerned:
        self.readings._check()
        return Concerned(messages=1)

    async def discard(self, identity: Identity, chosen: Chosen) -> Concerned:
        self.readings._check()
        return Concerned(messages=1)

    async def clock_events(self, org_id: int, node_id: int) -> list[ClockEvent] | None:
        self.readings._check()
        if node_id != org_id * 10:
            return None
        return [ClockEvent(kind="ahead", offset_s=7200, before_s=None, since=AT, until=None)]

    async def undated(self, org_id: int) -> list[UndatedPile]:
        self.readings._check()
        times = {"first_ms": 0, "last_ms": 9, "arrived_from": AT, "arrived_to": AT, "median_behind_ms": 1}
        pile = {"site": "north", "node": "yard", "node_id": org_id * 10, "reason": "out_of_window", "samples": 1}
        return [UndatedPile.model_validate({**pile, **times})]

    async def redate(self, identity: Identity, asked: Redating) -> Redated:
        self.readings._check()
        numbers = {"samples": 1, "unbelievable": 0, "new": 0, "conflicts": 0, "new_weeks": 0}
        return Redated(dry_run=asked.dry_run, first=AT, last=AT, more=False, **numbers)

    def _message(self, org_id: int) -> RefusedMessage:
        known = {"id": org_id * 10, "node_id": org_id * 10, "node": "north/yard", "epoch": None, "seq": None}
        said = {"topic": "silo/v1/o/north/yard/samples", "reason": "malformed", "detail": "torn", "sha256": "00"}
        seen = {"size_bytes": 2, "received_at": AT, "last_seen_at": AT, "times_seen": 1}
        tried = {"replay_requested_at": None, "replayed_at": None}
        return RefusedMessage.model_validate({**known, **said, **seen, **tried})
