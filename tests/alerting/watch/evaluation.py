"""An evaluator over a real database, driven a round at a time; killed and begun anew at will."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from prometheus_client import CollectorRegistry
from psycopg.types.json import Jsonb

from siloscope_alerting.columns import Outcome
from siloscope_alerting.engine.evaluation import Engine
from siloscope_alerting.life import Transition
from siloscope_alerting.ports import IncidentFacts, Notification, NotificationKind
from siloscope_alerting.watch.database_watch import DatabaseWatch
from siloscope_alerting.watch.loop import EvaluatorLoop
from siloscope_alerting.watch.metrics import WatchMetrics
from siloscope_contract.alerts.rules import Rule
from siloscope_process.clock import ManualClock
from siloscope_store import alert_lease, notify_ladder
from siloscope_store.connections import Connected, Pool, borrowed
from tests.alerting.conftest import AlertFarm

SILENT_S = 600


def silence(farm: AlertFarm, ago_s: float = SILENT_S) -> None:
    """Let everything that is known be so old, as if the link had been lost then; absence was judged until now."""
    farm.connection.execute(
        "UPDATE latest SET "
        "times = array_fill(clock_timestamp() - make_interval(secs => %s), ARRAY[cardinality(times)]), "
        "updated_at = clock_timestamp() - make_interval(secs => %s)",
        (ago_s, ago_s),
    )
    farm.hear(ago_s=ago_s)
    farm.connection.execute("UPDATE alert_evaluator SET evaluated_to = clock_timestamp()")


class Told:
    """A router that sends nothing, and remembers what would have been told."""

    def __init__(self) -> None:
        self.messages: list[tuple[NotificationKind, IncidentFacts]] = []
        self.rolled_back: list[NotificationKind] = []

    @property
    def kinds(self) -> list[str]:
        """What was told, in order."""
        return [kind for kind, _ in self.messages]

    def plan(
        self, incident: IncidentFacts, happened: NotificationKind, transitions: Sequence[Transition], at: datetime
    ) -> Sequence[Notification]:
        """Remember."""
        self.messages.append((happened, incident))
        return []

    async def routes_for(self, _connection: Connected, _incident_ids: Sequence[int]) -> "Told":
        return self

    async def facts_of(self, connection: Connected, incident_ids: Sequence[int]) -> Mapping[int, IncidentFacts]:
        """Return what messages say, without the lists of alerts."""
        found = await notify_ladder.incidents(connection, incident_ids)
        return {each.incident_id: msgspec.convert(_facts(each), IncidentFacts) for each in found}


class Evaluation:
    """Evaluates rules of a farm.

    Args:
        pool: Open, on the farm's database.
        farm: Where readings are written.
        silent_after_s: Least silence.
    """

    def __init__(self, pool: Pool, farm: AlertFarm, *, silent_after_s: float = 120.0) -> None:
        self.pool = pool
        self.farm = farm
        self.clock = ManualClock()
        self.told = Told()
        self.term = 0
        self._silent_after_s = silent_after_s
        self._loop: EvaluatorLoop | None = None
        self._watch: DatabaseWatch | None = None

    async def begin(self) -> None:
        """Take the lease as another process would, whoever holds it, and begin from what is stored."""
        self.farm.connection.execute("UPDATE alert_evaluator SET lease_until = '-infinity'")
        async with borrowed(self.pool) as connection:
            term = await alert_lease.take(connection, "test", 60)
        assert term is not None
        self.term = term
        self._watch = DatabaseWatch(
            self.pool, term, self.clock, asyncio.Event(), self.told.routes_for, self.told.facts_of,
            least_silence_s=self._silent_after_s,
        )  # fmt: skip
        await self._watch.begin()
        self._loop = EvaluatorLoop(self._watch, Engine(), self.clock, WatchMetrics(CollectorRegistry()))

    @property
    def loop(self) -> EvaluatorLoop:
        """The running loop."""
        assert self._loop is not None
        return self._loop

    @property
    def watch(self) -> DatabaseWatch:
        """Its watch."""
        assert self._watch is not None
        return self._watch

    async def turn(self) -> Outcome:
        """Let a second pass and go round once."""
        if self._loop is None:
            await self.begin()
        self.clock.advance(1.1)
        return await self.loop.turn()

    def rule(self, slug: str, **fields: Any) -> int:
        """Write a rule; its condition as JSON."""
        rule = msgspec.convert({"rule": slug, "name": slug.title(), **fields}, Rule)
        connection = self.farm.connection
        row = connection.execute(
            "INSERT INTO alert_rule (org_id, slug) VALUES (%s, %s) RETURNING rule_id", (self.farm.org_id, slug)
        ).fetchone()
        assert row is not None
        connection.execute(
            "INSERT INTO alert_rule_version (rule_id, version, org_id, document, author) "
            "VALUES (%s, 1, %s, %s, 'test')",
            (row[0], self.farm.org_id, Jsonb(msgspec.to_builtins(rule))),
        )
        return int(row[0])

    def states(self) -> list[tuple[str, str]]:
        """Return state and reason of every alert, oldest first."""
        return self.farm.connection.execute("SELECT state, reason FROM alert ORDER BY alert_id").fetchall()

    def history(self) -> list[str]:
        """Return the states that alerts went through, an alert a line."""
        return [
            row[0]
            for row in self.farm.connection.execute(
                "SELECT string_agg(to_state, ' ' ORDER BY number) FROM alert_transition "
                "GROUP BY alert_id ORDER BY alert_id"
            ).fetchall()
        ]


def _facts(row: notify_ladder.Incident) -> dict[str, Any]:
    return {**msgspec.structs.asdict(row), "alerts": [], "alerts_count": 0}
